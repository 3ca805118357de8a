"""Summarise the training patches, so that later ones can be compared with them."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pcam_core.artifact import Artifact
from pcam_core.atomic import sha256_of
from pcam_core.drift.gaussian import fit_gaussian
from pcam_core.drift.measures import LOOKS
from pcam_core.drift.neighbours import fit_neighbours
from pcam_core.drift.reference import FILE, LIMITED, PLAIN, summarise
from pcam_core.progress import Meter
from pcam_core.stage import stage
from pcam_core.stages.explore import read_patches
from pcam_core.stages.final import MODEL, load_final
from pcam_core.stages.prepare import open_store
from pcam_core.stages.split import read_splits

_MOST = 2_000
_BATCH = 64


@stage(numeric=True)
def reference(
    folder: Path,
    *,
    prepared: Artifact,
    splits: Artifact,
    explored: Artifact,
    gate: Artifact,
    model: Artifact,
    decision: Artifact,
) -> dict[str, Any]:
    """Write `model.npz`; see `Reference`.

    Brightness, stains and edges are those of all patches outside the test. Looks and features are
    of 2,000 random training patches; distances from them are of as many others, of other groups,
    that trained no single model, and may come out a little small for a model of folds, of which
    each patch trained some. Probabilities are those that the threshold was chosen on.

    Figures: `patches` by measure, `features`, how many there are, and the `limits` beyond which a
    patch is unlike anything seen.
    """
    from pcam_core.drift.features import FeatureTap

    table = read_splits(splits)
    tap, store = FeatureTap(load_final(model)), open_store(prepared, "train")
    trained = _sample(table[table["role"] == "train"])
    others = _sample(table[table["role"].isin(("validation", "calibration"))])
    meter = Meter("Summarise the training patches", len(trained) + len(others))

    def features(ids: list[str]) -> Any:
        rows, parts = store.rows(ids), []
        for start in range(0, len(rows), _BATCH):
            chosen = rows[start : start + _BATCH]
            # A batch of another shape would be compiled anew.
            padded = np.pad(chosen, (0, _BATCH - len(chosen)), mode="edge")
            parts.append(tap.look(store.read(padded), 1)[1][: len(chosen)])
            meter.advance(len(chosen))
        return np.concatenate(parts)

    measured = read_patches(explored, gate)
    measured = measured[measured["part"] == "train"].set_index("id")
    looks = measured[list(LOOKS)]
    neighbours = fit_neighbours(looks.loc[trained].to_numpy(float))
    gaussian = fit_gaussian(features(trained))
    outside = measured.loc[table.loc[table["role"] != "test", "id"]]
    values = {
        **{name: outside[name].to_numpy(float) for name in PLAIN},
        "appearance": neighbours.distance(looks.loc[others].to_numpy(float)),
        "embedding": gaussian.distance(features(others)),
        "probability": pd.read_csv(decision.path / "predictions.csv")["probability"].to_numpy(),
    }
    made = summarise(sha256_of(model.path / MODEL), values, neighbours, gaussian)
    made.write(folder / FILE)
    return {
        "patches": dict(made.counts),
        "features": len(gaussian.mean),
        "limits": {name: made.limit(name) for name in LIMITED},
    }


def _sample(table: pd.DataFrame) -> list[str]:
    return list(table["id"].sample(min(_MOST, len(table)), random_state=0))
