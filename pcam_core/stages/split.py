"""Give every labelled patch its role, once, so that no group stands on two sides of a split."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pydantic import Field

from pcam_core.artifact import Artifact
from pcam_core.errors import InputError
from pcam_core.promotion.hold_out import HoldOut
from pcam_core.promotion.related import related
from pcam_core.section import Section
from pcam_core.stage import stage
from pcam_core.stages.groups import read_groups, read_pairs
from pcam_core.stages.labels import read_ids

FILE = "splits.csv"
ROLES = ("train", "validation", "calibration", "test")
UNUSED = "unused"
_PRECEDENCE = ("test", "validation", "train")  # of published roles


class SplitSettings(Section):
    """Sizes of the parts; every part is stratified by label and keeps groups together.

    A published split's test and validation parts are taken as they are.
    """

    test_fraction: float = Field(
        0.2, gt=0, le=0.5, description="Share of all patches held out for the final figures."
    )
    validation_fraction: float = Field(
        0.05, gt=0, le=0.5, description="Share of the rest that stops the final training."
    )
    calibration_fraction: float = Field(
        0.05, gt=0, le=0.5, description="Share of what then remains that sets the threshold."
    )
    compare_folds: int = Field(2, ge=2, le=10, description="Folds of the model comparison.")
    tune_fraction: float = Field(
        0.2, gt=0, le=1, description="Share of all but the test that tuning works on."
    )
    tune_validation_fraction: float = Field(
        0.2, gt=0, le=0.5, description="Share of the tuning part that scores its trials."
    )
    cv_folds: int = Field(3, ge=2, le=10, description="Folds of the cross-validation.")
    seed: int = Field(42, ge=0, description="Seed of every shuffle.")


@stage(numeric=True)
def split(
    folder: Path,
    *,
    labels: Artifact,
    groups: Artifact,
    settings: SplitSettings,
    held_out: HoldOut | None = None,
    left_out: HoldOut | None = None,
) -> dict[str, Any]:
    """Write `splits.csv`, which every later stage reads.

    A hold-out, as `held_out`, is the test part in place of a published or a drawn one, less what is
    no measure any more (see `HoldOut.measured`); as `left_out`, it is in no part.

    Columns: id, label, group; `role` ("test", "calibration", "validation", "train" or "unused");
    `compare_fold` and `cv_fold` (0, 1, ...; -1 for the test part and what is unused); `tune`
    ("train", "validation" or empty). Unused are the patches that the gate has quarantined, those
    that share a group or pixels with a hold-out that they are not the test part of, and those that
    share a group with a published test or validation part that they are not in.

    Figures: patches, positive share and groups of each part, and `random_leak`: the share 0..1
    of the test part that would have had a member of its group outside, had patches been drawn
    at random.

    Raises:
        InputError: There are fewer groups than a part or the folds need, or they are too uneven
            to give a part its share of positive patches.
    """
    # Sorting makes the split independent of the order of the rows.
    table = read_ids(labels, "train").sort_values("id", ignore_index=True)
    table = table[["id", "label", "published"]].merge(read_groups(groups), on="id", how="left")
    pairs = read_pairs(groups)
    if left_out:
        away = related(left_out.ids(), table, pairs)
        table["group"] = table["group"].mask(table["id"].isin(away))
    published = bool((table["published"] == "test").any())
    if held_out:
        away = related(held_out.ids(), table, pairs)
        own = table["published"].mask(table["id"].isin(away), UNUSED).replace("test", UNUSED)
        measured = held_out.measured(table, pairs)
        table["published"] = own.mask(table["id"].isin(measured), "test")
    table["role"] = _published(table).where(table["group"].notna(), UNUSED)
    table["group"] = table["group"].fillna("")
    seed = settings.seed

    def take(role: str, source: "pd.Series[bool]", fraction: float) -> None:
        chosen = hold_out(table[source], fraction, seed, f"{role}_fraction")
        table.loc[chosen[chosen].index, "role"] = role

    if not (table["role"] == "test").any():
        take("test", table["role"] == "", settings.test_fraction)
    if not (table["role"] == "validation").any():
        take("validation", table["role"].isin(["", "train"]), settings.validation_fraction)
    take("calibration", table["role"].isin(["", "train"]), settings.calibration_fraction)
    table["role"] = table["role"].replace("", "train")

    rest = table[~table["role"].isin(["test", UNUSED])]
    tuning = rest[hold_out(rest, settings.tune_fraction, seed, "tune_fraction")]
    scoring = hold_out(tuning, settings.tune_validation_fraction, seed, "tune_validation_fraction")
    for name, count in (("compare", settings.compare_folds), ("cv", settings.cv_folds)):
        folds = _folds(rest, count, seed, f"{name}_folds").reindex(table.index)
        table[f"{name}_fold"] = folds.fillna(-1).astype(int)
    table["tune"] = scoring.map({True: "validation", False: "train"}).reindex(table.index)
    table["tune"] = table["tune"].fillna("")
    table.drop(columns="published").to_csv(folder / FILE, index=False)

    used = table[table["role"] != UNUSED]
    by_role = used.groupby("role")
    return {
        "patches": {role: int(n) for role, n in by_role.size().items()},
        "positive_share": {role: float(share) for role, share in by_role["label"].mean().items()},
        "groups": {role: int(n) for role, n in by_role["group"].nunique().items()},
        "unused": len(table) - len(used),
        "published": published and not held_out,
        "hold_out": held_out.version if held_out else None,
        "left_out": left_out.version if left_out else None,
        "tuning_patches": len(tuning),
        "random_leak": _random_leak(used, seed),
    }


def _published(table: pd.DataFrame) -> "pd.Series[str]":
    """Return each row's published role, but "unused" where its group has one of precedence."""
    rank = table["published"].map({role: n for n, role in enumerate(_PRECEDENCE)})
    first = rank.groupby(table["group"]).transform("min")
    # A patch of no published part may not share a group with a held-out one either.
    last = len(_PRECEDENCE) - 1
    return table["published"].where(~(first < rank.fillna(last)), UNUSED)


def _random_leak(table: pd.DataFrame, seed: int) -> float:
    share = float((table["role"] == "test").mean())
    drawn = np.random.default_rng(seed).permutation(len(table)) < share * len(table)
    return float(table.loc[drawn, "group"].isin(set(table.loc[~drawn, "group"])).mean())


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
    found = pd.Series(fold.tolist(), index=table.index, dtype="int64")
    _check_balance(table, found, field)
    return found


def _check_balance(table: pd.DataFrame, fold: "pd.Series[int]", field: str) -> None:
    """Accept what one group more or less in a fold explains, and no fold of one class."""
    largest = table["group"].value_counts().max()
    wanted = table["label"].mean()
    for part in (table[fold == number] for number in fold.unique()):
        found = part["label"].mean()
        if found in (0, 1) or abs(found - wanted) > largest / len(part):
            raise InputError(
                f"split.{field} gives a part of {len(part):,} patches with {found:.1%} positive"
                f" ones, where {wanted:.1%} are wanted: the groups are too few or uneven.",
                f"Ask for fewer folds or a larger fraction (--set split.{field}=...), or try"
                " another split.seed.",
            )
