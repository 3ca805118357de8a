"""Which arithmetic the machine at hand does best."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

Policy = Literal["float32", "mixed_float16", "mixed_bfloat16"]

_BFLOAT16_SINCE = (8, 0)  # NVIDIA Ampere


@dataclass(frozen=True)
class Gpu:
    """A GPU that Keras' backend can use.

    Attributes:
        name: The maker's name for it ("NVIDIA H200").
        compute_capability: NVIDIA's (major, minor) version; None where the backend tells none.
    """

    name: str
    compute_capability: tuple[int, int] | None


def gpus() -> tuple[Gpu, ...]:
    """GPUs that the current Keras backend sees; empty on a CPU and for other backends.

    Raises:
        ImportError: Keras or its backend is not installed.
    """
    import keras

    backend = keras.config.backend()
    if backend == "tensorflow":
        return _tensorflow_gpus()
    return _jax_gpus() if backend == "jax" else ()


def precision_policy() -> Policy:
    """Keras' dtype policy for this machine, decided by its least capable GPU.

    Returns:
        "mixed_bfloat16" from compute capability 8.0 on (it needs no loss scaling),
        "mixed_float16" on older GPUs, and "float32" on a CPU, where half precision is slower,
        and on GPUs that tell no compute capability.
    """
    capabilities = [gpu.compute_capability for gpu in gpus()]
    known = [capability for capability in capabilities if capability is not None]
    if not known or len(known) < len(capabilities):
        return "float32"
    return "mixed_bfloat16" if min(known) >= _BFLOAT16_SINCE else "mixed_float16"


def xla_used() -> bool:
    """Whether training steps are compiled with XLA.

    JAX always is; TensorFlow only with a GPU, because some of the operations used do not compile
    under XLA on a CPU.
    """
    import keras

    backend = keras.config.backend()
    return backend == "jax" or (backend == "tensorflow" and bool(gpus()))


def _tensorflow_gpus() -> tuple[Gpu, ...]:
    import tensorflow as tf

    details = [
        tf.config.experimental.get_device_details(device)
        for device in tf.config.list_physical_devices("GPU")
    ]
    return tuple(
        Gpu(found.get("device_name", "GPU"), found.get("compute_capability")) for found in details
    )


def _jax_gpus() -> tuple[Gpu, ...]:
    import jax

    return tuple(
        Gpu(device.device_kind, _capability(device))
        for device in jax.local_devices()
        if device.platform in {"gpu", "cuda", "rocm"}
    )


def _capability(device: Any) -> tuple[int, int] | None:
    """NVIDIA's "9.0" as numbers; AMD's "gfx90a" is on no such scale."""
    told = re.fullmatch(r"(\d+)\.(\d+)", str(getattr(device, "compute_capability", "")))
    return (int(told[1]), int(told[2])) if told else None


def auto_policy() -> Policy:
    """Like `precision_policy`, but without loading a backend where no GPU driver is."""
    return precision_policy() if Path("/proc/driver/nvidia").exists() else "float32"
