"""What the report says of slides, or of groups found by overlap."""

import pandas as pd

from pcam_core.artifact import Artifact
from pcam_core.report import group_figures
from pcam_core.report.blocks import Block, Heading, Row, Text, picture
from pcam_core.report.wording import patches


def group_blocks(train: pd.DataFrame, groups: Artifact) -> list[Block]:
    """Show how patches, classes and stain are spread over slides.

    Args:
        train: What `read_patches` returned of the training part.
        groups: Artifact of `groups`.
    """
    figures = groups.figures
    sizes = train["group"].value_counts()
    detected = figures["detected"]
    noun, title = ("group", "Groups of overlapping patches") if detected else ("slide", "Slides")
    if sizes.max() == 1:
        told = "No two patches are known to belong together: slides are not known here."
        return [Heading(title), Text(told)]
    if len(sizes) == 1:
        return [Heading(title), Text(f"All {len(train):,} labelled patches are of one {noun}.")]
    single = int((sizes == 1).sum())
    lead = f"The labelled patches are of {len(sizes):,} {noun}s ({figures['source']})."
    if detected:
        lead += (
            " These are patches that share pixels, not slides; a slide has many such groups."
            f" {single:,} patches share none and are left out here."
        )
        train = train[train["group"].map(sizes) > 1]
        sizes = sizes[sizes > 1]
    shares = group_figures.positive_share(train)["share"]
    pure = [int((shares == label).sum()) for label in (0, 1)]
    mixed = len(sizes) - sum(pure)
    pictures = [
        picture(
            "groups", f"Patches per {noun}", group_figures.patches_per_group(train, noun),
            f"A {noun} has a median of {patches(float(sizes.median()))}, from {sizes.min():,} to"
            f" {sizes.max():,}; the largest tenth of the {noun}s holds"
            f" {_largest_tenth(sizes):.0%} of the patches.",
        ),
        picture(
            "group-balance", f"Class balance by {noun}",
            group_figures.balance_by_group(train, noun),
            f"{pure[0]:,} of {len(sizes):,} {noun}s have no tumour at all, {pure[1]:,} nothing"
            f" else; {mixed:,} {'is' if mixed == 1 else 'are'} mixed.",
        ),
    ]  # fmt: skip
    if not detected and len(train) > len(sizes):
        stain, edges = (
            group_figures.between_groups(train, column) for column in ("haematoxylin", "edges")
        )
        shown = group_figures.DOTS
        largest = f" The {shown} largest are shown." if len(sizes) > shown else ""
        pictures += [
            picture(
                "group-stain", f"Stain by {noun}", group_figures.stain_by_group(train, noun),
                f"A dot is a {noun}, larger with more patches, from blue without tumour to orange"
                f" with nothing else; where dots lie apart, {noun}s differ in tissue or staining."
                f"{largest}",
            ),
            picture(
                "group-variance", f"Likeness within a {noun}",
                group_figures.variance_by_group(train, noun),
                f"{stain:.0%} of the variance of haematoxylin and {edges:.0%} of that of edge"
                f" strength lie between {noun}s: the higher, the less a second patch of the same"
                f" {noun} tells.",
            ),
        ]  # fmt: skip
    return [Heading(title), Text(lead), Row(pictures)]


def _largest_tenth(sizes: pd.Series) -> float:
    ordered = sizes.sort_values(ascending=False)
    return float(ordered.head(max(len(ordered) // 10, 1)).sum() / ordered.sum())
