"""A stage: a function from artifacts and settings to one artifact, computed once per key."""

import hashlib
import json
import logging
import os
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from filelock import FileLock, Timeout

from pcam_core.artifact import Artifact, Figures, seal
from pcam_core.section import Section
from pcam_core.source_digest import source_digest

logger = logging.getLogger(__name__)

# Below the root of artifacts: where stages work on them, each beside the lock of that name.
BUILDING = ".building"
_NUMERIC = ("keras", "numpy", "opencv-python-headless", "pillow", "scikit-learn")
_BACKENDS = {"tensorflow": "tensorflow", "jax": "jax"}


@runtime_checkable
class Keyed(Protocol):
    """Anything whose content is known by a key: artifacts and raw data."""

    @property
    def key(self) -> str:
        """Hex content key."""


class Stage:
    """A function that fills a folder, with the key of what it will write there.

    Args:
        function: Called as `function(folder, **inputs)`; writes files into the empty
            `folder` and returns its figures (JSON values).
        numeric: Whether its floating-point results depend on the numeric libraries; their
            versions and the backend then belong to the key.
        resumable: Whether the function can go on with what a stopped run of it left in the
            folder.
    """

    def __init__(
        self, function: Callable[..., Figures], *, numeric: bool = False, resumable: bool = False
    ) -> None:
        self.function = function
        self.name = function.__name__
        self.numeric = numeric
        self.resumable = resumable
        self.__doc__ = function.__doc__

    def key(self, **inputs: Any) -> str:
        """Return the hex content key of what these inputs lead to."""
        content = {
            "stage": self.name,
            "code": source_digest(self.function.__module__),
            "versions": numeric_versions() if self.numeric else None,
            "inputs": {name: _content(value) for name, value in inputs.items()},
        }
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    def reference(self, root: Path, key: str) -> Artifact:
        """Return the artifact of `key` below `root`, whether it exists or not."""
        return Artifact(stage=self.name, key=key, path=root / f"{self.name}-{key[:16]}")

    def find(self, root: Path, key: str) -> Artifact | None:
        """Return the artifact of `key` if it exists and checks, else None."""
        artifact = self.reference(root, key)
        if not artifact.path.exists():
            return None
        fault = artifact.fault()
        if fault:
            logger.warning("%s is damaged (%s) and will be rebuilt.", artifact.path, fault)
            return None
        return artifact

    def build(self, root: Path, **inputs: Any) -> Artifact:
        """Return the artifact of these inputs, computing it only if it does not exist.

        Of several processes that ask for the same artifact, one computes and the others
        wait for it. Nothing is left at the artifact's path when the function raises.
        """
        key = self.key(**inputs)
        target = self.reference(root, key)
        workshop = root / BUILDING / target.path.name
        workshop.parent.mkdir(parents=True, exist_ok=True)
        with _turn(workshop):
            found = self.find(root, key)
            if found:
                return found
            for leftover in (target.path,) if self.resumable else (workshop, target.path):
                shutil.rmtree(leftover, ignore_errors=True)
                leftover.unlink(missing_ok=True)
            workshop.mkdir(exist_ok=self.resumable)
            start = time.monotonic()
            try:
                figures = self.function(workshop, **inputs)
                seal(workshop, target, figures, time.monotonic() - start)
            finally:
                if not self.resumable:
                    shutil.rmtree(workshop, ignore_errors=True)
        return target


def stage(
    *, numeric: bool = False, resumable: bool = False
) -> Callable[[Callable[..., Figures]], Stage]:
    """Make a stage of a function; see `Stage`."""
    return lambda function: Stage(function, numeric=numeric, resumable=resumable)


def numeric_versions() -> dict[str, str]:
    """Return the versions that floating-point results depend on, the backend's included."""
    backend = os.environ.get("KERAS_BACKEND", "tensorflow")
    names = [*_NUMERIC, _BACKENDS.get(backend, backend)]
    return {"backend": backend} | {name: version(name) for name in names}


def _turn(workshop: Path) -> AbstractContextManager[Any]:
    """Wait until no other process works on this artifact; the end of a process frees its lock."""
    lock = FileLock(workshop.with_suffix(".lock"))
    try:
        return lock.acquire(blocking=False)
    except Timeout:
        logger.info("Another run works on %s; waiting for it.", workshop.name)
        return lock.acquire()


def _content(value: Any) -> Any:
    if isinstance(value, Section):
        return value.content()
    if isinstance(value, Keyed):
        return value.key
    if isinstance(value, Mapping):
        return {name: _content(item) for name, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_content(item) for item in value]
    return value
