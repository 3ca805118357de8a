"""Draw the patches that competing models are measured on, and that none of them sees."""

from pathlib import Path
from typing import Any

from pydantic import Field

from pcam_core.artifact import Artifact
from pcam_core.errors import InputError
from pcam_core.promotion.draw import next_hold_out
from pcam_core.promotion.hold_out import FILE, HoldOut, write_hold_out
from pcam_core.section import Section
from pcam_core.stage import stage
from pcam_core.stages.groups import read_groups
from pcam_core.stages.labels import read_ids


class HoldOutSettings(Section):
    """What each retraining adds to the hold-out."""

    share: float = Field(
        0.2, gt=0, le=0.5, description="Share of the new groups that is added to the hold-out."
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

    Figures: patches, positive share and groups of what is held out and in use, how many patches
    were added, and how many are absent: held out before, but not in this data or in quarantine.

    Raises:
        InputError: The hold-out would be empty or of one class.
    """
    table = read_ids(labels, "train")[["id", "label", "published"]]
    table = table.merge(read_groups(groups), on="id")
    before = earlier.ids() if earlier else set()
    trainable = earlier.trainable() if earlier else set()
    chosen = next_hold_out(table, before, trainable, settings.share, settings.seed)
    write_hold_out(folder / FILE, chosen, (set(table["id"]) | trainable) - chosen)
    used = table[table["id"].isin(chosen)]
    if used["label"].nunique() < 2:
        raise InputError(
            f"The hold-out would be {len(used):,} patches without both classes.",
            "Add data, or choose another share or seed (--set hold_out.share=...)."
            if earlier is None
            else "Give the data that earlier models were trained on, too.",
        )
    return {
        "patches": len(used),
        "positive_share": float(used["label"].mean()),
        "groups": int(used["group"].nunique()),
        "added": len(chosen - before),
        "absent": len(before - set(used["id"])),
    }
