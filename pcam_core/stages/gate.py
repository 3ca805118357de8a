"""Find out whether data is fit to be trained on, with Great Expectations."""

from collections import Counter
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd

from pcam_core.artifact import Artifact
from pcam_core.datasets.dataset import Dataset, Part
from pcam_core.patches import Pixels
from pcam_core.stage import stage
from pcam_core.stages.gate_expectations import GateSettings, expected
from pcam_core.stages.labels import read_ids
from pcam_core.validation.check import read_checks, write_checks
from pcam_core.validation.expectations import Suite
from pcam_core.validation.outliers import deviations
from pcam_core.validation.properties import PROPERTIES, measure_all
from pcam_core.validation.suspects import BLANK, FILE, KEPT, QUARANTINED, find_suspects
from pcam_core.validation.thumbnails import write_thumbnails

_PROPERTIES = "properties.csv"
_QUARANTINE = "quarantine.csv"


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


def _suites(described: pd.DataFrame, parts: pd.DataFrame, settings: GateSettings) -> list[Suite]:
    return expected(described, parts[parts["part"] == "train"], settings)


def _parts(labels: Artifact) -> pd.DataFrame:
    """Return id, part and label (missing in the test part) of all patches, training first."""
    train, test = read_ids(labels, "train"), read_ids(labels, "test")
    parts = [train.assign(part="train"), test.assign(part="test")]
    return pd.concat(parts, ignore_index=True)[["id", "part", "label"]]


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
