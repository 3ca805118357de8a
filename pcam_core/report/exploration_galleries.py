"""Galleries of what the patches look like."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from pcam_core.artifact import Artifact
from pcam_core.exploration.edges import edge_map
from pcam_core.patches import Pixels
from pcam_core.report.blocks import Gallery, Strip
from pcam_core.report.embedding import pixels_data_uri
from pcam_core.report.palette import CLASS_NAMES
from pcam_core.stages.explore import read_shown

_TONES: Any = ("normal", "tumour")
_EDGES_SHOWN = 4  # patches of each class: with their maps they fill one row
_STEEPEST = 64  # levels a pixel that are drawn black


def samples(explored: Artifact) -> Gallery:
    """Show random patches of each class."""
    shown, pixels = read_shown(explored, "sample")
    strips = []
    for label, name in enumerate(CLASS_NAMES):
        of_class = (shown["label"] == label).to_numpy()
        images = _images(list(shown.loc[of_class, "id"]), pixels[of_class], name)
        strips.append(Strip(name, images, _TONES[label]))
    return Gallery(
        "Sample patches",
        strips,
        "Random patches of 96x96 pixels; the frame marks the centre 32x32 pixels that the"
        " label speaks of.",
        marked=True,
    )


def edge_maps(explored: Artifact) -> Gallery:
    """Show patches of each class beside their edges."""
    shown, pixels = read_shown(explored, "sample")
    strips = []
    for label, name in enumerate(CLASS_NAMES):
        chosen = np.flatnonzero(shown["label"] == label)[:_EDGES_SHOWN]
        images: list[tuple[str, str]] = []
        for row in chosen:
            steepness = np.clip(edge_map(pixels[row]) / _STEEPEST, 0, 1)
            grey = np.rint(255 * (1 - np.pad(steepness, 1))).astype(np.uint8)
            map_pixels = np.repeat(grey[..., None], 3, axis=-1)
            pair = np.stack([pixels[row], map_pixels])
            images += _images([shown["id"][row]] * 2, pair, name)
        strips.append(Strip(name, images, _TONES[label]))
    return Gallery(
        "Sobel edges",
        strips,
        f"Sample patches, each with the gradient of its brightness: white is flat, black"
        f" {_STEEPEST} levels a pixel or more.",
    )


def extremes(explored: Artifact) -> Gallery:
    """Show the darkest and the brightest patches."""
    strips = []
    for why in ("darkest", "brightest"):
        shown, pixels = read_shown(explored, why)
        kinds = [
            CLASS_NAMES[label] if part == "train" else "test part"
            for part, label in zip(shown["part"], shown["label"], strict=True)
        ]
        notes = [
            f"{level:.0f}, {kind}, {_short(patch_id)}"
            for level, kind, patch_id in zip(shown["brightness"], kinds, shown["id"], strict=True)
        ]
        images = _images(list(shown["id"]), pixels, why)
        strips.append(Strip(f"The {why}", images, notes=notes))
    return Gallery(
        "Darkest and brightest patches",
        strips,
        "Of both parts, with mean brightness (0 to 255), class and id: pen, folds, dirt and"
        " empty glass end up here.",
    )


def _images(ids: Sequence[str], pixels: Pixels, what: str) -> list[tuple[str, str]]:
    return [
        (pixels_data_uri(patch), f"{what}: {patch_id}")
        for patch_id, patch in zip(ids, pixels, strict=True)
    ]


def _short(patch_id: str) -> str:
    return patch_id if len(patch_id) <= 12 else f"{patch_id[:8]}…"
