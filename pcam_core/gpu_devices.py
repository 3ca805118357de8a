"""The GPUs of this machine, told without loading a backend."""

import os
import shutil
import subprocess
from pathlib import Path

_DRIVER = Path("/proc/driver/nvidia/gpus")
_TIMEOUT_S = 10.0


def gpu_devices() -> list[str]:
    """Return the GPUs that this process may use, each as CUDA_VISIBLE_DEVICES names it.

    Example:
        >>> gpu_devices()  # on a machine without one
        []
    """
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return [name for name in visible.split(",") if name not in {"", "-1", "NoDevFiles"}]
    program = shutil.which("nvidia-smi")
    if program is None:
        return [str(number) for number in range(len(list(_DRIVER.glob("*"))))]
    # The driver lists every card of the machine, nvidia-smi what a container was given.
    command = [program, "--query-gpu=uuid", "--format=csv,noheader"]
    try:
        answer = subprocess.run(  # noqa: S603 - a found program, no shell, no user's text
            command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return []
    return [line.strip() for line in answer.stdout.splitlines() if line.startswith("GPU-")]
