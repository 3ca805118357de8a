"""A real MLflow on SQLite, and the artifacts of runs that nobody had to train for."""

import shutil
from pathlib import Path

import pandas as pd
import pytest

from pcam_core.artifact import Artifact, seal
from pcam_core.atomic import sha256_of
from pcam_core.decision.calibration import Calibrator
from pcam_core.recipe import load_recipe
from pcam_core.runs.history import RunHistory
from pcam_core.runs.record import new_record
from tasks.mlflow_connection import mlflow_client, mlflow_folder, tracking_uri
from tasks.tracked_run import TrackedRun


@pytest.fixture(scope="session")
def migrated(tmp_path_factory):
    """An empty database of MLflow; making one takes seconds."""
    path = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    mlflow_client(f"sqlite:///{path}").search_experiments()
    return path


@pytest.fixture
def out(tmp_path, migrated, monkeypatch):
    """A folder of runs with an MLflow of its own."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    folder = tmp_path / "out"
    mlflow_folder(folder).mkdir(parents=True)
    shutil.copy(migrated, mlflow_folder(folder) / "mlflow.db")
    return folder


@pytest.fixture
def client(out):
    return mlflow_client(tracking_uri(out))


def figures_of(auc):
    scores = {"auc": auc, "accuracy": 0.8, "precision": 0.8, "recall": 0.75}
    at = {
        "threshold": 0.4,
        "scores": scores,
        "intervals": {name: [value - 0.05, value + 0.05] for name, value in scores.items()},
        "confusion": {"tn": 40, "fp": 10, "fn": 12, "tp": 38},
    }
    return {"patches": 100, "at_half": at, "at_threshold": at}


class Maker:
    """Makes runs: artifacts as the stages leave them, with the figures that MLflow is told of."""

    def __init__(self, out):
        self.out = out

    def __call__(self, name="a", auc=0.9):
        """A finished run whose model is the text `name`."""
        history = pd.DataFrame(
            {"epoch": [1, 2], "loss": [0.6, 0.5], "val_loss": [0.6, 0.5], "val_auc": [0.8, auc]}
        ).assign(auc=0.9, accuracy=0.8, f1=0.8, val_f1=0.8, learning_rate=1e-3)
        folds = pd.concat([history.assign(fold=fold) for fold in (0, 1)])
        files = {
            "labels": {},
            "compare": {"histories.csv": folds.assign(model="custom_cnn").to_csv(index=False)},
            "tune": {},
            "crossvalidate": {
                "histories.csv": folds.assign(model="custom_cnn").to_csv(index=False)
            },
            "single": {"history.csv": history.assign(model="custom_cnn").to_csv(index=False)},
            "final": {"model.keras": name},
            "threshold": {"calibrator.json": Calibrator(method="none").to_json()},
            "split": {},
            "evaluate": {},
            "upload": {},
            "report": {"report.html": f"<h1>{name}</h1>"},
        }
        fold = {"accuracy": 0.8, "auc": auc}
        numbers = {"model": "custom_cnn", "auc": auc, "auc_low": auc - 0.05, "auc_high": auc + 0.05}
        numbers |= {"threshold": 0.4, "precision": 0.8, "recall": 0.75}
        figures = {
            "compare": {"models": {"custom_cnn": {"mean": fold, "folds": [fold, fold]}}},
            "crossvalidate": {"model": "custom_cnn", "mean": fold},
            "single": {"best_epoch": 2},
            "final": {"model": "custom_cnn", "views": 4},
            "threshold": {"threshold": 0.4},
            "evaluate": figures_of(auc),
            "report": {"headline": numbers},
        }
        artifacts = []
        for stage, texts in files.items():
            key = f"{stage}-{name}".encode().hex().ljust(64, "0")[:64]
            artifact = Artifact(
                stage=stage, key=key, path=self.out / "artifacts" / f"{stage}-{name}"
            )
            workshop = self.out / "workshop"
            workshop.mkdir(parents=True)
            for file, text in texts.items():
                (workshop / file).write_text(text)
            told = figures.get(stage, {})
            if stage == "upload":
                told = {"receipts": [self.stored(name)]}
            seal(workshop, artifact, told, 1.0)
            artifacts.append(artifact)
        recipe = load_recipe("demo", {"prepare.upscaler": "none"})
        record = new_record("demo", "/data", {}, "flow-run").model_copy(
            update={
                "settings": recipe.content(),
                "data_key": "d" * 64,
                "code": {"split": "abc"},
                "artifacts": tuple(artifacts),
            }
        )
        RunHistory(self.out).write(record)
        return TrackedRun(self.out, record, recipe)

    def stored(self, name):
        """Put a model where final products go, and return the receipt."""
        path = self.out / "object-store" / name / "model.keras"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
        return {"address": str(path), "bytes": len(name), "sha256": sha256_of(path), "sent": True}


@pytest.fixture
def run_of(out):
    return Maker(out)


@pytest.fixture
def hold_out_of(tmp_path):
    """Make the artifact of `hold_out` that holds ids."""
    from pcam_core.promotion.hold_out import FILE, write_hold_out

    def make(ids, trainable):
        folder = Path(tmp_path / f"workshop-{len(ids)}")
        folder.mkdir()
        write_hold_out(folder / FILE, set(ids), set(trainable))
        artifact = Artifact(stage="hold_out", key="k", path=tmp_path / f"hold_out-{len(ids)}")
        seal(folder, artifact, {"patches": len(ids), "groups": 1, "added": 1}, 1.0)
        return artifact

    return make
