"""The page of `pcam explain`."""

from typing import Any

import numpy.typing as npt
import pandas as pd

from pcam_core.explanation.centre_share import CENTRE, uniform_share
from pcam_core.explanation.methods import METHODS
from pcam_core.patches import Pixels
from pcam_core.report import explanation_figures as draw
from pcam_core.report.blocks import Block, Chapter, Row, Table, Text, picture
from pcam_core.report.explanation_chapter import COLOURS
from pcam_core.report.layout import lay_out
from pcam_core.report.wording import patches as in_words

_IN_A_PICTURE = 4
_PICTURES = 12
_ID = 12  # characters of an id that fit on a patch


def explanation_page(
    model: str,
    table: pd.DataFrame,
    table_name: str,
    pixels: Pixels,
    maps: dict[str, npt.NDArray[Any]],
    region: int,
) -> str:
    """Return the HTML, which shows the first 48 patches. Equal arguments give equal text.

    Args:
        model: What was explained.
        table: Columns id, probability and `centre_share_<method>`.
        table_name: Name of its file.
        pixels: uint8 (n, side, side, 3), 0..255, in the same order.
        maps: By method float32 (n, side, side).
        region: Side of what the patches show, in pixels of the raw patch.
    """
    shown = table.head(_IN_A_PICTURE * _PICTURES)
    scales = {method: draw.scale(maps[method]) for method in METHODS}
    pictures = []
    for start in range(0, len(shown), _IN_A_PICTURE):
        some = shown.iloc[start : start + _IN_A_PICTURE]
        rows = slice(start, start + len(some))
        notes = [
            f"{patch_id[:_ID]} {probability:.2f}"
            for patch_id, probability in zip(some["id"], some["probability"], strict=True)
        ]
        figure = draw.heat(pixels[rows], {m: maps[m][rows] for m in METHODS}, notes, region, scales)
        last = start + len(some)
        title = f"Patches {start + 1} to {last}" if len(some) > 1 else f"Patch {last}"
        caption = "Orange is what the model takes for tumour, blue what speaks against it."
        pictures.append(picture(f"patches-{start + 1}", title, figure, caption))
    blocks: list[Block] = [Text(COLOURS), Row(pictures), _table(shown, region)]
    if len(shown) < len(table):
        blocks.insert(0, Text(f"The first {len(shown)} of {len(table):,} patches are shown."))
    return lay_out(
        "explanation.html.j2",
        [Chapter("patches", "What the model looks at", blocks)],
        headline=f"What speaks for tumour in {in_words(len(table))}",
        model=model,
        table_file=table_name,
    )


def _table(shown: pd.DataFrame, region: int) -> Table:
    told = (
        "The model gets nothing but the centre, so that the share tells nothing."
        if region == CENTRE
        else f"A map that is the same everywhere would have {uniform_share(region):.1%} there."
    )
    rows = [
        (
            row["id"],
            f"{row['probability']:.3f}",
            *(_share(row[f"centre_share_{method}"]) for method in METHODS),
        )
        for _, row in shown.iterrows()
    ]
    return Table(
        "Share of the attribution in the centre 32x32 px",
        ("Patch", "Probability", *METHODS.values()),
        rows,
        "lrrr",
        told,
    )


def _share(share: float) -> str:
    return "empty" if pd.isna(share) else f"{share:.1%}"
