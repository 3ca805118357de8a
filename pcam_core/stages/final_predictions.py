"""What the final model gives for patches, in the one way in which the test will be predicted."""

from collections.abc import Iterable

import pandas as pd

from pcam_core.artifact import Artifact
from pcam_core.datasets.dataset import Part
from pcam_core.measures import Probabilities
from pcam_core.stages.final import load_final
from pcam_core.stages.prepare import open_store
from pcam_core.stages.split import read_splits


def predict_final(
    model: Artifact, prepared: Artifact, part: Part, ids: Iterable[str]
) -> Probabilities:
    """Return the probability of tumour of each id, float64, 0..1.

    Args:
        model: Artifact of `final`.
        prepared: Artifact of `prepare`.
        part: Where the patches lie.
        ids: Which patches.
    """
    from pcam_core.training.serving import predict

    return predict(load_final(model), open_store(prepared, part), pd.Series(list(ids), dtype=str))


def deciding_patches(model: Artifact, prepared: Artifact, splits: Artifact) -> pd.DataFrame:
    """Return what the threshold and the calibration are chosen on: patches that trained nothing.

    Returns:
        Columns id, label, group, probability: the role "calibration" of the split.
    """
    return _predicted(model, prepared, _of_role(splits, "calibration"))


def stopping_patches(model: Artifact, prepared: Artifact, splits: Artifact) -> pd.DataFrame:
    """Return the patches that chose the epoch of the final model; columns as above."""
    return _predicted(model, prepared, _of_role(splits, "validation"))


def trained_patches(
    model: Artifact, prepared: Artifact, splits: Artifact, most: int
) -> pd.DataFrame:
    """Return at most so many random patches that the model was trained on; columns as above."""
    table = _of_role(splits, "train")
    return _predicted(model, prepared, table.sample(min(most, len(table)), random_state=0))


def held_out_patches(model: Artifact, prepared: Artifact, splits: Artifact) -> pd.DataFrame:
    """Return the patches that took no part in anything, the role "test"; columns as above."""
    return _predicted(model, prepared, _of_role(splits, "test"))


def _of_role(splits: Artifact, role: str) -> pd.DataFrame:
    table = read_splits(splits)
    return table[table["role"] == role].reset_index(drop=True)


def _predicted(model: Artifact, prepared: Artifact, table: pd.DataFrame) -> pd.DataFrame:
    probabilities = predict_final(model, prepared, "train", table["id"])
    return table[["id", "label", "group"]].assign(probability=probabilities)
