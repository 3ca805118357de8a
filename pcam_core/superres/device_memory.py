"""Tells a full device from other failures."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether a batch was too large for the memory of the device, or of the machine.

    Neither backend is imported for it: TensorFlow raises a class of its own
    (``tf.errors.ResourceExhaustedError``), JAX one class for all that fails on the device
    (``jax.errors.JaxRuntimeError``, called XlaRuntimeError before) with the status code in front
    of the message, and NumPy a ``MemoryError``.

    Example:
        >>> is_out_of_memory(MemoryError()), is_out_of_memory(ValueError("RESOURCE_EXHAUSTED"))
        (True, False)
    """
    if isinstance(error, MemoryError):
        return True
    names = {kind.__name__ for kind in type(error).__mro__}
    if "ResourceExhaustedError" in names:
        return True
    # XLA's status, which TensorFlow passes on under the name of another class where it compiles.
    runtime = names & {"JaxRuntimeError", "XlaRuntimeError", "OpError"}
    return bool(runtime) and "RESOURCE_EXHAUSTED" in str(error)
