"""Telling that a device is out of memory."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether TensorFlow, JAX or CUDA had too little memory on the device."""
    # JAX has no class of its own for it, only the status in the message.
    told = f"{type(error).__name__} {error}"
    return any(
        sign in told
        for sign in ("ResourceExhausted", "RESOURCE_EXHAUSTED", "CUDA_ERROR_OUT_OF_MEMORY")
    )
