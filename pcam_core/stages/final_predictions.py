"""What the final model gives for patches, in the one way in which the test will be predicted."""

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from pcam_core.artifact import Artifact
from pcam_core.datasets.dataset import Part
from pcam_core.measures import Probabilities
from pcam_core.patch_store import PatchStore
from pcam_core.stages.final import FOLDS, MODEL, SINGLE, fold_name, load_final
from pcam_core.stages.prepare import open_store
from pcam_core.stages.split import read_splits
from pcam_core.training.views import Views


def predict_patches(
    model: Path, views: Views, store: PatchStore, ids: Iterable[str]
) -> Probabilities:
    """Return the probability of tumour of each id, float64, 0..1.

    Args:
        model: A `model.keras` of any form.
        views: Those of its `model.json`; see `ModelDescription`.
        store: Patches, prepared as the model wants them.
        ids: Which of them.

    Raises:
        InputError: The model is missing, damaged, or holds code.
    """
    from pcam_core.training.serving import load_model, predict

    return predict(load_model(model), store, pd.Series(list(ids), dtype=str), views)


def predict_final(
    model: Artifact, prepared: Artifact, part: Part, ids: Iterable[str]
) -> Probabilities:
    """Return the probability of tumour of each id, float64, 0..1.

    Args:
        model: Artifact of `final` or of `registered`.
        prepared: Artifact of `prepare`.
        part: Where the patches lie.
        ids: Which patches.
    """
    return predict_patches(
        model.path / MODEL, model.figures["views"], open_store(prepared, part), ids
    )


def deciding_patches(model: Artifact, prepared: Artifact, splits: Artifact) -> pd.DataFrame:
    """Return what the threshold and the calibration are chosen on, predicted as the test will be.

    Of a single model, and where it is averaged with the folds', these are the patches of the role
    "calibration", which trained nothing and chose no epoch of it. Of the folds' models alone they
    are all patches outside the test. The models of the folds never predict what they were trained
    on: for each patch there is one that has not seen it, and it stands for their mean; only the
    epoch at which its training stopped was chosen on its fold.

    Returns:
        Columns id, label, group, probability.
    """
    if model.figures["form"] != "folds":
        return _unseen(model, prepared, _of_role(splits, "calibration"))
    table = read_splits(splits)
    return _unseen(model, prepared, table[table["cv_fold"] >= 0].reset_index(drop=True))


def stopping_patches(model: Artifact, prepared: Artifact, splits: Artifact) -> pd.DataFrame:
    """Return patches that chose epochs of the final model; columns as above.

    They are those of the role "validation", predicted as those that decide.
    """
    return _unseen(model, prepared, _of_role(splits, "validation"))


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


def _unseen(model: Artifact, prepared: Artifact, table: pd.DataFrame) -> pd.DataFrame:
    """Predict each patch by those members of the final model that were not trained on it."""
    form = model.figures["form"]
    if form == "single":
        return _predicted(model, prepared, table)
    from pcam_core.training.serving import predict

    network = load_final(model)
    folds = network.get_layer(FOLDS) if form == "both" else network
    store, views = open_store(prepared, "train"), model.figures["views"]
    found = table[["id", "label", "group"]].assign(probability=0.0)
    for fold, rows in table.groupby("cv_fold"):
        member = folds.get_layer(fold_name(int(str(fold))))
        found.loc[rows.index, "probability"] = predict(member, store, rows["id"], views)
    if form == "both":
        single = predict(network.get_layer(SINGLE), store, table["id"], views)
        found["probability"] = (found["probability"] + single) / 2
    return found
