"""The folder that a service keeps its state in."""

import fcntl
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel

from pcam_core.atomic import replacing


class Addresses(BaseModel):
    """Where a running service is found.

    Attributes:
        prefect: Address of Prefect's UI; its API lies below, at /api.
        mlflow: Address of MLflow's UI and API.
        workers: Names of the workers.
    """

    prefect: str
    mlflow: str
    workers: list[str]

    @property
    def api(self) -> str:
        """Address of Prefect's API."""
        return f"{self.prefect}/api"


@dataclass(frozen=True)
class Home:
    """A folder with databases, logs and results.

    Attributes:
        root: The folder, absolute.
    """

    root: Path

    @property
    def lock(self) -> Path:
        """File that a running service keeps locked."""
        return self.root / "service.lock"

    @property
    def prefect(self) -> Path:
        """Prefect's database, settings and results."""
        return self.root / "prefect"

    @property
    def mlflow(self) -> Path:
        """MLflow's database and artifacts."""
        return self.root / "mlflow"

    @property
    def runs(self) -> Path:
        """Artifacts of all runs that ask for no other folder."""
        return self.root / "pcam-runs"

    @property
    def logs(self) -> Path:
        """What the service's processes print."""
        return self.root / "logs"

    @property
    def _addresses(self) -> Path:
        return self.root / "service.json"

    def tell(self, addresses: Addresses) -> None:
        """Let others know that everything answers."""
        with replacing(self._addresses) as path:
            path.write_text(addresses.model_dump_json(indent=2), encoding="utf-8")

    def told(self) -> Addresses | None:
        """Return where the service is found; None where it is not up, or not yet.

        What a service has told that was killed does not count: another may listen there now.
        """
        try:
            told = Addresses.model_validate_json(self._addresses.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        return told if self._is_locked() else None

    def _is_locked(self) -> bool:
        try:
            with self.lock.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
        return False

    def forget(self) -> None:
        """Let others know that nothing answers."""
        self._addresses.unlink(missing_ok=True)
