"""An artifact: a folder that is believed only while its manifest checks."""

import hashlib
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from pcam_core.atomic import replacing, sha256_of, sync

MANIFEST = "manifest.json"
Figures = Mapping[str, Any]


class Artifact(BaseModel):
    """A reference to a finished folder.

    Attributes:
        stage: Name of the stage that made it.
        key: Hex content key; equal keys mean equal content.
        path: The folder.
    """

    model_config = ConfigDict(frozen=True)

    stage: str
    key: str
    path: Path

    @property
    def manifest(self) -> dict[str, Any]:
        """What the manifest says: stage, key, figures, files, seconds, finished, digest."""
        return dict(json.loads((self.path / MANIFEST).read_text()))

    @property
    def figures(self) -> dict[str, Any]:
        """The numbers that the stage found."""
        return dict(self.manifest["figures"])

    @property
    def seconds(self) -> float:
        """Seconds that the stage took."""
        return float(self.manifest["seconds"])

    @property
    def size(self) -> int:
        """Bytes of all its files."""
        return sum(entry["bytes"] for entry in self.manifest["files"].values())

    def fault(self) -> str | None:
        """Compare every file with the manifest and name the first difference; None if sound."""
        try:
            text = (self.path / MANIFEST).read_text()
            manifest = dict(json.loads(text))
            files = manifest["files"]
            # Other spellings of the same JSON are damage too.
            if manifest["digest"] != _digest(manifest) or text != _text(manifest):
                return f"{MANIFEST} has changed"
            if manifest["key"] != self.key:
                return f"{MANIFEST} belongs to another key"
            for name, entry in files.items():
                file = self.path / name
                if file.stat().st_size != entry["bytes"] or sha256_of(file) != entry["sha256"]:
                    return f"{name} has changed"
        except FileNotFoundError as error:
            return f"{Path(error.filename).name} is missing"
        except OSError as error:
            return f"{Path(error.filename or '').name} cannot be read"
        except (ValueError, KeyError, TypeError, AttributeError):
            return f"{MANIFEST} cannot be read"
        return None


def seal(folder: Path, artifact: Artifact, figures: Figures, seconds: float) -> None:
    """Write the manifest of a finished `folder` and move it to the artifact's path."""
    files = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            sync(path)
            name = path.relative_to(folder).as_posix()
            files[name] = {"bytes": path.stat().st_size, "sha256": sha256_of(path)}
    manifest = {
        "stage": artifact.stage,
        "key": artifact.key,
        "figures": dict(figures),
        "files": files,
        "seconds": round(seconds, 3),
        "finished": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }
    manifest["digest"] = _digest(manifest)
    with replacing(folder / MANIFEST) as temporary:
        temporary.write_text(_text(manifest))
    artifact.path.parent.mkdir(parents=True, exist_ok=True)
    folder.rename(artifact.path)
    sync(artifact.path.parent)


def _text(manifest: Mapping[str, Any]) -> str:
    return json.dumps(manifest, indent=2, allow_nan=False)


def _digest(manifest: Mapping[str, Any]) -> str:
    """Return the hex sha256 of all that a manifest says but this digest."""
    said = {name: value for name, value in manifest.items() if name != "digest"}
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()
