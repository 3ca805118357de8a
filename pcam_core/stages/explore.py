"""Look at every patch once: classes, colour, stain, edges, slides, and training against test."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pydantic import Field

from pcam_core.artifact import Artifact
from pcam_core.datasets.dataset import PARTS, Dataset
from pcam_core.exploration.outliers import fences
from pcam_core.exploration.shift import shift
from pcam_core.exploration.survey import TEST, Survey, batches
from pcam_core.patches import Pixels
from pcam_core.progress import Meter
from pcam_core.section import Section
from pcam_core.stage import stage
from pcam_core.stages.gate import accepted, read_properties
from pcam_core.stages.groups import read_groups
from pcam_core.stages.labels import read_ids

COMPARED = ("mean_r", "mean_g", "mean_b", "haematoxylin", "eosin", "edges")
"""The properties by which training and test are compared."""

_BATCH = 128
_UNKNOWN = -1  # the label of a test patch
_SAMPLE, _DARKEST, _BRIGHTEST = "sample", "darkest", "brightest"


class ExploreSettings(Section):
    """Which patches are shown."""

    gallery: int = Field(8, ge=2, le=50, description="Patches shown of each class.")
    seed: int = Field(42, ge=0, description="Seed of their choice.")


@stage()
def explore(
    folder: Path,
    *,
    data: Dataset,
    labels: Artifact,
    gate: Artifact,
    groups: Artifact,
    settings: ExploreSettings,
) -> dict[str, Any]:
    """Write what the figures are drawn from, of all patches in use.

    - `patches.csv`: id, part, label (-1 in the test part), group (empty there), and the columns
      of `Survey.measures`;
    - `pixels.npz`: "counts" int64 (3 kinds, 3 channels, 256 levels), pixels of training patches
      without and with tumour and of test patches; and "means" float64 (2 classes, 96, 96, 3),
      0..255, the mean training patch;
    - `shown.csv` (id, part, label, why, brightness) and `shown.npz`, "pixels" uint8
      (n, 96, 96, 3) in the same order: a sample of each class, the darkest and the brightest.

    Figures: patches by class, part and quarantine; how training and test differ (see
    `pcam_core.exploration.shift`); and how many patches are darker or brighter than the fences.
    """
    table = _patches_in_use(labels, gate, groups)
    properties = _with_brightness(table, gate)
    shown = pd.concat(
        [_sample(table, settings), _extremes(properties, settings.gallery)], ignore_index=True
    )
    survey, pixels = _look(data, table, set(zip(shown["part"], shown["id"], strict=True)))

    measured = pd.concat([table, survey.measures()], axis="columns")
    measured.to_csv(folder / "patches.csv", index=False, float_format="%.4f")
    classes = table["label"].value_counts()
    count = np.array([max(int(classes.get(label, 0)), 1) for label in (0, 1)])
    means = survey.patches.totals[:TEST] / count[:, None, None, None]
    np.savez(folder / "pixels.npz", counts=survey.levels.totals, means=means)
    brightness = properties[["part", "id", "brightness"]]
    shown.merge(brightness, on=["part", "id"], how="left").to_csv(
        folder / "shown.csv", index=False, float_format="%.1f"
    )
    pictures = [pixels[place] for place in zip(shown["part"], shown["id"], strict=True)]
    np.savez(folder / "shown.npz", pixels=np.stack(pictures))

    low, high = fences(properties["brightness"].to_numpy())
    compared = properties.merge(measured, on=["id", "part", "label", "group"])
    in_test = compared["part"] == "test"
    train = compared.loc[~in_test, list(COMPARED)]
    test = compared.loc[in_test, list(COMPARED)]
    in_all = {part: len(read_ids(labels, part)) for part in PARTS}
    in_use = {part: int((table["part"] == part).sum()) for part in PARTS}
    return {
        "classes": {str(label): int(classes.get(label, 0)) for label in (0, 1)},
        "patches": in_use,
        "quarantined": {part: in_all[part] - in_use[part] for part in PARTS},
        "brightness": {
            "fences": [round(low, 2), round(high, 2)],
            "below": int((properties["brightness"] < low).sum()),
            "above": int((properties["brightness"] > high).sum()),
        },
        "shift": shift(train, test, settings.seed) if len(test) else None,
    }


def read_measures(explored: Artifact) -> pd.DataFrame:
    """Return the table `patches.csv`; see `explore`."""
    types = {"id": str, "group": str}
    return pd.read_csv(explored.path / "patches.csv", dtype=types, keep_default_na=False)


def read_patches(explored: Artifact, gate: Artifact) -> pd.DataFrame:
    """Return the patches in use with all that was measured of them.

    Columns: those of `read_measures`; mean_r, mean_g, mean_b and white of the gate's table (see
    `read_properties`); and brightness, the mean of the three channels, 0..255.
    """
    return _with_brightness(read_measures(explored), gate)


def read_gallery(explored: Artifact) -> dict[int, list[str]]:
    """Return the ids of the sample that is shown of each label."""
    shown, _ = read_shown(explored, _SAMPLE)
    return {label: list(shown.loc[shown["label"] == label, "id"]) for label in (0, 1)}


def read_shown(explored: Artifact, why: str) -> tuple[pd.DataFrame, Pixels]:
    """Return patches (id, part, label, why, brightness) with their pixels (n, 96, 96, 3), uint8.

    Args:
        explored: Artifact of `explore`.
        why: "sample", "darkest" or "brightest".
    """
    table = pd.read_csv(explored.path / "shown.csv", dtype={"id": str}, keep_default_na=False)
    chosen = table["why"] == why
    with np.load(explored.path / "shown.npz") as arrays:
        pixels = arrays["pixels"][chosen.to_numpy()]
    return table[chosen].reset_index(drop=True), pixels


def _patches_in_use(labels: Artifact, gate: Artifact, groups: Artifact) -> pd.DataFrame:
    train = accepted(labels, gate, "train").merge(read_groups(groups), on="id")
    test = accepted(labels, gate, "test").assign(label=_UNKNOWN, group="")
    parts = [train.assign(part="train"), test.assign(part="test")]
    return pd.concat(parts, ignore_index=True)[["id", "part", "label", "group"]]


def _with_brightness(table: pd.DataFrame, gate: Artifact) -> pd.DataFrame:
    means = ["mean_r", "mean_g", "mean_b"]
    properties = read_properties(gate)[["id", "part", *means, "white"]]
    merged = table.merge(properties, on=["id", "part"])
    return merged.assign(brightness=merged[means].mean(axis="columns"))


def _sample(table: pd.DataFrame, settings: ExploreSettings) -> pd.DataFrame:
    chosen = []
    for label in (0, 1):
        # Sorted first, so that the choice does not depend on the order of the rows.
        members = table[table["label"] == label].sort_values("id")
        size = min(settings.gallery, len(members))
        chosen.append(members.sample(size, random_state=settings.seed))
    return pd.concat(chosen).assign(why=_SAMPLE)[["id", "part", "label", "why"]]


def _extremes(properties: pd.DataFrame, number: int) -> pd.DataFrame:
    ordered = properties.sort_values(["brightness", "part", "id"])
    ends = [ordered.head(number).assign(why=_DARKEST)]
    ends.append(ordered.iloc[::-1].head(number).assign(why=_BRIGHTEST))
    return pd.concat(ends)[["id", "part", "label", "why"]]


def _look(
    data: Dataset, table: pd.DataFrame, wanted: set[tuple[str, str]]
) -> tuple[Survey, dict[tuple[str, str], Pixels]]:
    """Survey all patches in the order of the table, and keep the pixels of those wanted."""
    survey = Survey()
    kept: dict[tuple[str, str], Pixels] = {}
    meter = Meter("Explore patches", len(table))
    for part in PARTS:
        rows = table[table["part"] == part]
        ids, kinds = list(rows["id"]), rows["label"].replace(_UNKNOWN, TEST).to_numpy()
        start = 0
        for batch in batches(data.patches(part, ids), _BATCH):
            end = start + len(batch)
            survey.add(batch, kinds[start:end])
            for patch_id, patch in zip(ids[start:end], batch, strict=True):
                if (part, patch_id) in wanted:
                    kept[part, patch_id] = patch.copy()
            meter.advance(len(batch))
            start = end
    return survey, kept
