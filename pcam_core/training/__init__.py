"""Training and prediction with Keras, on TensorFlow or JAX."""
