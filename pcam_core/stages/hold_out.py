"""Draw the patches that competing models are measured on, and that none of them sees."""

from pathlib import Path
from typing import Any

from pydantic import Field

from pcam_core.artifact import Artifact
from pcam_core.errors import InputError
from pcam_core.listing import listing
from pcam_core.promotion.draw import next_hold_out
from pcam_core.promotion.hold_out import FILE, HoldOut, write_hold_out
from pcam_core.promotion.related import related
from pcam_core.section import Section
from pcam_core.stage import stage
from pcam_core.stages.groups import read_groups, read_pairs
from pcam_core.stages.labels import read_ids


class HoldOutSettings(Section):
    """What each retraining adds to the hold-out."""

    share: float = Field(
        0.2, gt=0, le=0.5, description="Share of the new groups that is added to the hold-out."
    )
    max_absent_share: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="Share of the hold-out that may be missing in the data (0 to 1).",
    )
    seed: int = Field(42, ge=0, description="Seed of the draw.")


@stage()
def hold_out(
    folder: Path,
    *,
    labels: Artifact,
    groups: Artifact,
    earlier: HoldOut | None,
    settings: HoldOutSettings,
) -> dict[str, Any]:
    """Write the next version of the hold-out; see `next_hold_out` and `HoldOut`.

    Figures: patches, positive share and groups of what models are measured on; how many patches
    were added; how many are absent: held out before, but not in this data or in quarantine; and
    how many are spoilt: held out, but related to what may have been trained on before.

    Raises:
        InputError: The hold-out would be empty or of one class, or the data lacks some of it.
    """
    table = read_ids(labels, "train")[["id", "label", "published"]]
    before = earlier.ids() if earlier else set()
    trainable = earlier.trainable() if earlier else set()
    _check_presence(before, set(table["id"]), settings)
    table, pairs = table.merge(read_groups(groups), on="id"), read_pairs(groups)
    seed = (settings.seed, earlier.version if earlier else 0)
    chosen = next_hold_out(table, pairs, before, trainable, settings.share, seed)
    new = set(table["id"]) - related(chosen, table, pairs)
    write_hold_out(folder / FILE, chosen, (new | trainable) - chosen)
    spoilt = related(trainable, table, pairs) & chosen
    used = table[table["id"].isin(chosen - spoilt)]
    if used["label"].nunique() < 2:
        raise InputError(
            f"The hold-out would be {len(used):,} patches without both classes"
            f" ({len(spoilt):,} more share slides or pixels with what models were trained on).",
            "Add data, or choose another share or seed (--set hold_out.share=...).",
        )
    return {
        "patches": len(used),
        "positive_share": float(used["label"].mean()),
        "groups": int(used["group"].nunique()),
        "added": len(chosen - before),
        "absent": len(before - set(table["id"])),
        "spoilt": len(spoilt),
    }


def _check_presence(held_out: set[str], present: set[str], settings: HoldOutSettings) -> None:
    absent = sorted(held_out - present)
    if len(absent) > settings.max_absent_share * len(held_out):
        raise InputError(
            f"{len(absent):,} of the hold-out's {len(held_out):,} patches are not in the data:"
            f" {listing(absent)}.",
            "Give the data that earlier retrainings were given, too. If it is gone for good, allow"
            " for it (--set hold_out.max_absent_share=...).",
            absent,
        )
