"""The chapters on the data, before any training."""

import json
from typing import Any

import numpy as np

from pcam_core.artifact import Artifact
from pcam_core.report import data_figures as draw
from pcam_core.report.blocks import (
    Badge,
    Chapter,
    Gallery,
    Note,
    Row,
    Strip,
    Table,
    Text,
    picture,
)
from pcam_core.report.embedding import pixels_data_uri
from pcam_core.report.palette import CLASS_NAMES
from pcam_core.stages.labels import read_ids
from pcam_core.stages.prepare import open_store

_SHOWN = 8


def quality(labels: Artifact, gate: Artifact) -> Chapter:
    """Say which expectations the data met."""
    checks = json.loads((gate.path / "expectations.json").read_text())
    rows = [
        (_badge(check), check["meaning"], check["observed"], check["severity"]) for check in checks
    ]
    figures = gate.figures
    met = f"{figures['passed']} of {figures['expectations']} expectations hold"
    told = f"{met} for {figures['patches']:,} decoded patches, training and test together."
    unmapped = labels.figures["unmapped"]
    blocks: list[Any] = [Text(told)]
    if unmapped:
        blocks.append(
            Note(f"{unmapped:,} labelled patches are not in the group map; each is its own group.")
        )
    table = Table("Expectations", ("Result", "Expected that", "Observed", "Severity"), rows, "llll")
    return Chapter("quality", "Data quality", [*blocks, table])


def exploration(explored: Artifact, gate: Artifact, labels: Artifact) -> Chapter:
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
                        "groups", "Patches per group", draw.patches_per_group(labels),
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


def parts(labels: Artifact, splits: Artifact) -> Chapter:
    """Say who trains, who decides and who measures."""
    figures = splits.figures
    roles = ("train", "validation", "test")
    use = {
        "train": "trains the final model",
        "validation": "stops it and sets the threshold",
        "test": "held out for the figures at the top",
    }
    rows = [
        (
            role,
            f"{figures['patches'][role]:,}",
            f"{figures['positive_share'][role]:.1%}",
            f"{figures['groups'][role]:,}",
            use[role],
        )
        for role in roles
    ]
    shares = [figures["positive_share"][role] for role in roles]
    source = labels.figures["group_source"]
    caption = (
        f"The positive share lies between {min(shares):.1%} and {max(shares):.1%};"
        f" tuning works on {figures['tuning_patches']:,} patches outside the test part."
    )
    columns = ("Part", "Patches", "Positive", "Groups", "Use")
    kept = Text(f"Groups come from {source}: no group stands on two sides of any split.")
    return Chapter(
        "splits",
        "Splits",
        [
            kept if source else Note(UNGROUPED),
            Row([picture("parts", "Sizes of the parts", draw.split_parts(splits), caption)]),
            Table("The parts", columns, rows, "lrrrl"),
        ],
    )


UNGROUPED = (
    "No slide map was given, so every patch is its own group: patches of one slide may stand on"
    " both sides of a split, and the figures may be optimistic."
)


def preparation(prepared: Artifact, labels: Artifact, sample: dict[str, Any]) -> Chapter:
    """Say what is kept of a patch, and show stored ones.

    Args:
        prepared: Artifact of `prepare`.
        labels: Artifact of `labels`.
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
        blocks.append(_stored(prepared, _gallery_ids(labels, sample)))
    return Chapter("preparation", "Preparation", blocks)


_TONES: Any = ("normal", "tumour")


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


def _stored(prepared: Artifact, ids: dict[int, list[str]]) -> Gallery:
    store = open_store(prepared, "train")
    strips = []
    for label, names in ids.items():
        pixels = store.read(store.rows(names))
        images = [(pixels_data_uri(p), f"stored: {n}") for p, n in zip(pixels, names, strict=True)]
        strips.append(Strip(CLASS_NAMES[label], images, _TONES[label]))
    caption = f"The patches of the gallery above as the networks get them: {store.side} px wide."
    return Gallery("Stored patches", strips, caption)


def _gallery_ids(labels: Artifact, sample: dict[str, Any]) -> dict[int, list[str]]:
    # The same draw as in the stage `explore`, so that both galleries show the same patches.
    table = read_ids(labels, "train")
    drawn = table.sort_values("id").sample(frac=1, random_state=sample["seed"])
    drawn = drawn.head(sample["sample"])
    shown = min(sample["gallery"], _SHOWN)
    return {label: list(drawn.loc[drawn["label"] == label, "id"].head(shown)) for label in (0, 1)}


def _steepest(gate: Artifact, labels: Artifact) -> tuple[str, float]:
    table = draw.measured_by_label(gate, labels)
    medians = table.groupby("label")[["mean_r", "mean_g", "mean_b"]].median().to_numpy()
    gaps = np.abs(medians[1] - medians[0])
    return draw.CHANNELS[int(np.argmax(gaps))], float(gaps.max())


def _badge(check: dict[str, Any]) -> Badge:
    if check["passed"]:
        return Badge("pass", "good")
    return Badge("warning" if check["severity"] == "warning" else "fail", "warn")
