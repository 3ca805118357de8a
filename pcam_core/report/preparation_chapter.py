"""The chapter on what is kept of a patch."""

from typing import Any

from pcam_core.artifact import Artifact
from pcam_core.report.blocks import Chapter, Gallery, Strip, Table, Text
from pcam_core.report.embedding import pixels_data_uri
from pcam_core.report.palette import CLASS_NAMES
from pcam_core.stages.gate import accepted
from pcam_core.stages.prepare import open_store

_SHOWN = 8
_TONES: Any = ("normal", "tumour")


def preparation(
    prepared: Artifact, labels: Artifact, gate: Artifact, sample: dict[str, Any]
) -> Chapter:
    """Say what is kept of a patch, and show stored ones.

    Args:
        prepared: Artifact of `prepare`.
        labels: Artifact of `labels`.
        gate: Artifact of `gate`.
        sample: The recipe's section `explore`, which says which patches the gallery shows.
    """
    figures = prepared.figures
    region, side = figures["region"], figures["stored_side"]
    rows = [
        ("Kept", f"centre {region}x{region} px" if region < 96 else "the whole 96x96 px"),
        ("Upscaler", str(figures["upscaler"])),
        ("Stored", f"{side}x{side} px, RGB, uint8"),
        *((f"Patches, {part}", f"{count:,}") for part, count in figures["patches"].items()),
        ("Size on disk", f"{prepared.size / 1e6:,.1f} MB"),
    ]
    blocks: list[Any] = [Table("What is stored", ("Property", "Value"), rows, "ll")]
    if (region, side) == (96, 96):
        blocks.append(Text("Patches are stored as they are: the networks get the gallery above."))
    else:
        blocks.append(_stored(prepared, _gallery_ids(labels, gate, sample)))
    return Chapter("preparation", "Preparation", blocks)


def _stored(prepared: Artifact, ids: dict[int, list[str]]) -> Gallery:
    store = open_store(prepared, "train")
    strips = []
    for label, names in ids.items():
        pixels = store.read(store.rows(names))
        images = [(pixels_data_uri(p), f"stored: {n}") for p, n in zip(pixels, names, strict=True)]
        strips.append(Strip(CLASS_NAMES[label], images, _TONES[label]))
    caption = f"The patches of the gallery above as the networks get them: {store.side} px wide."
    return Gallery("Stored patches", strips, caption)


def _gallery_ids(labels: Artifact, gate: Artifact, sample: dict[str, Any]) -> dict[int, list[str]]:
    # The same draw as in the stage `explore`, so that both galleries show the same patches.
    table = accepted(labels, gate, "train")
    drawn = table.sort_values("id").sample(frac=1, random_state=sample["seed"])
    drawn = drawn.head(sample["sample"])
    shown = min(sample["gallery"], _SHOWN)
    return {label: list(drawn.loc[drawn["label"] == label, "id"].head(shown)) for label in (0, 1)}
