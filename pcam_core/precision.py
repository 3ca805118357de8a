"""Which arithmetic the machine at hand does best."""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

Policy = Literal["float32", "mixed_float16", "mixed_bfloat16"]
"""Keras' dtype policy of a network that trains."""

Precision = Literal["float32", "bfloat16", "float16"]
"""What a network that only predicts computes with; its weights stay in float32."""

_BFLOAT16_SINCE = (8, 0)  # NVIDIA Ampere
_CPUINFO = Path("/proc/cpuinfo")
_BFLOAT16_FLAGS = {"avx512_bf16", "amx_bf16"}


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
        "mixed_float16" on older GPUs, and "float32" on a CPU and on GPUs that tell no compute
        capability.
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


def inference_precision() -> Precision:
    """What a network that only predicts computes fastest with, on this machine.

    Returns:
        On a GPU the half precision of `precision_policy`. On a CPU "bfloat16" where it multiplies
        that natively (AVX512_BF16 or AMX) and the backend is TensorFlow, whose oneDNN then needs
        half the time of float32; JAX converts to float32 and back, and gains nothing.
    """
    half: dict[Policy, Precision] = {"mixed_bfloat16": "bfloat16", "mixed_float16": "float16"}
    return half.get(auto_policy()) or ("bfloat16" if _cpu_has_bfloat16() else "float32")


def _cpu_has_bfloat16() -> bool:
    if os.environ.get("KERAS_BACKEND", "tensorflow") != "tensorflow" or not _CPUINFO.is_file():
        return False
    lines = _CPUINFO.read_text().splitlines()
    flags = next((line for line in lines if line.startswith("flags")), "")
    return not _BFLOAT16_FLAGS.isdisjoint(flags.split())
