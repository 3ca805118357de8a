"""The most confident errors on the held-out test, as pictures."""

from typing import Literal

from pcam_core.artifact import Artifact
from pcam_core.report.blocks import Block, Gallery, Strip, Text
from pcam_core.report.embedding import pixels_data_uri
from pcam_core.stages.evaluate import read_errors

_KINDS: tuple[tuple[int, str, Literal["tumour", "normal"]], ...] = (
    (1, "missed: tumour that is called none", "tumour"),
    (0, "false alarms: no tumour, but called so", "normal"),
)


def error_gallery(evaluation: Artifact) -> list[Block]:
    """Show the errors that lie farthest from their label, by kind."""
    errors, pixels = read_errors(evaluation)
    if errors.empty:
        return [Text("No patch of the test is on the wrong side of the threshold.")]
    strips = []
    for label, name, tone in _KINDS:
        of_kind = errors["label"] == label
        chosen = errors[of_kind]
        if chosen.empty:
            continue
        notes = [
            f"{probability:.3f}, {_short(patch_id)}"
            for probability, patch_id in zip(chosen["probability"], chosen["id"], strict=True)
        ]
        images = [
            (pixels_data_uri(patch), f"{name}, {patch_id}")
            for patch, patch_id in zip(pixels[of_kind], chosen["id"], strict=True)
        ]
        strips.append(Strip(f"{name.capitalize()} ({len(chosen)})", images, tone, notes))
    return [
        Gallery(
            f"The {len(errors)} most confident errors",
            strips,
            "Farthest from their label first, with the probability of tumour and the id; the frame"
            " marks the centre that the label speaks of. Some may be wrong labels.",
            marked=True,
        )
    ]


def _short(patch_id: str) -> str:
    return patch_id if len(patch_id) <= 12 else f"{patch_id[:8]}…"
