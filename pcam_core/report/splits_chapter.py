"""The chapter on which patches belong together, who trains, who decides and who measures."""

from typing import Any

from pcam_core.artifact import Artifact
from pcam_core.patches import SIDE, Pixels
from pcam_core.report.blocks import Chapter, Gallery, Note, Row, Strip, Table, Text, picture
from pcam_core.report.embedding import pixels_data_uri
from pcam_core.report.splits_figures import split_parts
from pcam_core.stages.groups import read_examples
from pcam_core.stages.leak import leaked_into_test
from pcam_core.stages.split import ROLES

_FRAME = (19, 154, 116)  # green: no colour of the stains

_USE = {
    "train": "trains the final model",
    "validation": "stops its training",
    "calibration": "sets the threshold",
    "test": "held out for the figures at the top",
}
_IN_FOLDS = "trains the models of all folds but one, and decides by that one"
_IN_BOTH = {
    "train": "trains the single model, and the models of the folds",
    "validation": "stops the single model's training, and trains the models of the folds",
    "calibration": "sets the threshold by the single model and the models of the folds, each patch"
    " by those that it did not train",
    "test": _USE["test"],
}


def parts(groups: Artifact, splits: Artifact, model: Artifact) -> Chapter:
    """Say how patches were grouped, what that prevents, and which part does what."""
    figures = splits.figures
    shares = [figures["positive_share"][role] for role in ROLES]
    caption = (
        f"The positive share lies between {min(shares):.1%} and {max(shares):.1%};"
        f" tuning works on {figures['tuning_patches']:,} patches outside the test part."
    )
    uses = {
        "single": _USE,
        "folds": dict.fromkeys(ROLES, _IN_FOLDS) | {"test": _USE["test"]},
        "both": _IN_BOTH,
    }[model.figures["form"]]
    rows = [
        (
            role,
            f"{figures['patches'][role]:,}",
            f"{figures['positive_share'][role]:.1%}",
            f"{figures['groups'][role]:,}",
            uses[role],
        )
        for role in ROLES
    ]
    columns = ("Part", "Patches", "Positive", "Groups", "Use")
    blocks: list[Any] = [Text(_grouped(groups.figures)), Text(_prevented(figures))]
    if groups.figures["detected"]:
        blocks.append(Note(UNKNOWN_SLIDES))
    if figures["unused"]:
        blocks.append(
            Note(
                f"{figures['unused']:,} labelled patches are unused: in quarantine, or together"
                " with a published part in one group."
            )
        )
    told = leak(splits, groups)
    blocks.append(Note(told, "bad") if told else Note(_NO_LEAK, "good"))
    blocks += _overlaps(groups)
    return Chapter(
        "splits",
        "Splits",
        [
            *blocks,
            Row([picture("parts", "Sizes of the parts", split_parts(splits), caption)]),
            Table("The parts", columns, rows, "lrrrl"),
        ],
    )


UNKNOWN_SLIDES = (
    "The slides are not all known. Patches of one slide that do not touch may stand on both sides"
    " of a split, so the figures may be a little optimistic."
)


def _grouped(figures: dict[str, Any]) -> str:
    text = (
        f"Groups come from {figures['source']}: {figures['groups']:,} of them, the largest with"
        f" {figures['largest']:,} patches. No group stands on two sides of any split."
    )
    partner = (
        f", and {figures['sharing']:,} patches have at least one such partner or a known slide"
        if figures["detected"]
        else ""
    )
    return f"{text} {figures['pairs']:,} pairs of patches show the same place{partner}."


def _prevented(figures: dict[str, Any]) -> str:
    if figures["published"]:
        kept = "The published test part is kept as it is."
    else:
        kept = "The test part was drawn by group."
    return (
        f"{kept} Drawn patch by patch instead, {figures['random_leak']:.1%} of the test would have"
        " had a member of its group among the patches that train or choose."
    )


_NO_LEAK = "No patch of the test part shares pixels with one outside it."


def leak(splits: Artifact, groups: Artifact) -> str:
    """Say that a wrong map of slides has put one place on both sides of the test; else ""."""
    leaked = leaked_into_test(splits, groups)
    if not leaked:
        return ""
    share = leaked / splits.figures["patches"]["test"]
    return (
        f"Leak: {leaked:,} of the test part's patches ({share:.1%}) share pixels with patches that"
        " train or choose, under the name of another slide. The figures on the test flatter the"
        " model. Correct the map of slides or remove such patches, then run again."
    )


def _overlaps(groups: Artifact) -> list[Gallery]:
    """Show pairs that were found to overlap, if any, with a frame around what they share."""
    rows, patches = read_examples(groups)
    if rows.empty:
        return []
    shifts = rows[["dy", "dx"]].to_numpy(int)
    notes = [f"{share:.0%} shared" for share in rows["shared_pixels"] / SIDE**2]
    strips = []
    for side, label in enumerate(("one patch", "another that shares pixels with it")):
        images = [
            (pixels_data_uri(_framed(pair[side], *(-shift if side else shift))), str(name))
            for shift, pair, name in zip(
                shifts, patches, rows["second" if side else "first"], strict=True
            )
        ]
        strips.append(Strip(label, images, notes=notes if side else ()))
    caption = (
        "Below each patch one that was cut from an overlapping place: the framed pixels are equal,"
        " one by one. Pairs from the largest overlap found to the smallest."
    )
    return [Gallery("Patches of the same place", strips, caption)]


def _framed(patch: Pixels, dy: int, dx: int) -> Pixels:
    """Draw a frame around what a patch shares with one that lies (dy, dx) further."""
    framed = patch.copy()
    y, x = max(dy, 0), max(dx, 0)
    shared = framed[y : SIDE + min(dy, 0), x : SIDE + min(dx, 0)]
    for edge in (shared[:2], shared[-2:], shared[:, :2], shared[:, -2:]):
        edge[:] = _FRAME
    return framed
