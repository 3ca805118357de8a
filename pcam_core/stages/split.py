"""Give every labelled patch its role, once, so that no group stands on two sides of a split."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pydantic import Field

from pcam_core.artifact import Artifact
from pcam_core.errors import InputError
from pcam_core.section import Section
from pcam_core.stage import stage
from pcam_core.stages.labels import read_ids

FILE = "splits.csv"


class SplitSettings(Section):
    """Sizes of the parts; every part is stratified by label and keeps groups together."""

    test_fraction: float = Field(
        0.2, gt=0, le=0.5, description="Share of all patches held out for the final figures."
    )
    validation_fraction: float = Field(
        0.05,
        gt=0,
        le=0.5,
        description="Share of the rest that stops the final training and sets the threshold.",
    )
    compare_folds: int = Field(2, ge=2, le=10, description="Folds of the model comparison.")
    tune_fraction: float = Field(
        0.2, gt=0, le=1, description="Share of the rest that tuning works on."
    )
    tune_validation_fraction: float = Field(
        0.2, gt=0, le=0.5, description="Share of the tuning part that scores its trials."
    )
    cv_folds: int = Field(3, ge=2, le=10, description="Folds of the cross-validation.")
    seed: int = Field(42, ge=0, description="Seed of every shuffle.")


@stage(numeric=True)
def split(folder: Path, *, labels: Artifact, settings: SplitSettings) -> dict[str, Any]:
    """Write `splits.csv`, which every later stage reads.

    Columns: id, label, group; `role` ("test", "validation" or "train"); `compare_fold` and
    `cv_fold` (0, 1, ...; -1 for the test part); `tune` ("train", "validation" or empty).

    Raises:
        InputError: There are fewer groups than a part or the folds need.
    """
    table = read_ids(labels, "train")
    # Sorting makes the split independent of the order of the rows.
    table = table.sort_values("id", ignore_index=True)
    seed = settings.seed
    test = hold_out(table, settings.test_fraction, seed, "test_fraction")
    rest = table[~test]
    validation = hold_out(rest, settings.validation_fraction, seed, "validation_fraction")
    tuning = rest[hold_out(rest, settings.tune_fraction, seed, "tune_fraction")]
    scoring = hold_out(tuning, settings.tune_validation_fraction, seed, "tune_validation_fraction")

    table["role"] = "train"
    table.loc[test[test].index, "role"] = "test"
    table.loc[validation[validation].index, "role"] = "validation"
    table["compare_fold"] = _folds(rest, settings.compare_folds, seed, "compare_folds")
    table["cv_fold"] = _folds(rest, settings.cv_folds, seed, "cv_folds")
    table[["compare_fold", "cv_fold"]] = table[["compare_fold", "cv_fold"]].fillna(-1).astype(int)
    table["tune"] = scoring.map({True: "validation", False: "train"}).reindex(table.index)
    table["tune"] = table["tune"].fillna("")
    table.to_csv(folder / FILE, index=False)

    sizes = table["role"].value_counts()
    shares = table.groupby("role")["label"].mean()
    groups = table.groupby("role")["group"].nunique()
    return {
        "patches": {role: int(sizes[role]) for role in ("train", "validation", "test")},
        "positive_share": {role: float(shares[role]) for role in sizes.index},
        "groups": {role: int(groups[role]) for role in sizes.index},
        "tuning_patches": len(tuning),
    }


def read_splits(artifact: Artifact) -> pd.DataFrame:
    """Return the table that `split` wrote."""
    types = {"id": str, "group": str, "tune": str}
    return pd.read_csv(artifact.path / FILE, dtype=types, keep_default_na=False)


def hold_out(table: pd.DataFrame, fraction: float, seed: int, field: str) -> "pd.Series[bool]":
    """Choose whole groups that make up about `fraction` of the rows, stratified by label.

    Args:
        table: Columns label (0 or 1) and group.
        fraction: Wanted share of rows, 0 to 1; it becomes one of round(1 / fraction) folds,
            or all but one of them above one half.
        seed: Seed of the shuffle.
        field: The setting that an error names.

    Returns:
        True for the chosen rows, on the table's index.

    Raises:
        InputError: There are not enough groups.
    """
    if fraction == 1:
        return pd.Series(data=True, index=table.index)
    if fraction > 0.5:
        return ~hold_out(table, 1 - fraction, seed, field)
    return _folds(table, round(1 / fraction), seed, field) == 0


def _folds(table: pd.DataFrame, folds: int, seed: int, field: str) -> "pd.Series[int]":
    from sklearn.model_selection import StratifiedGroupKFold

    scarcest = int(table.groupby("label")["group"].nunique().min())
    if scarcest < folds:
        raise InputError(
            f"split.{field} needs {folds} groups (slides) of each class, but there are only"
            f" {scarcest}.",
            "Add data, or ask for fewer folds or a larger fraction"
            f" (--set split.{field}=...): they need fewer groups.",
        )
    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    fold = np.empty(len(table), dtype=np.int64)
    for number, (_, chosen) in enumerate(splitter.split(table, table["label"], table["group"])):
        fold[chosen] = number
    return pd.Series(fold.tolist(), index=table.index, dtype="int64")
