"""Runs in MLflow: settings, figures, learning curves, pictures; artifacts stay the only truth."""

import hashlib
import json
import logging
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from pcam_core.artifact import Artifact
from pcam_core.errors import InputError
from pcam_core.recipe import Recipe
from pcam_core.runs.comparison import dotted
from pcam_core.runs.history import RunHistory
from pcam_core.runs.record import RunRecord
from pcam_core.stages.model_card import CARD
from pcam_core.stages.report import REPORT
from pcam_core.stages.single import HISTORY
from pcam_core.stages.threshold import CALIBRATOR
from pcam_core.training.epochs import EpochEnd, listening_to_epochs

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Metric

logger = logging.getLogger(__name__)

RECIPE = "recipe.json"

_EXPERIMENT = "pcam"
# MLflow's page of an experiment shows traces of language models where it is told of no other kind.
_KIND = {"mlflow.experimentKind": "custom_model_development"}
_DESCRIPTION = "mlflow.note.content"
_SETTINGS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    # A server that is down is given up after seconds, not minutes.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "3",
}
# MLflow's limits: parameters and metrics in one request, characters of a parameter's value.
_PARAMS, _METRICS, _LONGEST = 100, 1000, 6000
_REMEDY = (
    "See whether MLFLOW_TRACKING_URI is right and its server runs (without it, whether the folder"
    " can be written)"
)


def mlflow_folder(out: Path) -> Path:
    """Return where MLflow's own database and files lie."""
    return out.absolute() / "mlflow"


def tracking_uri(out: Path) -> str:
    """Return the address of MLflow: `MLFLOW_TRACKING_URI`, or a SQLite file below `out`."""
    given = os.environ.get("MLFLOW_TRACKING_URI")
    return given or f"sqlite:///{(mlflow_folder(out) / 'mlflow.db').as_posix()}"


def without_credentials(text: str) -> str:
    """Return the text with "user:password@" taken out of the addresses in it."""
    return re.sub(r"(?<=://)[^/@\s]*@", "", text)


def mlflow_client(uri: str) -> "MlflowClient":
    """Connect to MLflow; a fresh database is made, by one process at a time."""
    from filelock import FileLock

    for name, value in _SETTINGS.items():
        os.environ.setdefault(name, value)
    from mlflow import MlflowClient  # takes a second

    database = _sqlite_file(uri)
    if database is None:
        return MlflowClient(uri, uri)
    database.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(database.with_suffix(".lock")):
        return MlflowClient(uri, uri)


@contextmanager
def telling(uri: str, what: str) -> Iterator[None]:
    """Turn a failure of MLflow into one that says what could not be done.

    Raises:
        InputError: MLflow refuses or cannot be reached.
    """
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        raise InputError(
            f"MLflow at {without_credentials(uri)} {what} ({_line(error)}).",
            f"{_REMEDY}; then give the same command again: nothing is computed twice.",
        ) from (error if without_credentials(uri) == uri else None)


def is_absent(uri: str) -> bool:
    """Return whether the address is a SQLite file that does not exist yet."""
    database = _sqlite_file(uri)
    return database is not None and not database.exists()


def _sqlite_file(uri: str) -> Path | None:
    return Path(uri.removeprefix("sqlite:///")) if uri.startswith("sqlite:///") else None


class TrackedRun:
    """One MLflow run.

    Args:
        out: Folder of the artifacts.
        record: What is known of the run when it starts, its plan included.
        recipe: Its settings.

    Attributes:
        uri: Address of MLflow.
        id: MLflow's id of the run; None as long as it could not be told of.
    """

    def __init__(self, out: Path, record: RunRecord, recipe: Recipe) -> None:
        self.out = out
        self.record = record
        self.recipe = recipe
        self.uri = tracking_uri(out)
        self.id: str | None = None
        self.artifacts = {artifact.stage: artifact for artifact in record.artifacts}
        self._heard: set[tuple[str, int]] = set()
        self._silent = False

    @property
    def client(self) -> "MlflowClient":
        """The connection."""
        return mlflow_client(self.uri)

    def begin(self) -> None:
        """Tell settings and keys; a failure is warned of, once, and the run goes on."""
        self._attempt(self._begin)

    def epoch(self, ended: EpochEnd) -> None:
        """Tell the figures of an epoch; a failure is warned of, once, and the run goes on."""
        self._attempt(partial(self._log_epochs, [ended]))

    def finish(self) -> None:
        """Tell all that the finished artifacts say; a run that could not be begun is begun.

        Raises:
            InputError: MLflow refuses or cannot be reached.
        """
        with telling(self.uri, "cannot be told of the run, so that its model has no version"):
            if self.id is None:
                self._begin()
            self._log_epochs(list(_recorded_epochs(self.artifacts)))
            self._log_figures()
            self._log_files()

    def end(self, status: str) -> None:
        """Tell that the run is FINISHED, FAILED or KILLED."""
        run = self.id
        if run:
            self._attempt(lambda: self.client.set_terminated(run, status))

    def _attempt(self, tell: Callable[[], None]) -> None:
        if self._silent:
            return
        try:
            tell()
        except Exception as error:
            self._silent = True
            logger.warning(
                "MLflow at %s does not follow the run, which goes on (%s). %s.",
                without_credentials(self.uri),
                _line(error),
                _REMEDY,
            )

    def _begin(self) -> None:
        client, record = self.client, self.record
        from mlflow.entities import Param  # after its settings

        experiment = experiment_of(client, self.uri, self.out)
        _end_killed(client, experiment, RunHistory(self.out))
        tags = {
            "run": record.id,
            "recipe": record.recipe,
            "data": record.data,
            "data_key": record.data_key or "",
            "split_key": self.artifacts["split"].key,
            "code": code_revision(record),
            "flow_run": record.flow_run or "",
        }
        run = client.create_run(experiment, run_name=record.id, tags=tags)
        settings = dict(dotted(record.settings)).items()
        params = [Param(name, str(value)[:_LONGEST]) for name, value in settings]
        for start in range(0, len(params), _PARAMS):
            client.log_batch(run.info.run_id, params=params[start : start + _PARAMS])
        self.id = run.info.run_id

    def _log_epochs(self, epochs: list[EpochEnd]) -> None:
        new = [e for e in epochs if (e.what, e.epoch) not in self._heard]
        self._log(
            _metric(f"{e.what}/{name}", value, e.epoch)
            for e in new
            for name, value in e.figures.items()
        )
        self._heard |= {(e.what, e.epoch) for e in new}

    def _log_figures(self) -> None:
        told = ("compare", "tune", "crossvalidate", "final", "threshold", "evaluate")
        self._log(
            _metric(f"{stage}/{name}", value)
            for stage in told
            for name, value in _numbers(self.artifacts[stage].figures)
        )

    def _log(self, metrics: Iterator["Metric"]) -> None:
        assert self.id is not None
        found = list(metrics)
        for start in range(0, len(found), _METRICS):
            self.client.log_batch(self.id, metrics=found[start : start + _METRICS])

    def _log_files(self) -> None:
        from pcam_core.report.model_figures import comparison_bars, final_curve
        from pcam_core.report.result_figures import confusion_matrices

        client, artifacts = self.client, self.artifacts
        assert self.id is not None
        client.log_dict(self.id, self.recipe.model_dump(mode="json"), RECIPE)
        pictures = {
            "comparison": comparison_bars(artifacts["compare"]),
            "confusion": confusion_matrices(artifacts["evaluate"]),
        }
        if "single" in artifacts:
            watch = self.recipe.final.training.watch
            pictures["final"] = final_curve(artifacts["single"], watch)
        for name, picture in pictures.items():
            client.log_figure(self.id, picture, f"pictures/{name}.png")
        client.log_artifact(self.id, str(artifacts["report"].path / REPORT))
        client.set_tag(self.id, _DESCRIPTION, self.description)
        client.log_artifact(self.id, str(artifacts["threshold"].path / CALIBRATOR))
        card = self.card
        if card:
            client.log_artifact(self.id, str(card))

    @property
    def description(self) -> str:
        """The result in a line of Markdown."""
        found = self.artifacts["report"].figures["headline"]
        return (
            f"{found['model']}: AUC {found['auc']:.3f} ({found['auc_low']:.3f} to"
            f" {found['auc_high']:.3f}) on the held-out test; see {REPORT} among the artifacts."
        )

    @property
    def card(self) -> Path | None:
        """The model's card, if a stage has written one."""
        cards = (artifact.path / CARD for artifact in self.artifacts.values())
        return next((card for card in cards if card.is_file()), None)


@contextmanager
def tracked(out: Path, record: RunRecord, recipe: Recipe) -> Iterator[TrackedRun]:
    """Tell MLflow of the run that the block is; the block calls `finish` when all is made."""
    run = TrackedRun(out, record, recipe)
    run.begin()
    try:
        with listening_to_epochs(run.epoch):
            yield run
    except Exception:
        run.end("FAILED")
        raise
    except BaseException:
        run.end("KILLED")
        raise
    run.end("FINISHED")


def code_revision(record: RunRecord) -> str:
    """Return the package's version and 12 hex digits over the code of all stages."""
    code = json.dumps(record.code, sort_keys=True).encode()
    return f"{version('pcam')}+{hashlib.sha256(code).hexdigest()[:12]}"


def experiment_of(client: "MlflowClient", uri: str, out: Path) -> str:
    """Return the id of the experiment that holds all runs; it is made where there is none."""
    found = client.get_experiment_by_name(_EXPERIMENT)
    if found is None:
        from mlflow.exceptions import MlflowException

        # A server knows where its files go; without one they would go to the current folder.
        files = mlflow_folder(out) / "files"
        location = None if uri.startswith("http") else files.as_uri()
        with suppress(MlflowException):  # another process was faster
            return str(client.create_experiment(_EXPERIMENT, location, _KIND))
        found = client.get_experiment_by_name(_EXPERIMENT)
        assert found is not None
    return str(found.experiment_id)


def _end_killed(client: "MlflowClient", experiment: str, history: RunHistory) -> None:
    """Tell the end of runs that could not do so themselves."""
    dead = {record.id for record in history.read() if record.status not in {"running", "done"}}
    for run in client.search_runs([experiment], "attributes.status = 'RUNNING'"):
        if run.data.tags.get("run") in dead:
            client.set_terminated(run.info.run_id, "KILLED")


def _recorded_epochs(artifacts: Mapping[str, Artifact]) -> Iterator[EpochEnd]:
    """Yield all epochs as the artifacts keep them, in the words in which they were told."""
    if "single" in artifacts:
        trained = pd.read_csv(artifacts["single"].path / HISTORY)
        for model, history in trained.groupby("model"):
            yield from _epochs(history, f"Final training of {model}")
    for stage, verb in (("compare", "Compare"), ("crossvalidate", "Cross-validate")):
        histories = pd.read_csv(artifacts[stage].path / "histories.csv")
        folds = histories["fold"].nunique()
        for (name, fold), history in histories.groupby(["model", "fold"]):
            yield from _epochs(history, f"{verb} {name}, fold {int(str(fold)) + 1} of {folds}")


def _epochs(history: pd.DataFrame, what: str) -> Iterator[EpochEnd]:
    figures = history.drop(columns=["epoch", "model", "fold"], errors="ignore")
    for epoch, row in zip(history["epoch"], figures.to_dict("records"), strict=True):
        yield EpochEnd(what, int(epoch), {str(name): value for name, value in row.items()})


def _numbers(figures: Any, name: str = "") -> Iterator[tuple[str, float]]:
    """Yield every number of a nest; of an interval its ends, as "low" and "high"."""
    if isinstance(figures, Mapping):
        for key, value in figures.items():
            yield from _numbers(value, f"{name}.{key}" if name else str(key))
    elif isinstance(figures, list):
        pair = len(figures) == 2 and all(isinstance(value, float) for value in figures)
        names = ("low", "high") if pair else map(str, range(1, len(figures) + 1))
        for key, value in zip(names, figures, strict=True):
            yield from _numbers(value, f"{name}.{key}")
    elif isinstance(figures, int | float) and not isinstance(figures, bool):
        yield name, float(figures)


def _metric(name: str, value: float, step: int = 0) -> "Metric":
    from mlflow.entities import Metric

    # MLflow takes no other characters.
    return Metric(re.sub(r"[^\w\-. /:]", "", name), float(value), int(time.time() * 1000), step)


def _line(error: Exception) -> str:
    text = without_credentials(" ".join(str(error).split()))
    return f"{type(error).__name__}: {text[:200]}"
