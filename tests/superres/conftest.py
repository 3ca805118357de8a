"""Test pictures, the shared models, and the JAX subprocess."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

_ROOT = Path(__file__).resolve().parents[2]


def _shared(name: str) -> Path:
    path = _ROOT.parent / "shared" / "superres" / name
    if not path.exists():
        pytest.skip(f"../shared/superres/{name} is not beside the repository")
    return path


@pytest.fixture(scope="session")
def hub_folder() -> Path:
    return _shared("esrgan-tf2-random")


@pytest.fixture(scope="session")
def slim_path() -> Path:
    return _shared("esrgan-slim_4x.keras")


@pytest.fixture(scope="session")
def shared_model() -> Callable[[str], Path]:
    """Gives the path of a model in ../shared/superres, or skips where it is absent."""
    return _shared


def _tissue(size: int, seed: int = 0) -> NDArray[np.uint8]:
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:size, :size] / size
    dye = 0.15 * np.sin(9 * columns + rng.uniform(0, 6)) * np.cos(7 * rows)
    for _ in range(25):
        y, x, radius = *rng.uniform(0, 1, 2), rng.uniform(0.03, 0.07)
        dye += 0.8 / (1 + np.exp((np.hypot(rows - y, columns - x) - radius) * 150))
    absorbed = np.clip(dye, 0, 1.5)[..., None] * np.array([0.9, 1.4, 0.5])
    noisy = 235 * np.exp(-absorbed) + rng.normal(0, 4, (size, size, 3))
    return np.clip(noisy, 0, 255).astype(np.uint8)


@pytest.fixture(scope="session")
def tissue() -> Callable[..., NDArray[np.uint8]]:
    """Makes a pink picture with dark round nuclei and a little noise, (size, size, 3)."""
    return _tissue


@pytest.fixture(scope="session")
def run_under_jax() -> Callable[..., str]:
    """Runs Python code with arguments in a process of its own under the JAX backend."""

    def run(code: str, *arguments: object) -> str:
        done = subprocess.run(
            [sys.executable, "-c", code, *map(str, arguments)],
            env={**os.environ, "KERAS_BACKEND": "jax", "PYTHONPATH": str(_ROOT)},
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run
