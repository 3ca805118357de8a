"""The drift report of a batch."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from pcam_core.drift.judgement import Drift
from pcam_core.drift.reference import LIMITED, MEASURES, Reference
from pcam_core.report.blocks import Badge, Block, Cell, Chapter, Row, Table, Text, Tone, picture
from pcam_core.report.drift_figures import against_training
from pcam_core.report.layout import lay_out

_AXES = {
    "brightness": ("Brightness", "mean level of a patch (0 to 255)"),
    "haematoxylin": ("Haematoxylin", "mean optical density of a patch"),
    "eosin": ("Eosin", "mean optical density of a patch"),
    "edges": ("Edges", "steepness of the edges in a patch (levels a pixel)"),
    "appearance": ("Appearance", "how far its pixels lie from those of training patches"),
    "embedding": ("Embedding", "how far its features lie from those of training patches"),
    "probability": ("Probability", "probability of tumour, before calibration"),
}
_LIMITED = "Beyond the broken line, where in sight, a patch gets no prediction."
_CAPTIONS = {
    **dict.fromkeys(LIMITED, _LIMITED),
    "probability": "Of patches that the threshold was chosen on, and of the new ones.",
}
_TONES: dict[str, Tone] = {
    "like the training patches": "good",
    "shifted": "warn",
    "stopped": "bad",
}
_HEADLINES = {
    "like the training patches": "The new patches are like those of the training",
    "shifted": "The new patches have shifted: look before you rely on them",
    "stopped": "The new patches are too unlike those of the training: nothing was published",
}
_SHOWN = 50


def drift_page(
    drift: Drift, reference: Reference, table: pd.DataFrame, model: Mapping[str, Any], source: str
) -> str:
    """Return the HTML. Equal arguments give equal text.

    Args:
        drift: What was found.
        reference: Of the training patches.
        table: A row a file; columns `MEASURES`, id, flags and `unlike` if any could be read.
        model: Its name, and version in the registry or None.
        source: Where the patches lie.
    """
    chapters = []
    if drift.patches:
        chapters.append(Chapter("distributions", "Distributions", _shown(drift, reference, table)))
    flagged = table[table["flags"] != ""]
    if len(flagged):
        rows = list(zip(flagged["id"].head(_SHOWN), flagged["flags"].head(_SHOWN), strict=True))
        caption = f"The first {len(rows)} of {len(flagged):,}." if len(flagged) > _SHOWN else ""
        listed = Table("Patches without a prediction", ("Patch", "Why"), rows, "ll", caption)
        chapters.append(Chapter("flagged", "Flagged patches", [listed]))
    version = f", version {model['version']}" if model["version"] else ""
    return lay_out(
        "drift.html.j2",
        chapters,
        headline=_HEADLINES[drift.verdict],
        model=f"{model['name']}{version}",
        source=source,
        reasons=drift.reasons,
        tone=_TONES[drift.verdict],
        cards=[
            {"name": "Scored", "value": f"{drift.patches:,}", "context": "patches compared"},
            {
                "name": "Abstained",
                "value": f"{drift.unlike:,}",
                "context": "unlike anything seen; no prediction",
            },
            {
                "name": "Rejected",
                "value": f"{len(table) - drift.patches:,}",
                "context": "files that are no patches",
            },
        ],
    )


def _shown(drift: Drift, reference: Reference, table: pd.DataFrame) -> list[Block]:
    rows: list[list[Cell]] = [
        [
            _AXES[shift.measure][0],
            Badge(shift.verdict, _TONES[shift.verdict]),
            f"{shift.index:.3f}",
            f"{shift.by_chance:.3f}",
            f"{shift.gap:.3f}",
        ]
        for shift in drift.shifts
    ]
    settings = drift.settings
    pictures = [
        picture(
            name,
            _AXES[name][0],
            against_training(
                reference.quantiles[name],
                table[name].dropna().to_numpy(float),
                _AXES[name][1],
                reference.limit(name) if name in LIMITED else None,
            ),
            _CAPTIONS.get(name, ""),
        )
        for name in MEASURES
    ]
    return [
        Text(
            "The population stability index is 0 for equal distributions."
            f" From {settings.warn:g} on a shift is reported, from {settings.stop:g} on nothing is"
            " published, if it is more than chance would give so few patches. Appearance and"
            " embedding never stop a batch by their index, but by the share of patches beyond"
            f" their limits: above {settings.warn_unlike:.0%} it is reported, above"
            f" {settings.stop_unlike:.0%} it stops. Patches of one slide are alike, so that a"
            " batch of few slides shifts easily."
        ),
        Table(
            "New patches against the training",
            ("Measure", "Verdict", "Stability index", "By chance up to", "Largest gap"),
            rows,
            "llrrr",
            "The gap is that of Kolmogorov and Smirnov, 0 to 1.",
        ),
        Row(pictures),
    ]
