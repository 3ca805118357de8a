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

    def run(table, earlier=None, pairs=(), **changes):
        folder = Path(tempfile.mkdtemp(dir=tmp_path))
        table[["id", "label"]].assign(slide="", published="").to_csv(
            folder / "train.csv", index=False
        )
        used = table[table["group"] != ""]
        used[["id", "group"]].to_csv(folder / "groups.csv", index=False)
        shared = pd.DataFrame(list(pairs), columns=["first", "second"])
        shared.to_csv(folder / "pairs.csv", index=False)
        artifact = Artifact(stage="x", key="x", path=folder)
        settings = HoldOutSettings(**changes)
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
        "spoilt": 0,
    }  # fmt: skip
    assert first.ids() | first.trainable() == set(even(100)["id"])
    second, figures = draw(even(150), first)
    assert (figures["added"], figures["patches"]) == (10, 30)
    assert first.ids() < second.ids()
    assert first.trainable() < second.trainable()


def test_patches_that_share_pixels_with_the_hold_out_are_never_trained_on(draw):
    first, _ = draw(even(100))
    held, seen = sorted(first.ids())[0], sorted(first.trainable())[0]
    # Of another delivery, and of other slides: a copy of each.
    second, _ = draw(even(102), first, pairs=[("p100", held), (seen, "p101")])
    assert "p100" not in second.ids() | second.trainable()
    assert "p101" in second.trainable()
    again, _ = draw(even(102), second, pairs=[("p100", held), (seen, "p101")])
    assert again.key == second.key


def test_what_turns_out_to_belong_to_the_training_patches_judges_nobody(draw):
    first, figures = draw(even(100))
    held, seen = sorted(first.ids())[0], sorted(first.trainable())[0]
    table = even(100).replace({"group": f"g{held[1:]}"}, f"g{seen[1:]}")
    second, later = draw(table, first)
    assert second.ids() == first.ids()
    assert (later["spoilt"], later["patches"]) == (1, figures["patches"] - 1)


def test_what_is_quarantined_or_gone_is_still_held_out(draw):
    first, _ = draw(even(100))
    lost, quarantined = sorted(first.ids())[:2]
    table = even(101)
    table = table[table["id"] != lost]
    table.loc[table["id"] == quarantined, "group"] = ""
    with pytest.raises(InputError, match=f"1 of the hold-out's 20 patches .* {lost}"):
        draw(table, first)
    second, figures = draw(table, first, max_absent_share=0.1)
    assert first.ids() <= second.ids()
    assert figures["absent"] == 2


def test_deliveries_of_one_group_add_their_share_in_the_long_run(draw):
    version, _ = draw(even(10), share=0.3)
    start = len(version.ids())
    for count in range(11, 41):
        version, _ = draw(even(count), version, share=0.3)
    assert 3 <= len(version.ids()) - start <= 15


def test_equal_data_is_an_equal_version(draw):
    first, _ = draw(even(100))
    shuffled = even(100).sample(frac=1, random_state=1)
    assert draw(shuffled, first)[0].key == first.key


def test_a_hold_out_of_one_class_is_refused(draw, tmp_path):
    with pytest.raises(InputError, match="without both classes"):
        draw(even(2))
    path = tmp_path / "earlier.csv.gz"
    write_hold_out(path, {"p0", "p1"}, {"p2"})
    earlier = HoldOut(version=1, key="k", data=(), path=path)
    with pytest.raises(InputError, match=r"0 patches without both classes \(2 more share slides"):
        draw(even(3).assign(group="one"), earlier)
