"""The chapter on what the patches look like."""

from typing import Any

import numpy as np
import pandas as pd

from pcam_core.artifact import Artifact
from pcam_core.exploration.survey import CENTRE
from pcam_core.patches import BITS, MODE, SIDE
from pcam_core.report import exploration_figures as draw
from pcam_core.report import wording
from pcam_core.report.blocks import Block, Chapter, Heading, Row, Text, picture
from pcam_core.report.exploration_galleries import edge_maps, extremes, samples
from pcam_core.report.group_blocks import group_blocks
from pcam_core.report.shift_blocks import shift_blocks
from pcam_core.stages.explore import read_patches

_BLANK = 0.9


def exploration(explored: Artifact, gate: Artifact, groups: Artifact) -> Chapter:
    """Show what the patches look like, class by class, slide by slide and part by part."""
    patches = read_patches(explored, gate)
    train = patches[patches["part"] == "train"]
    return Chapter(
        "exploration",
        "What the patches look like",
        [
            *_classes(explored, train),
            *_colour_and_stain(explored, train),
            *_edges_and_brightness(explored, patches, train),
            *group_blocks(train, groups),
            *shift_blocks(explored, patches),
        ],
    )


def _classes(explored: Artifact, train: pd.DataFrame) -> list[Block]:
    figures = explored.figures
    counts = [figures["classes"][label] for label in ("0", "1")]
    with np.load(explored.path / "pixels.npz") as arrays:
        gap = draw.brightness_gap(arrays["means"])
    inside = gap[CENTRE, CENTRE]
    around = float((gap.sum() - inside.sum()) / (gap.size - inside.size))
    chance = _error(train, "brightness")
    return [
        Text(_form(figures)),
        samples(explored),
        Row(
            [
                picture(
                    "classes", "Class balance", draw.classes(explored),
                    f"{counts[1] / sum(counts):.1%} of {sum(counts):,} labelled patches have"
                    " tumour in their centre 32x32 pixels.",
                ),
                picture(
                    "means", "Mean patch", draw.mean_patches(explored),
                    f"In the mean, tumour patches are {_levels(float(inside.mean()))} in the"
                    f" framed centre and {_levels(around)} around it; single patches vary so much"
                    f" that {2 * chance:.1f} levels could be chance.",
                ),
            ]
        ),
    ]  # fmt: skip


def _colour_and_stain(explored: Artifact, train: pd.DataFrame) -> list[Block]:
    medians = train.groupby("label")[["mean_r", "mean_g", "mean_b"]].median()
    gaps = (medians.loc[1] - medians.loc[0]).to_numpy()
    widest = int(np.argmax(np.abs(gaps)))
    with np.load(explored.path / "pixels.npz") as arrays:
        counts = arrays["counts"].astype(float)
    levels = [float(c.sum(axis=0) @ np.arange(256) / max(c.sum(), 1)) for c in counts[:2]]
    return [
        Heading("Colour and stain"),
        Row(
            [
                picture(
                    "pixels", "Pixel intensity by channel", draw.pixel_histogram(explored),
                    f"All {int(counts[:2, 0].sum()):,} pixels: those of tumour patches are on"
                    f" average {_levels(levels[1] - levels[0])}.",
                ),
                picture(
                    "colour", "Colour by channel", draw.colour_by_class(train),
                    f"The classes differ most in {draw.CHANNELS[widest]}: the median tumour patch"
                    f" is {_levels(gaps[widest])} there. Boxes hold the middle half, whiskers"
                    " 5 % to 95 %.",
                ),
            ]
        ),
        Row(
            [
                picture(
                    "stain", "Optical density by stain", draw.stain_by_class(train),
                    "Middle half of the patches: haematoxylin (nuclei)"
                    f" {_halves(train, 'haematoxylin')}; eosin (cytoplasm, collagen)"
                    f" {_halves(train, 'eosin')}. After Ruifrok and Johnston, 2001.",
                ),
                picture(
                    "centre", "The centre against its surroundings", draw.centre_by_class(train),
                    "Right of 0 the centre 32x32 pixels hold more of a stain. Middle half of the"
                    f" patches, haematoxylin: {_halves(train, 'haematoxylin_centre')}.",
                ),
            ]
        ),
    ]  # fmt: skip


def _edges_and_brightness(
    explored: Artifact, patches: pd.DataFrame, train: pd.DataFrame
) -> list[Block]:
    strength = train.groupby("label")["edges"].median()
    steeper = "steeper" if strength[1] > strength[0] else "softer"
    found = explored.figures["brightness"]
    low, high = found["fences"]
    outside = [f"{wording.patches(found['below'])} darker than {max(low, 0):.0f}"]
    if high < 255:
        outside.append(f"{wording.patches(found['above'])} brighter than {high:.0f}")
    blank = int((patches["white"] > _BLANK).sum())
    return [
        Heading("Edges and brightness"),
        edge_maps(explored),
        Row(
            [
                picture(
                    "edges", "Edge strength", draw.edge_strength(train),
                    f"The median tumour patch is {steeper}: {strength[1]:.1f} against"
                    f" {strength[0]:.1f} levels a pixel; the middle half holds"
                    f" {_halves(train, 'edges', 0)}.",
                ),
                picture(
                    "brightness", "Brightness outliers", draw.brightness(train, (low, high)),
                    f"{' and '.join(outside)}: beyond the middle half of all by one and a half"
                    f" times its width. {wording.patches(blank)} more than {_BLANK:.0%} white.",
                ),
            ]
        ),
        extremes(explored),
    ]  # fmt: skip


def _form(figures: dict[str, Any]) -> str:
    used, kept_out = figures["patches"], sum(figures["quarantined"].values())
    return (
        f"All {used['train']:,} training and {used['test']:,} test patches in use are {SIDE}x{SIDE}"
        f" pixels in 3 channels ({MODE}) of {BITS} bits, and everything here was measured on all of"
        f" them; {wording.patches(kept_out) if kept_out else 'none'} in quarantine."
    )


def _levels(difference: float) -> str:
    return f"{abs(difference):.1f} levels {'darker' if difference < 0 else 'brighter'}"


def _halves(train: pd.DataFrame, column: str, digits: int = 2) -> str:
    """The middle half of each class."""
    halves = []
    for label in (1, 0):
        ends = train.loc[train["label"] == label, column].quantile([0.25, 0.75])
        halves.append(" to ".join(f"{end:z.{digits}f}" for end in ends))
    return f"{halves[0]} with tumour, {halves[1]} without"


def _error(train: pd.DataFrame, column: str) -> float:
    """The standard error of the difference of both classes' means."""
    classes = train.groupby("label")[column]
    return float((classes.var() / classes.size()).sum() ** 0.5)
