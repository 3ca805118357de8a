import tempfile
from pathlib import Path

import pandas as pd
import pytest

from pcam_core.artifact import Artifact
from pcam_core.atomic import sha256_of
from pcam_core.errors import InputError
from pcam_core.promotion.hold_out import FILE, HoldOut, write_hold_out
from pcam_core.stages.hold_out import HoldOutSettings, hold_out


def even(groups, start=0):
    rows = [(f"p{n}", n % 2, f"g{n}") for n in range(start, start + groups)]
    return pd.DataFrame(rows, columns=["id", "label", "group"])


@pytest.fixture
def draw(tmp_path):
    """Draw a hold-out from a table (id, label, group; "" in quarantine) and return it, figured."""

    def run(table, earlier=None, share=0.2):
        folder = Path(tempfile.mkdtemp(dir=tmp_path))
        table[["id", "label"]].assign(slide="", published="").to_csv(
            folder / "train.csv", index=False
        )
        used = table[table["group"] != ""]
        used[["id", "group"]].to_csv(folder / "groups.csv", index=False)
        artifact = Artifact(stage="x", key="x", path=folder)
        settings = HoldOutSettings(share=share)
        figures = hold_out.function(
            folder, labels=artifact, groups=artifact, earlier=earlier, settings=settings
        )
        path = folder / FILE
        version = (earlier.version if earlier else 0) + 1
        return HoldOut(version=version, key=sha256_of(path), data=(), path=path), figures

    return run


def test_versions_build_on_each_other(draw):
    first, figures = draw(even(100))
    assert figures == {
        "patches": 20, "positive_share": 0.5, "groups": 20, "added": 20, "absent": 0,
    }  # fmt: skip
    assert first.ids() | first.trainable() == set(even(100)["id"])
    second, figures = draw(even(150), first)
    assert (figures["added"], figures["patches"]) == (10, 30)
    assert first.ids() < second.ids()
    assert first.trainable() < second.trainable()


def test_what_is_quarantined_or_gone_is_still_held_out(draw):
    first, _ = draw(even(100))
    lost, quarantined = sorted(first.ids())[:2]
    table = even(101)
    table = table[table["id"] != lost]
    table.loc[table["id"] == quarantined, "group"] = ""
    second, figures = draw(table, first)
    assert first.ids() <= second.ids()
    assert figures["absent"] == 2


def test_equal_data_is_an_equal_version(draw):
    first, _ = draw(even(100))
    shuffled = even(100).sample(frac=1, random_state=1)
    assert draw(shuffled, first)[0].key == first.key


def test_a_hold_out_of_one_class_is_refused(draw, tmp_path):
    with pytest.raises(InputError, match="without both classes"):
        draw(even(2))
    path = tmp_path / "earlier.csv.gz"
    write_hold_out(path, {"elsewhere"}, set(even(20)["id"]))
    earlier = HoldOut(version=1, key="k", data=(), path=path)
    with pytest.raises(InputError, match="data that earlier models were trained on"):
        draw(even(20), earlier)
