"""The machine and the versions that figures were measured with."""

import os
import platform
from importlib.metadata import version
from pathlib import Path

import psutil

_LIBRARIES = ("keras", "tensorflow", "numpy", "pillow", "prefect")


def machine() -> str:
    """Return processor, cores, memory, Python and libraries in one line."""
    cpuinfo = Path("/proc/cpuinfo")
    names = [
        line.partition(":")[2].strip()
        for line in (cpuinfo.read_text().splitlines() if cpuinfo.is_file() else [])
        if line.startswith("model name")
    ]
    memory = psutil.virtual_memory().total / 2**30
    versions = ", ".join(f"{name} {version(name)}" for name in _LIBRARIES)
    return (
        f"{names[0] if names else platform.processor()}, {os.cpu_count()} cores,"
        f" {memory:.0f} GiB; Python {platform.python_version()}, {versions}"
    )
