"""Find out whether data is fit to be trained on, with Great Expectations."""

from collections import Counter
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
from pydantic import Field

from pcam_core.artifact import Artifact
from pcam_core.datasets.dataset import Dataset, Part
from pcam_core.patches import BITS, MODE, SIDE, Pixels
from pcam_core.section import Section
from pcam_core.stage import stage
from pcam_core.stages.labels import read_ids
from pcam_core.validation.check import read_checks, write_checks
from pcam_core.validation.expectations import Expected, Suite
from pcam_core.validation.outliers import LIMIT, deviations
from pcam_core.validation.properties import PROPERTIES, measure_all
from pcam_core.validation.suspects import BLANK, FILE, KEPT, QUARANTINED, find_suspects
from pcam_core.validation.thumbnails import write_thumbnails

_PROPERTIES = "properties.csv"
_QUARANTINE = "quarantine.csv"
_OUTLIERS = 0.01


class GateSettings(Section):
    """What the data must look like."""

    min_positive_share: float = Field(
        0.05, ge=0, le=1, description="Smallest plausible share of positive labels (0 to 1)."
    )
    max_positive_share: float = Field(
        0.95, ge=0, le=1, description="Largest plausible share of positive labels (0 to 1)."
    )
    max_unreadable_share: float = Field(
        0.001,
        ge=0,
        le=1,
        description="Stop above this share of training patches that cannot be read or are of"
        " another form (0 to 1); up to it they are put in quarantine.",
    )
    max_uniform_share: float = Field(
        0.01, ge=0, le=1, description="Warn above this share of patches of one colour (0 to 1)."
    )
    max_white_share: float = Field(
        0.05, ge=0, le=1, description="Warn above this share of patches of blank glass (0 to 1)."
    )


@stage()
def gate(
    folder: Path, *, data: Dataset, labels: Artifact, settings: GateSettings
) -> dict[str, Any]:
    """Decode and measure every patch, then check labels and measurements.

    Bad data does not make it fail, so that what it found is never lost: `stop_at_errors` does.

    Writes:
        - `properties.csv`: id, part, fault ("unreadable", "size", "mode", "depth", "pages" or
          empty), why, and the columns of `PROPERTIES`, empty where there are no pixels;
        - `expectations.json`: all checks, those of `labels` first; see `read_checks`;
        - `suspects.csv`: every rejected or suspicious patch; see `find_suspects`;
        - `quarantine.csv`: id, part, reason of the training patches that are not used;
        - `thumbnails.npz`: pictures of the first of them; see `write_thumbnails`.

    Figures: patches; how many are quarantined, and how many suspicious but kept; suspects (patches
    by reason); expectations, how many of them passed, and the meanings of those that did not as
    warnings and errors.
    """

    def decode(part: str, patch_id: str) -> Pixels:
        return data.decode(cast("Part", part), patch_id)

    parts = _parts(labels)
    patches = list(zip(parts["part"], parts["id"], strict=True))
    measured, faults = measure_all(decode, patches)
    properties = parts[["id", "part"]].assign(fault="", why="")
    for row, fault in faults.items():
        properties.loc[row, ["fault", "why"]] = fault
    for column in PROPERTIES.names or ():
        properties[column] = measured[column]
    properties.to_csv(folder / _PROPERTIES, index=False, float_format="%.4f")

    described = describe(properties, parts["label"], data)
    suspects = find_suspects(described)
    suspects.to_csv(folder / FILE, index=False)
    quarantined = suspects[suspects["verdict"] == QUARANTINED].drop_duplicates("id")
    kept = suspects[suspects["verdict"] == KEPT].drop_duplicates(["part", "id"])
    quarantine = quarantined.assign(reason=quarantined["reason"] + ": " + quarantined["detail"])
    quarantine[["id", "part", "reason"]].to_csv(folder / _QUARANTINE, index=False)
    write_thumbnails(folder, suspects, decode)

    checks = read_checks(labels.path)
    for suite in _suites(described, parts, settings):
        checks += suite.check()
    write_checks(folder, checks)
    failed = [check for check in checks if not check.passed]
    return {
        "expectations": len(checks),
        "passed": len(checks) - len(failed),
        "errors": [check.meaning for check in failed if check.severity == "error"],
        "warnings": [check.meaning for check in failed if check.severity == "warning"],
        "patches": len(properties),
        "quarantined": len(quarantined),
        "kept": len(kept),
        "suspects": dict(Counter(suspects["reason"])),
    }


def accepted(labels: Artifact, gate: Artifact, part: Part) -> pd.DataFrame:
    """Return the rows of a part (see `read_ids`) that the gate has not put in quarantine."""
    quarantined = read_quarantine(gate)
    table = read_ids(labels, part)
    return table[~table["id"].isin(quarantined.loc[quarantined["part"] == part, "id"])]


def read_quarantine(artifact: Artifact) -> pd.DataFrame:
    """Return the table (id, part, reason) of the patches that take no part in training."""
    return pd.read_csv(artifact.path / _QUARANTINE, dtype=str, keep_default_na=False)


def read_properties(artifact: Artifact, part: Part | None = None) -> pd.DataFrame:
    """Return the table `properties.csv` that `gate` wrote, or one part of it."""
    text = ["id", "part", "fault", "why"]
    numbers = [name for name in PROPERTIES.names or () if name != "hash"]
    table = pd.read_csv(
        artifact.path / _PROPERTIES,
        dtype=dict.fromkeys(text, str) | {"hash": np.uint64},
        keep_default_na=False,
        na_values={name: [""] for name in numbers},
    )
    return table if part is None else table[table["part"] == part].reset_index(drop=True)


def suites(data: Dataset, labels: Artifact, gate: Artifact, settings: GateSettings) -> list[Suite]:
    """Return what `gate` expected, with the tables that it looked at."""
    parts = _parts(labels)
    return _suites(describe(read_properties(gate), parts["label"], data), parts, settings)


def _parts(labels: Artifact) -> pd.DataFrame:
    """Return id, part and label (missing in the test part) of all patches, training first."""
    train, test = read_ids(labels, "train"), read_ids(labels, "test")
    parts = [train.assign(part="train"), test.assign(part="test")]
    return pd.concat(parts, ignore_index=True)[["id", "part", "label"]]


def _suites(described: pd.DataFrame, parts: pd.DataFrame, settings: GateSettings) -> list[Suite]:
    train = parts[parts["part"] == "train"]
    return [_label_suite(train, settings), *_patch_suites(described, settings)]


def describe(properties: pd.DataFrame, label: "pd.Series[Any]", data: Dataset) -> pd.DataFrame:
    """Add to the properties of patches what follows from comparing them with each other.

    Args:
        properties: What `read_properties` returns.
        label: The label of each, missing in the test part.
        data: What names the patches.

    Returns:
        Further columns: `name`, what messages call the patch; `pixels`, its hash (UInt64, missing
        where it has no pixels or those are of one colour, which says nothing about copies);
        `twin`, the name of the test patch with the same pixels and another id; `clash`, whether
        a training patch with the same pixels has another label; `deviation` and `farthest`,
        see `deviations` (NaN and empty for the same patches and for blank glass).
    """
    table = properties.copy()
    patches = zip(table["part"], table["id"], strict=True)
    table["name"] = [data.place(cast("Part", part), patch_id) for part, patch_id in patches]
    telling = table["spread"] > 0
    table["pixels"] = table["hash"].astype("UInt64").where(telling)
    train, test = (telling & (table["part"] == part) for part in ("train", "test"))
    by_pixels = table[test].drop_duplicates("pixels").set_index("pixels")["name"]
    own = table["id"].isin(set(table.loc[table["part"] == "test", "id"]))
    twins = table["pixels"].map(by_pixels).astype(object).fillna("")
    table["twin"] = twins.where(train & ~own, "")
    table["clash"] = False
    table.loc[train, "clash"] = label[train].groupby(table["pixels"]).transform("nunique") > 1
    table["deviation"], table["farthest"] = np.nan, ""
    stained = telling & (table["white"] <= BLANK)
    if stained.any():
        distance, words = deviations(table[stained])
        table.loc[stained, "deviation"] = distance
        table.loc[stained, "farthest"] = words
    return table


def _label_suite(train: pd.DataFrame, settings: GateSettings) -> Suite:
    """Return what is expected of the labels themselves; `labels` has checked their table."""
    low, high = settings.min_positive_share, settings.max_positive_share
    balance = Expected(
        f"between {low:.0%} and {high:.0%} of the labels are positive",
        "error",
        "ExpectColumnMeanToBeBetween",
        {"column": "label", "min_value": low, "max_value": high},
        remedy="Mend the labels, or change what the recipe's section [gate] expects.",
    )
    # Where a class is absent, `labels` has said so.
    both = train["label"].nunique() == 2
    return Suite("labels", train[["id", "label"]], [balance] if both else [])


def _patch_suites(described: pd.DataFrame, settings: GateSettings) -> list[Suite]:
    """Return what is expected of training patches, test patches, and all that have pixels.

    Args:
        described: What `describe` returned.
        settings: The shares to tolerate.
    """
    train, test = (described[described["part"] == part] for part in ("train", "test"))
    form = f"readable {BITS}-bit {MODE} pictures of {SIDE}x{SIDE} pixels"
    mend = "Mend or remove them (with their rows in the label table), then run again."
    dropped = "They are left out of training; mend them to have them back."
    share = f"{settings.max_unreadable_share:.4%}".rstrip("0%").rstrip(".") + "%"
    forms = {
        "unreadable": "can be read and decoded",
        "size": f"has {SIDE}x{SIDE} pixels",
        "mode": f"is {MODE}",
        "depth": f"has {BITS} bits a channel",
        "pages": "is one page",
    }
    return [
        Suite(
            "training patches",
            train,
            [
                *(
                    Expected(
                        f"every training patch {meaning}",
                        "warning",
                        "ExpectColumnValuesToNotBeInSet",
                        {"column": "fault", "value_set": [fault]},
                        remedy=dropped,
                        name=_names,
                    )
                    for fault, meaning in forms.items()
                ),
                Expected(
                    f"all training patches but {share} are {form}",
                    "error",
                    "ExpectColumnValuesToBeInSet",
                    {
                        "column": "fault",
                        "value_set": [""],
                        "mostly": 1 - settings.max_unreadable_share,
                    },
                    remedy=mend,
                    name=_names,
                ),
                Expected(
                    "no training patch has the pixels of a test patch",
                    "warning",
                    "ExpectColumnValuesToBeInSet",
                    {"column": "twin", "value_set": [""]},
                    remedy="They are left out of training: a test that was trained on measures"
                    " nothing.",
                    name=_names,
                ),
                Expected(
                    "no two training patches have the same pixels and different labels",
                    "warning",
                    "ExpectColumnValuesToBeInSet",
                    {"column": "clash", "value_set": [False]},
                    remedy="At least one label of each is wrong: look at them and mend it.",
                    name=_names,
                ),
            ],
        ),
        Suite(
            "training patches",
            # Those with different labels have been counted.
            train[~train["clash"]],
            [
                Expected(
                    "no two training patches have the same pixels",
                    "warning",
                    "ExpectColumnValuesToBeUnique",
                    {"column": "pixels"},
                    remedy="Remove all but one of each: copies weigh more than others.",
                    name=_names,
                )
            ],
        ),
        Suite(
            "test patches",
            test,
            [
                Expected(
                    f"all test patches are {form}",
                    "error",
                    "ExpectColumnValuesToBeInSet",
                    {"column": "fault", "value_set": [""]},
                    remedy=mend,
                    name=_names,
                )
            ],
        ),
        Suite("all patches", described[described["fault"] == ""], _colour(settings)),
    ]


def _colour(settings: GateSettings) -> list[Expected]:
    return [
        Expected(
            f"at most {settings.max_uniform_share:.0%} of the patches are of one colour",
            "warning",
            "ExpectColumnValuesToBeBetween",
            {"column": "spread", "min_value": 1, "mostly": 1 - settings.max_uniform_share},
            remedy="Look at how the slides were cut.",
            name=_names,
        ),
        Expected(
            "no patch is all black",
            "warning",
            "ExpectColumnValuesToBeBetween",
            {"column": "brightest", "min_value": 1},
            remedy="Look at how the slides were read: black stands for missing parts.",
            name=_names,
        ),
        Expected(
            f"at most {settings.max_white_share:.0%} of the patches are blank glass",
            "warning",
            "ExpectColumnValuesToBeBetween",
            {"column": "white", "max_value": BLANK, "mostly": 1 - settings.max_white_share},
            remedy="Leave out what shows no tissue.",
            name=_names,
        ),
        Expected(
            f"at most {_OUTLIERS:.0%} of the patches are of unusual colour",
            "warning",
            "ExpectColumnValuesToBeBetween",
            {"column": "deviation", "max_value": LIMIT, "mostly": 1 - _OUTLIERS},
            remedy="Look whether they come from another scanner or stain.",
            name=_names,
        ),
        Expected(
            "green brightness is on average between 64 and 230, as in stained tissue",
            "warning",
            "ExpectColumnMeanToBeBetween",
            {"column": "mean_g", "min_value": 64, "max_value": 230},
            remedy="Look whether these are stained tissue, with 0 to 255 levels.",
        ),
    ]


def _names(rows: pd.DataFrame) -> list[str]:
    pairs = zip(rows["name"], rows["why"], strict=True)
    return [f"{name} ({why})" if why else name for name, why in pairs]
