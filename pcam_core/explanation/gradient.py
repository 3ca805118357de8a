"""Gradients of a Keras model with respect to what it takes, under TensorFlow and JAX."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Gradient = Callable[[Sequence[Floats]], tuple[list[Floats], list[Floats]]]


def gradient(model: keras.Model, first: int = 0) -> Gradient:
    """Return a compiled function that differentiates the sum of a model's first output.

    Args:
        model: Takes a list of float tensors and gives one; runs as in inference.
        first: Place of the first input to differentiate by; those before it are given.

    Returns:
        A function from inputs, float32 (n, ...) each, to the outputs and to the gradient with
        respect to every input from `first` on, of the input's shape. Give it batches of one
        shape: for each new one it is compiled anew.

    Raises:
        NotImplementedError: Keras' backend is neither TensorFlow nor JAX.
    """
    backends = {"tensorflow": _tensorflow, "jax": _jax}
    backend = keras.config.backend()
    if backend not in backends:
        raise NotImplementedError(f"Gradients under the backend {backend} are not known.")
    run = backends[backend](model, first)

    def differentiate(inputs: Sequence[Floats]) -> tuple[list[Floats], list[Floats]]:
        outputs, gradients = run([np.asarray(given, np.float32) for given in inputs])
        return [np.asarray(o) for o in outputs], [np.asarray(g) for g in gradients]

    return differentiate


def _tensorflow(model: keras.Model, first: int) -> Callable[[Any], Any]:
    import tensorflow as tf

    @tf.function  # type: ignore[untyped-decorator]
    def run(inputs: Any) -> Any:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(inputs[first:])
            outputs = model(inputs)
            summed = tf.reduce_sum(outputs[0])
        zero = tf.UnconnectedGradients.ZERO
        return outputs, tape.gradient(summed, inputs[first:], unconnected_gradients=zero)

    return lambda inputs: run([tf.convert_to_tensor(given) for given in inputs])


def _jax(model: keras.Model, first: int) -> Callable[[Any], Any]:
    import jax

    def summed(differentiated: Any, given: Any, trainable: Any, fixed: Any) -> Any:
        inputs = [*given, *differentiated]
        outputs, _ = model.stateless_call(trainable, fixed, inputs)
        return outputs[0].sum(), outputs

    compiled = jax.jit(jax.grad(summed, has_aux=True))

    def run(inputs: Any) -> Any:
        trainable = [variable.value for variable in model.trainable_variables]
        fixed = [variable.value for variable in model.non_trainable_variables]
        gradients, outputs = compiled(inputs[first:], inputs[:first], trainable, fixed)
        return outputs, gradients

    return run
