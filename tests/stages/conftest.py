"""Artifacts around a final model that needs no network."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from pcam_core.artifact import Artifact, seal
from pcam_core.stages import final_predictions, predict

PATCHES = 240
TESTED = 21


@pytest.fixture
def artifact(tmp_path):
    """Seal what `fill` writes into a folder, or nothing, with its figures."""

    def make(name, fill=lambda _: {}):
        workshop = tmp_path / f"{name}.building"
        workshop.mkdir()
        made = Artifact(stage=name, key=name.encode().hex().ljust(64, "0"), path=tmp_path / name)
        seal(workshop, made, fill(workshop), 0)
        return made

    return make


@pytest.fixture
def known(artifact, monkeypatch):
    """A split, and a final model whose probability of each patch is known.

    Attributes:
        table: id, label, group, slide, role, probability; of every slide six patches.
        labels, splits, model, prepared: Artifacts.
    """
    rng = np.random.default_rng(5)
    number = np.arange(PATCHES)
    label = number % 2
    roles = np.array(["train", "train", "validation", "calibration", "test"])
    table = pd.DataFrame(
        {
            "id": [f"p{n:03d}" for n in number],
            "label": label,
            "group": [f"s{n // 6:02d}" for n in number],
            "role": roles[number // 6 % 5],
            "probability": np.clip(0.3 + 0.3 * label + rng.normal(0, 0.25, PATCHES), 0.01, 0.99),
        }
    )
    table["slide"] = table["group"].where(number // 6 % 4 > 0, "")
    given = table.set_index("id")["probability"]

    def predicted(model: Artifact, prepared: Artifact, part: str, ids: "pd.Series[str]"):
        if part == "test":
            return np.linspace(0, 1, len(ids))
        return given[list(ids)].to_numpy()

    for module in (final_predictions, predict):
        monkeypatch.setattr(module, "predict_final", predicted)

    def splits(folder: Path):
        columns = table[["id", "label", "group", "role"]].assign(tune="")
        columns.to_csv(folder / "splits.csv", index=False)
        return {"random_leak": 0.8}

    def labels(folder: Path):
        table[["id", "label", "slide"]].assign(published="").to_csv(
            folder / "train.csv", index=False
        )
        pd.DataFrame({"id": [f"t{n}" for n in range(TESTED)]}).to_csv(
            folder / "test.csv", index=False
        )
        return {"train": len(table), "positive": int(label.sum()), "test": TESTED}

    return SimpleNamespace(
        table=table,
        labels=artifact("labels", labels),
        splits=artifact("splits", splits),
        model=artifact("model", lambda _: {"form": "single", "views": 1}),
        prepared=artifact("prepared"),
    )


@pytest.fixture
def decided(known, tmp_path):
    """Run the stage `threshold`; keyword arguments are its settings."""
    from pcam_core.decision.settings import DecisionSettings
    from pcam_core.stages.threshold import threshold

    def decide(**settings):
        return threshold.build(
            tmp_path / "decisions",
            prepared=known.prepared,
            splits=known.splits,
            model=known.model,
            settings=DecisionSettings(**settings),
        )

    return decide
