"""The chapter on what the model looks at."""

from collections.abc import Sequence
from typing import Any

from pcam_core.artifact import Artifact
from pcam_core.explanation.centre_share import CENTRE
from pcam_core.explanation.methods import METHODS
from pcam_core.report import explanation_figures as draw
from pcam_core.report.blocks import (
    Block,
    Chapter,
    Heading,
    Note,
    Picture,
    Row,
    Table,
    Text,
    picture,
)
from pcam_core.stages.explanation import KINDS, read_gallery_maps

_TOO_ALIKE = 0.5
COLOURS = (
    "Orange speaks for tumour, blue against; what is strongest in all pictures together has full"
    " colour. The number on a patch is its probability of tumour."
)
_TO_SEE = {
    "true positive": "Tumour that was found: orange in the frame lies on what the label means.",
    "false positive": "Called tumour without being it: orange shows what misled the model.",
    "false negative": "Tumour that was missed: blue, or no colour, where the frame holds it.",
    "true negative": "No tumour, and not called so: little should be orange.",
}


def explained(explanation: Artifact) -> Chapter:
    """Show where the model looks, how much of it is the centre, and whether to believe it.

    Args:
        explanation: Artifact of the stage `explanation`.
    """
    figures = explanation.figures
    # The models of the folds have the layers of the single one.
    sides = " and ".join(f"{side}x{side}" for side in dict.fromkeys(figures["map_sides"]))
    layers = " and ".join(dict.fromkeys(figures["layers"]))
    blocks: list[Block] = [
        Text(
            "Two methods show which pixels raise or lower the model's score. Grad-CAM (Selvaraju"
            f" et al. 2017) is coarse: it knows {sides} places, those of {layers}, and shows only"
            " what speaks for tumour. Integrated gradients (Sundararajan et al. 2017) weigh every"
            " pixel, for and against, by what sets it apart from empty glass; they miss the"
            f" difference that they should add up to by {figures['completeness_error']:.1%}."
            " Neither proves a cause."
        ),
        *_sanity(figures["untrained"]),
        *(_centre(figures) if figures["region"] > CENTRE else _no_centre()),
        Heading("Hits and errors"),
        Text(f"{COLOURS} Patches are random ones of each kind."),
        Row(_gallery(explanation)),
    ]
    return Chapter("explanation", "What the model looks at", blocks)


def _sanity(untrained: dict[str, Any]) -> list[Block]:
    found = {name: untrained[method]["correlation"]["mean"] for method, name in METHODS.items()}
    known = {name: size for name, size in found.items() if size is not None}
    told = " and ".join(f"{name} {size:.2f}" for name, size in known.items())
    checked = (
        f"Sanity check (Adebayo et al. 2018): on {untrained['patches']} patches the maps were"
        f" compared with those of {untrained['draws']} untrained networks of the same build. Size"
        f" of the rank correlation: {told or 'unknown, for all maps are empty'}; 1 is the same map."
    )
    alike = [name for name, size in known.items() if size > _TOO_ALIKE]
    if alike:
        return [
            Note(
                f"{checked} Do not trust {' and '.join(alike)} here: above {_TOO_ALIKE} a map shows"
                " the picture rather than what was learned.",
                "warn",
            )
        ]
    return [Note(f"{checked} The maps depend on what was learned.", "good")]


def _no_centre() -> list[Block]:
    return [
        Text(
            "The network gets nothing but the centre 32x32 pixels, so that all attribution lies"
            " there: its share tells nothing in this run."
        )
    ]


def _centre(figures: dict[str, Any]) -> list[Block]:
    found = {name: figures["shares"][method]["all"] for method, name in METHODS.items()}
    told = " and ".join(
        f"{row['mean']:.1%} of {name} (95 % {row['interval'][0]:.1%} to {row['interval'][1]:.1%})"
        for name, row in found.items()
        if row["mean"] is not None
    )
    return [
        *_beside(figures),
        Text(
            f"Only the centre 32x32 pixels define the label. There lie {told or 'no attribution'};"
            f" a map that is the same everywhere would have {figures['uniform']:.1%} there. An"
            " untrained network tells how much the build alone favours the centre."
            f"{_understated(figures['centre_pooled'])}"
        ),
        Row(
            [
                picture(
                    "centre-share",
                    "How much of the attribution lies in the centre",
                    draw.shares(figures),
                    "Right of the dashed line the model looks at the centre more than a map that is"
                    " the same everywhere; right of the grey point, because it has learned to.",
                )
            ]
        ),
        _table(figures),
    ]


def _understated(names: Sequence[str]) -> str:
    if not names:
        return ""
    return (
        f" Grad-CAM understates the share of {' and '.join(names)}: the head gets the centre of the"
        " last map apart from all of it, but Grad-CAM weighs a channel alike at every place, so"
        " that what speaks from the centre is spread over the whole map. Trust the other method."
    )


def _beside(figures: dict[str, Any]) -> list[Block]:
    """Warn where what decides lies beside the tissue that the label is about."""
    share = figures["shares"]["integrated_gradients"]["all"]
    if share["mean"] is None or share["interval"][1] >= figures["uniform"]:
        return []
    return [
        Note(
            f"Suspicious: only {share['mean']:.1%} of the attribution lies in the centre, less than"
            f" the {figures['uniform']:.1%} of a map that is the same everywhere, although only the"
            " centre defines the label. Something beside it may give the label away, such as a"
            " mark, an edge or the compression: look at the pictures below before you trust the"
            " figures.",
            "warn",
        )
    ]


def _table(figures: dict[str, Any]) -> Table:
    labels = {"all": "all", "1": "tumour", "0": "no tumour"}
    rows = []
    for method, name in METHODS.items():
        shares = figures["shares"][method]
        for label, words in labels.items():
            if label in shares:
                rows.append((name, words, *_cells(shares[label])))
        rows.append((name, "untrained network", *_cells(figures["untrained"][method]["share"])))
    return Table(
        "Share of the attribution in the centre 32x32 px",
        ("Method", "Patches", "Share", "95 % interval", "Maps"),
        rows,
        "llrrr",
        f"Means over {figures['patches']:,} random patches of {figures['groups']:,} groups of the"
        " held-out test, with intervals over groups; maps that are empty do not count.",
    )


def _cells(found: dict[str, Any]) -> tuple[str, str, str]:
    if found["mean"] is None:
        return "none", "none", "0"
    low, high = found["interval"]
    return f"{found['mean']:.1%}", f"{low:.1%} to {high:.1%}", f"{found['count']:,}"


def _gallery(explanation: Artifact) -> list[Picture]:
    table, arrays = read_gallery_maps(explanation)
    scales = {method: draw.scale(arrays[method]) for method in METHODS}
    pictures = []
    for kind in KINDS:
        rows = (table["kind"] == kind).to_numpy()
        if not rows.any():
            continue
        figure = draw.heat(
            arrays["pixels"][rows],
            {method: arrays[method][rows] for method in METHODS},
            [f"{probability:.2f}" for probability in table["probability"][rows]],
            explanation.figures["region"],
            scales,
        )
        title = f"{kind.capitalize()}s"
        name = f"explained-{kind.replace(' ', '-')}"
        pictures.append(picture(name, title, figure, _TO_SEE[kind]))
    return pictures
