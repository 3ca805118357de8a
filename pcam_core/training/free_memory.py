"""How much a GPU can still hold."""


def free_device_bytes() -> int:
    """Return the bytes that Keras' backend may still take of its first GPU; 0 if there is none."""
    import keras

    if keras.config.backend() == "jax":
        import jax

        told = jax.local_devices()[0].memory_stats() or {}
        return int(told.get("bytes_limit", 0)) - int(told.get("bytes_in_use", 0))
    import tensorflow as tf
    from tensorflow.python.client import device_lib

    if not tf.config.list_physical_devices("GPU"):
        return 0
    limits = [d.memory_limit for d in device_lib.list_local_devices() if d.device_type == "GPU"]
    return int(limits[0]) - int(tf.config.experimental.get_memory_info("GPU:0")["current"])
