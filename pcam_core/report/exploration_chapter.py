"""The chapter on what the patches look like."""

from typing import Any

import numpy as np

from pcam_core.artifact import Artifact
from pcam_core.report import exploration_figures as draw
from pcam_core.report.blocks import Chapter, Gallery, Row, Strip, picture
from pcam_core.report.embedding import pixels_data_uri
from pcam_core.report.palette import CLASS_NAMES

_SHOWN = 8
_TONES: Any = ("normal", "tumour")


def exploration(explored: Artifact, gate: Artifact, labels: Artifact, groups: Artifact) -> Chapter:
    """Show what the patches look like."""
    figures = explored.figures
    counts = [figures["classes"].get(label, 0) for label in ("0", "1")]
    share = counts[1] / sum(counts)
    bright = {
        name: np.mean([figures["brightness"][name][f"mean_{c}"] for c in "rgb"]) for name in "01"
    }
    darker = "darker" if bright["1"] < bright["0"] else "brighter"
    gap = abs(bright["1"] - bright["0"])
    sizes = figures["patches_a_group"]
    top = _steepest(gate, labels)
    return Chapter(
        "exploration",
        "What the patches look like",
        [
            _gallery(explored),
            Row(
                [
                    picture(
                        "classes", "Class balance", draw.classes(explored),
                        f"{share:.1%} of {sum(counts):,} labelled patches have tumour in their"
                        " centre 32x32 pixels.",
                    ),
                    picture(
                        "groups", "Patches per group", draw.patches_per_group(groups),
                        f"{figures['groups']:,} groups hold {sizes['median']:g} patches in the"
                        f" median and {sizes['largest']:,} at most.",
                    ),
                    picture(
                        "pixels", "Pixel intensity by channel", draw.pixel_histogram(explored),
                        f"Pixels of {figures['sampled']:,} sampled patches: tumour patches are on"
                        f" average {gap:.0f} levels {darker}.",
                    ),
                    picture(
                        "colour", "Colour by class", draw.colour_by_class(gate, labels),
                        f"The classes differ most in {top[0]}, by {top[1]:.0f} levels in the"
                        " median; boxes hold the middle half, whiskers 5 % to 95 %.",
                    ),
                ]
            ),
        ],
    )  # fmt: skip


def _gallery(explored: Artifact) -> Gallery:
    strips = []
    with np.load(explored.path / "gallery.npz") as found:
        for label, name in enumerate(CLASS_NAMES):
            images = [
                (pixels_data_uri(patch), f"patch with {name} in its centre")
                for patch in found[str(label)][:_SHOWN]
            ]
            strips.append(Strip(name, images, _TONES[label]))
    with np.load(explored.path / "pixels.npz") as found:
        means = np.clip(found["means"], 0, 255).astype(np.uint8)
    mean_images = [
        (pixels_data_uri(mean), f"mean patch, {name}")
        for mean, name in zip(means, CLASS_NAMES, strict=True)
    ]
    strips.append(Strip("mean of each class", mean_images))
    return Gallery(
        "Sample patches",
        strips,
        "Random patches of 96x96 pixels; the frame marks the centre 32x32 pixels that the"
        " label speaks of.",
        marked=True,
    )


def _steepest(gate: Artifact, labels: Artifact) -> tuple[str, float]:
    table = draw.measured_by_label(gate, labels)
    medians = table.groupby("label")[["mean_r", "mean_g", "mean_b"]].median().to_numpy()
    gaps = np.abs(medians[1] - medians[0])
    return draw.CHANNELS[int(np.argmax(gaps))], float(gaps.max())
