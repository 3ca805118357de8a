"""Runs in MLflow: settings, figures, learning curves, pictures; artifacts stay the only truth."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pcam_core.credentials import without_credentials
from pcam_core.recipe import Recipe
from pcam_core.runs.comparison import dotted
from pcam_core.runs.history import RunHistory
from pcam_core.runs.record import RunRecord
from pcam_core.stages.model_card import CARD
from pcam_core.stages.report import REPORT
from pcam_core.stages.threshold import CALIBRATOR
from pcam_core.training.epochs import EpochEnd, listening_to_epochs
from tasks.mlflow_connection import (
    REMEDY,
    mlflow_client,
    one_line,
    telling,
    tracking_uri,
)
from tasks.mlflow_experiment import end_killed, experiment_of
from tasks.mlflow_metrics import metric, numbers, recorded_epochs

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Metric

logger = logging.getLogger(__name__)

RECIPE = "recipe.json"

_DESCRIPTION = "mlflow.note.content"
# MLflow's limits: parameters and metrics in one request, characters of a parameter's value.
_PARAMS, _METRICS, _LONGEST = 100, 1000, 6000


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
            self._log_epochs(list(recorded_epochs(self.artifacts)))
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
                one_line(error),
                REMEDY,
            )

    def _begin(self) -> None:
        client, record = self.client, self.record
        from mlflow.entities import Param  # after its settings

        experiment = experiment_of(client, self.uri, self.out)
        end_killed(client, experiment, RunHistory(self.out))
        tags = {
            "run": record.id,
            "recipe": record.recipe,
            "data": record.data,
            "data_key": record.data_key or "",
            "split_key": self.artifacts["split"].key,
            "code": record.code_revision,
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
            metric(f"{e.what}/{name}", value, e.epoch)
            for e in new
            for name, value in e.figures.items()
        )
        self._heard |= {(e.what, e.epoch) for e in new}

    def _log_figures(self) -> None:
        told = ("compare", "tune", "crossvalidate", "final", "threshold", "evaluate")
        self._log(
            metric(f"{stage}/{name}", value)
            for stage in told
            for name, value in numbers(self.artifacts[stage].figures)
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
