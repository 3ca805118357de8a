"""What a run will find on this machine: versions, devices, memory, disk and services."""

import importlib.metadata
import json
import os
import platform
import shutil
import subprocess
from collections.abc import Iterator
from http.client import HTTPException
from pathlib import Path
from typing import Literal
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import urlopen

from pydantic import BaseModel, ConfigDict, computed_field

from pcam_core.credentials import without_credentials
from pcam_core.errors import InputError
from pcam_core.object_store import open_store
from pcam_core.precision import gpus, precision_policy, xla_used

State = Literal["ok", "warning", "problem"]

GIB = 2**30
LITTLE_MEMORY = 4 * GIB  # an estimate: room for TensorFlow, its buffers and Prefect's server
LITTLE_DISK = 20 * GIB  # raw patches and one 96 px copy of the whole data set, 8 GB each
NO_DISK = 1 * GIB
PREFECT_TIMEOUT_S = 3.0
NVIDIA_SMI_TIMEOUT_S = 10.0


class Check(BaseModel):
    """One line of the diagnosis.

    Attributes:
        name: What was looked at ("TensorFlow").
        state: "ok"; "warning": a run works, but slowly or with less room than usual; "problem": a
            run will fail.
        value: What was found.
        remedy: What to do about it; "" where the state is "ok".
    """

    model_config = ConfigDict(frozen=True)

    name: str
    state: State
    value: str
    remedy: str = ""


class Diagnosis(BaseModel):
    """All checks, in the order in which a person wants to read them."""

    model_config = ConfigDict(frozen=True)

    checks: tuple[Check, ...]

    @computed_field  # type: ignore[prop-decorator]
    @property
    def healthy(self) -> bool:
        """False if any check found a problem; warnings do not count."""
        return all(check.state != "problem" for check in self.checks)


def examine(folder: Path, store_address: str | None = None) -> Diagnosis:
    """Look at everything that a run depends on; takes seconds, mostly for Keras' backend.

    Args:
        folder: Where artifacts will be kept; it need not exist yet.
        store_address: "s3://bucket/prefix" or a folder; None when none is configured.

    Returns:
        The diagnosis. What is wrong is told there and never raised.
    """
    return Diagnosis(
        checks=(
            _pcam(),
            _ok("Python", f"{platform.python_version()} ({platform.python_implementation()})"),
            _ok("platform", platform.platform()),
            _cpus(),
            _memory(),
            *_arithmetic(),
            _disk(folder),
            _object_store(store_address),
            _prefect_api(os.environ.get("PREFECT_API_URL", "")),
        )
    )


def _ok(name: str, value: str) -> Check:
    return Check(name=name, state="ok", value=value)


def _pcam() -> Check:
    try:
        return _ok("pcam", importlib.metadata.version("pcam"))
    except importlib.metadata.PackageNotFoundError:
        return Check(
            name="pcam",
            state="warning",
            value="runs from a checkout that is not installed",
            remedy="Install it (pip install --no-deps -e .), so that `pcam` is found.",
        )


def _cpus() -> Check:
    # Containers and batch systems give a process fewer than the machine has.
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return _ok("CPUs", f"{usable} usable of {os.cpu_count()}")


def _memory() -> Check:
    import psutil

    memory = psutil.virtual_memory()
    value = f"{memory.available / GIB:.1f} GiB available of {memory.total / GIB:.1f} GiB"
    if memory.available >= LITTLE_MEMORY:
        return _ok("memory", value)
    return Check(
        name="memory",
        state="warning",
        value=value,
        remedy="End other programs, or choose smaller batches and fewer loading processes.",
    )


def _arithmetic() -> Iterator[Check]:
    """Keras, its backend and what they can use; ends after the first problem."""
    try:
        import keras

        backend = keras.config.backend()
        yield _ok("Keras", f"{keras.__version__} on {backend}")
        yield _tensorflow(backend)
        yield _gpus(backend)
        yield _cuda(backend)
        yield _ok("precision policy", precision_policy())
        yield _ok("XLA", "used" if xla_used() else "not used")
    # A broken driver or wheel raises almost anything, and that is what a doctor is asked about.
    except Exception as error:
        first_line = f"{type(error).__name__}: {error}".splitlines()[0]
        yield Check(
            name="Keras and its backend",
            state="problem",
            value=first_line,
            remedy="Install the locked requirements, and check KERAS_BACKEND and the GPU's driver.",
        )


def _tensorflow(backend: str) -> Check:
    if backend == "tensorflow":
        import tensorflow as tf

        return _ok("TensorFlow", str(tf.__version__))
    try:
        return _ok("TensorFlow", f"{importlib.metadata.version('tensorflow')} (not the backend)")
    except importlib.metadata.PackageNotFoundError:
        return _ok("TensorFlow", "not installed (not the backend)")


def _gpus(backend: str) -> Check:
    seen, present = gpus(), _nvidia_smi()
    memory = f"; {'; '.join(present)}" if present else ""
    if seen:
        names = ", ".join(
            f"{gpu.name} (compute capability {'.'.join(map(str, gpu.compute_capability or '?'))})"
            for gpu in seen
        )
        return _ok("GPUs", f"{len(seen)}: {names}{memory}")
    if present:
        return Check(
            name="GPUs",
            state="problem",
            value=f"not seen by {backend}{memory}",
            remedy=f"Install {backend} with CUDA, or set CUDA_VISIBLE_DEVICES= to use the CPU.",
        )
    return Check(
        name="GPUs",
        state="warning",
        value="none",
        remedy="Use the demo recipe here; training on the whole data set wants a GPU.",
    )


def _nvidia_smi() -> list[str]:
    """The driver's view of the GPUs that this process may use; empty where it cannot be asked."""
    program = shutil.which("nvidia-smi")
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if program is None or visible in {"", "-1", "NoDevFiles"}:
        return []
    command = [program, "--query-gpu=name,memory.total,memory.used", "--format=csv,noheader"]
    if visible:
        command += ["-i", visible]
    try:
        answer = subprocess.run(  # noqa: S603 - a found program, no shell, no user's text
            command, capture_output=True, text=True, timeout=NVIDIA_SMI_TIMEOUT_S, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return []
    rows = [line.split(", ") for line in answer.stdout.splitlines()]
    return [f"{row[0]}: {row[1]}, {row[2]} in use" for row in rows if len(row) == 3]


def _cuda(backend: str) -> Check:
    if backend == "tensorflow":
        import tensorflow as tf

        if not tf.test.is_built_with_cuda():
            return _ok("CUDA", "TensorFlow was built without it")
        build = tf.sysconfig.get_build_info()
        cuda, cudnn = build.get("cuda_version", "?"), build.get("cudnn_version", "?")
        return _ok("CUDA", f"TensorFlow was built with CUDA {cuda} and cuDNN {cudnn}")
    if backend == "jax":
        import jax

        told = str(jax.local_devices()[0].client.platform_version)
        return _ok("CUDA", f"JAX's platform: {' '.join(told.split())}")
    return _ok("CUDA", f"not told by {backend}")


def _disk(folder: Path) -> Check:
    folder = folder.absolute()
    try:
        place = next(p for p in (folder, *folder.parents) if p.exists())
        writable = place.is_dir() and os.access(place, os.W_OK | os.X_OK)
        free = shutil.disk_usage(place).free
    except OSError as error:
        return _unusable(f"{folder} cannot be looked at ({error.strerror})")
    if not writable:
        return _unusable(f"{place} is no folder that this user may write to")
    value = f"{free / GIB:.1f} GiB free at {place}"
    if free >= LITTLE_DISK:
        return _ok("disk", value)
    return Check(
        name="disk",
        state="problem" if free < NO_DISK else "warning",
        value=value,
        remedy=f"Free some space: the whole data set wants {LITTLE_DISK / GIB:.0f} GiB.",
    )


def _unusable(value: str) -> Check:
    return Check(
        name="disk",
        state="problem",
        value=value,
        remedy="Choose another folder, or allow this user to write there.",
    )


def _object_store(address: str | None) -> Check:
    if address is None:
        return _ok("object store", "not configured")
    try:
        open_store(address).check()
    except InputError as error:
        return Check(name="object store", state="problem", value=error.problem, remedy=error.remedy)
    return _ok("object store", f"{address} answers" if "://" in address else address)


def _prefect_api(url: str) -> Check:
    if not url:
        return _ok("Prefect API", "embedded (none configured)")
    problem, state = _health(url)
    shown = without_credentials(url).partition("?")[0]
    if state == "ok":
        return _ok("Prefect API", f"{shown} answers")
    return Check(
        name="Prefect API",
        state=state,
        value=f"{shown} {problem}",
        remedy="Start the server, or correct PREFECT_API_URL and its credentials.",
    )


def _health(url: str) -> tuple[str, State]:
    """What is wrong with a Prefect server at `url` ("" where nothing is), and how bad it is."""
    try:
        if urlsplit(url).scheme not in {"http", "https"}:
            return "is no http or https address", "problem"
        with urlopen(f"{url.rstrip('/')}/health", timeout=PREFECT_TIMEOUT_S) as answer:  # noqa: S310
            healthy = json.loads(answer.read(1000)) is True
    except HTTPError as error:
        # Prefect Cloud and some proxies want a login, which only Prefect itself should send.
        refused = error.code in {401, 403}
        return f"answers {error.code}", "warning" if refused else "problem"
    except (OSError, HTTPException):
        return "does not answer", "problem"
    except ValueError:
        return "is no Prefect server's address", "problem"
    return ("", "ok") if healthy else ("is not healthy", "problem")
