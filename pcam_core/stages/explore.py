"""Measure what the exploratory figures show: classes, colour, brightness and samples."""

from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field

from pcam_core.artifact import Artifact
from pcam_core.datasets import Dataset
from pcam_core.patches import SIDE
from pcam_core.progress import track
from pcam_core.section import Section
from pcam_core.stage import stage
from pcam_core.stages.gate import accepted, read_properties
from pcam_core.stages.groups import read_groups

BINS = 64


class ExploreSettings(Section):
    """How much is looked at pixel by pixel."""

    sample: int = Field(
        2000, ge=20, le=1_000_000, description="Most training patches whose pixels are counted."
    )
    gallery: int = Field(8, ge=2, le=50, description="Patches shown of each class.")
    seed: int = Field(42, ge=0, description="Seed of the sample.")


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
    """Write what the figures are drawn from.

    - `pixels.npz`: counts uint64 (2 classes, 3 channels, 64 bins over 0..255) and means
      float64 (2 classes, 96, 96, 3), the mean patch, 0..255;
    - `gallery.npz`: a uint8 array (n, 96, 96, 3) for each class, "0" and "1".

    Figures: class counts, groups, brightness of each class from the gate's measurements.
    """
    table = accepted(labels, gate, "train").merge(read_groups(groups), on="id")
    # Sorted first, so that the sample does not depend on the order of the rows.
    sample = table.sort_values("id").sample(frac=1, random_state=settings.seed)
    sample = sample.head(settings.sample)
    counts = np.zeros((2, 3, BINS), np.uint64)
    sums = np.zeros((2, SIDE, SIDE, 3))
    gallery: dict[str, list[Any]] = {"0": [], "1": []}
    patches = data.patches("train", list(sample["id"]))
    decoded = track(patches, "Explore patches", len(sample))
    for label, pixels in zip(sample["label"], decoded, strict=True):
        sums[label] += pixels
        for channel in range(3):
            binned = pixels[..., channel].ravel() // (256 // BINS)
            counts[label, channel] += np.bincount(binned, minlength=BINS).astype(np.uint64)
        if len(gallery[str(label)]) < settings.gallery:
            gallery[str(label)].append(pixels)
    shown = sample["label"].value_counts()
    means = sums / np.array([max(shown.get(0, 0), 1), max(shown.get(1, 0), 1)])[:, None, None, None]
    np.savez(folder / "pixels.npz", counts=counts, means=means)
    shown_patches: dict[str, Any] = {name: np.stack(found) for name, found in gallery.items()}
    np.savez(folder / "gallery.npz", **shown_patches)

    measured = read_properties(gate).merge(table, on="id")
    by_class = measured.groupby("label")[["mean_r", "mean_g", "mean_b", "white"]].mean()
    sizes = table.groupby("group")["id"].count()
    return {
        "classes": {str(k): int(v) for k, v in table["label"].value_counts().items()},
        "sampled": len(sample),
        "groups": len(sizes),
        "patches_a_group": {"median": float(sizes.median()), "largest": int(sizes.max())},
        "brightness": {str(k): row.to_dict() for k, row in by_class.iterrows()},
    }
