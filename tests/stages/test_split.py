import hashlib
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import model_selection
from sklearn.model_selection import KFold

from pcam_core.artifact import Artifact
from pcam_core.errors import InputError
from pcam_core.promotion.hold_out import HoldOut, write_hold_out
from pcam_core.stages.split import ROLES, SplitSettings, hold_out, read_splits, split

FEW = settings(max_examples=10, deadline=None)
COARSE = {
    "test_fraction": 0.25,
    "validation_fraction": 0.2,
    "calibration_fraction": 0.2,
    "tune_fraction": 0.5,
    "tune_validation_fraction": 0.3,
}
SIDES = ["role", "compare_fold", "cv_fold", "tune"]


def run(table, held_out=(), left_out=(), pairs=(), trained=(), **changes):
    """Split a table with columns id, label, group ("" in quarantine) and perhaps published."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        labels = table[["id", "label"]].assign(slide="", published=table.get("published", ""))
        labels.to_csv(folder / "train.csv", index=False)
        grouped = table.loc[table["group"] != "", ["id", "group"]]
        grouped.sample(frac=1, random_state=0).to_csv(folder / "groups.csv", index=False)
        shared = pd.DataFrame(list(pairs), columns=["first", "second"])
        shared.to_csv(folder / "pairs.csv", index=False)
        artifact = Artifact(stage="x", key="x", data=(), path=folder)
        apart = {}
        for name, ids in (("held_out", held_out), ("left_out", left_out)):
            if len(ids):
                apart[name] = HoldOut(version=3, key="x", data=(), path=folder / f"{name}.csv.gz")
                write_hold_out(apart[name].path, set(ids), set(trained))
        figures = split.function(
            folder,
            labels=artifact,
            groups=artifact,
            settings=SplitSettings(**changes),
            **apart,
        )
        return read_splits(artifact), figures


@st.composite
def tables(draw, largest=5):
    """Patches of about a hundred groups, from pure ones to mixed ones."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    groups = draw(st.integers(80, 120))
    sizes = rng.integers(1, largest + 1, groups)
    share = rng.beta(*draw(st.sampled_from([(1, 1), (5, 5), (0.3, 0.4)])), groups)
    rows = [(f"g{g}", int(rng.random() < share[g])) for g in range(groups) for _ in range(sizes[g])]
    table = pd.DataFrame(rows, columns=["group", "label"])
    table.insert(0, "id", [f"p{n}" for n in rng.permutation(len(table))])
    return table


@FEW
@given(table=tables(), seed=st.integers(0, 1000))
def test_no_group_stands_on_two_sides(table, seed):
    found, figures = run(table, seed=seed, **COARSE)
    for column in SIDES:
        assert (found.groupby("group")[column].nunique() == 1).all(), column
    assert sorted(found["id"]) == sorted(table["id"])
    assert set(found["role"]) == set(ROLES)
    assert figures["patches"] == found["role"].value_counts().to_dict()

    test = found["role"] == "test"
    for column, folds in (("compare_fold", 2), ("cv_fold", 3)):
        assert set(found.loc[~test, column]) == set(range(folds))
        assert set(found.loc[test, column]) == {-1}
    assert set(found.loc[test, "tune"]) == {""}
    assert set(found["tune"]) == {"", "train", "validation"}


@FEW
@given(table=tables(), seed=st.integers(0, 1000))
def test_the_order_of_rows_does_not_matter(table, seed):
    first, _ = run(table, seed=seed, **COARSE)
    again, _ = run(table.sample(frac=1, random_state=seed), seed=seed, **COARSE)
    pd.testing.assert_frame_equal(first, again)


@FEW
@given(table=tables(largest=1))
def test_small_groups_are_stratified(table):
    found, figures = run(table, **COARSE)
    share = table["label"].mean()
    for role, size in figures["patches"].items():
        assert abs(figures["positive_share"][role] - share) <= 2 / size
    assert figures["patches"]["test"] == pytest.approx(len(table) / 4, abs=2)
    assert figures["tuning_patches"] == pytest.approx(len(table) * 0.75 / 2, abs=2)
    assert (found["tune"] != "").sum() == figures["tuning_patches"]


def even(groups):
    return pd.DataFrame(
        {"id": [f"p{n}" for n in range(groups)], "label": np.arange(groups) % 2}
    ).assign(group=lambda table: "g" + table["id"])


def test_seeds_differ():
    first, again = (run(even(100), seed=seed, **COARSE)[0] for seed in (1, 2))
    for column in SIDES:
        assert (first[column] != again[column]).any()


@settings(max_examples=8, deadline=None)
@given(fraction=st.floats(0.05, 0.95) | st.just(1.0), seed=st.integers(0, 1000))
def test_hold_out_takes_about_what_was_asked(fraction, seed):
    table = even(120)
    share = hold_out(table, fraction, seed, "test_fraction").mean()
    # One of k folds, or all but one: the nearest such share.
    assert abs(share - fraction) <= 0.17
    assert share > 0


def test_all_may_be_held_out():
    assert hold_out(even(4), 1.0, 0, "test_fraction").all()


@pytest.mark.parametrize(
    ("groups", "changes", "named"),
    [
        (6, {}, "split.test_fraction needs 5 groups .* only 3"),
        (40, {"validation_fraction": 0.05}, "split.validation_fraction needs 20 groups .* only 16"),
        (24, {**COARSE, "cv_folds": 10}, "split.cv_folds needs 10 groups .* only 9"),
        (24, {**COARSE, "compare_folds": 10}, "split.compare_folds needs 10 groups .* only 9"),
        (24, {**COARSE, "tune_fraction": 0.05}, "split.tune_fraction needs 20 groups"),
        (
            40,
            {"validation_fraction": 0.5, "calibration_fraction": 0.5},
            "split.tune_validation_fraction needs 5 groups",
        ),
    ],
)
def test_too_few_groups(groups, changes, named):
    with pytest.raises(InputError, match=named):
        run(even(groups), **changes)


def test_one_class_in_one_group_only():
    table = even(60).assign(group=lambda t: t["group"].where(t["label"] == 0, "one"))
    with pytest.raises(InputError, match="each class, but there are only 1"):
        run(table, **COARSE)


def test_a_huge_group_stays_whole():
    table = even(300)
    table.loc[:120, "group"] = "slide"
    found, _ = run(table, **COARSE)
    for column in SIDES:
        assert found.loc[found["group"] == "slide", column].nunique() == 1


@pytest.mark.parametrize("odd", ["NA", "null", "None", "007", "1e3"])
def test_texts_stay_texts(odd):
    table = even(60)
    table.loc[3, ["id", "group"]] = odd
    found, _ = run(table, **COARSE)
    assert found.set_index("id").loc[odd, "group"] == odd


@FEW
@given(table=tables(), seed=st.integers(0, 1000))
def test_parts_have_their_share_of_positive_patches(table, seed):
    found, _ = run(table, seed=seed, **COARSE)
    largest, share = table["group"].value_counts().max(), table["label"].mean()
    rest = found[found["role"] != "test"]
    parts = [found[found["role"] == "test"], *(p for _, p in rest.groupby("cv_fold"))]
    for part in parts:
        assert abs(part["label"].mean() - share) <= largest / len(part)


def test_a_part_without_its_share_of_positive_patches_is_refused(monkeypatch):
    # No table is known for which the real splitter does that: this one looks at no label.
    monkeypatch.setattr(model_selection, "StratifiedGroupKFold", lambda k, **_: KFold(k))
    table = even(200)
    table["label"] = (np.arange(200) >= 100).astype(int)
    table["group"] = [f"g{n // 5}" for n in range(200)]
    with pytest.raises(InputError, match=r"too few or uneven"):
        run(table, **COARSE)


def test_quarantined_patches_are_unused():
    table = even(120)
    table.loc[[3, 4], "group"] = ""
    found, figures = run(table, **COARSE)
    unused = found[found["role"] == "unused"]
    assert sorted(unused["id"]) == ["p3", "p4"]
    assert (unused[["compare_fold", "cv_fold"]] == -1).all(axis=None)
    assert (unused["tune"] == "").all()
    assert figures["unused"] == 2
    assert sum(figures["patches"].values()) == 118


def published(roles):
    return even(len(roles)).assign(published=roles)


def test_a_published_split_is_kept():
    table = published(["train"] * 80 + ["validation"] * 20 + ["test"] * 30)
    found, figures = run(table, **COARSE)
    together = found.merge(table[["id", "published"]], on="id")
    for role in ("validation", "test"):
        assert ((together["role"] == role) == (together["published"] == role)).all()
    trained = together.loc[together["published"] == "train", "role"]
    assert set(trained) == {"train", "calibration"}
    assert figures["published"]
    assert figures["unused"] == 0


def test_a_published_test_without_validation():
    found, _ = run(published(["train"] * 90 + ["test"] * 30), **COARSE)
    assert set(found["role"]) == set(ROLES)
    assert (found["role"] == "test").sum() == 30


@pytest.mark.parametrize(
    ("roles", "unused"),
    [
        (["train", "test"], ["train"]),
        (["", "test"], [""]),
        (["validation", "test"], ["validation"]),
        (["train", "validation", "validation"], ["train"]),
        (["", "train"], []),
    ],
)
def test_what_shares_a_group_with_a_published_part_is_unused(roles, unused):
    table = published([*roles, *["train"] * 60, *["validation"] * 20, *["test"] * 20])
    table.loc[: len(roles) - 1, "group"] = "one place"
    found, _ = run(table, **COARSE)
    merged = found.merge(table[["id", "published"]], on="id")
    assert list(merged.loc[merged["role"] == "unused", "published"]) == unused
    for column in SIDES:
        used = found[found["role"] != "unused"]
        assert (used.groupby("group")[column].nunique() == 1).all()


@FEW
@given(table=tables(), seed=st.integers(0, 1000), share=st.floats(0.1, 0.3))
def test_a_hold_out_is_never_trained_on(table, seed, share):
    rng = np.random.default_rng(seed)
    chosen = set(rng.choice(sorted(set(table["group"])), round(share * 80), replace=False))
    group = table["group"].isin(chosen)
    # Of some groups only a part is held out: the rest had been trained on before they met.
    held = table[group & (rng.random(len(table)) < 0.8)]
    found, figures = run(table, list(held["id"]), seed=seed, **COARSE)
    assert set(found.loc[found["role"] == "test", "id"]) == set(held["id"])
    rest = found[found["group"].isin(set(held["group"])) & (found["role"] != "test")]
    assert set(rest["role"]) <= {"unused"}
    assert (rest[["compare_fold", "cv_fold"]] == -1).all(axis=None)
    assert (rest["tune"] == "").all()
    assert figures["hold_out"] == 3


@FEW
@given(table=tables(), seed=st.integers(0, 1000))
def test_what_is_left_out_is_in_no_part_with_all_of_its_groups(table, seed):
    left = table.sample(20, random_state=seed)
    foreign = ["of other data"]
    found, figures = run(table, left_out=[*left["id"], *foreign], seed=seed, **COARSE)
    merged = found.drop(columns="group").merge(table[["id", "group"]], on="id")
    away = merged["group"].isin(set(left["group"]))
    assert set(merged.loc[away, "role"]) == {"unused"}
    assert (merged.loc[away, ["compare_fold", "cv_fold"]] == -1).all(axis=None)
    assert (merged.loc[away, "tune"] == "").all()
    assert figures["left_out"] == 3
    # The others are split as if there were no more.
    alone, _ = run(table[~table["group"].isin(set(left["group"]))], seed=seed, **COARSE)
    pd.testing.assert_frame_equal(found[~away.to_numpy()].reset_index(drop=True), alone)


def test_a_published_test_part_may_be_left_out_in_part():
    table = published(["train"] * 80 + ["validation"] * 20 + ["test"] * 30)
    found, figures = run(table, left_out=["p2", "p110"], **COARSE)
    assert set(found.loc[found["role"] == "unused", "id"]) == {"p2", "p110"}
    assert figures["patches"]["test"] == 29
    assert figures["published"]


def test_a_hold_out_stands_in_for_a_published_test():
    table = published(["train"] * 80 + ["validation"] * 20 + ["test"] * 30)
    found, figures = run(table, ["p2", "p3", "p110"], **COARSE)
    assert set(found.loc[found["role"] == "test", "id"]) == {"p2", "p3", "p110"}
    assert (found["role"] == "unused").sum() == 29
    assert not figures["published"]


@pytest.mark.parametrize("how", ["held_out", "left_out"])
def test_what_shares_pixels_with_a_hold_out_is_in_no_part(how):
    apart, copies = ["p0", "p1", "p2", "p3"], ["p20", "p31"]
    found, _ = run(even(60), **{how: apart}, pairs=[("p0", "p20"), ("p31", "p3")], **COARSE)
    away = set(found.loc[found["role"] == "unused", "id"])
    assert away == {*copies, *(apart if how == "left_out" else [])}


def test_what_models_were_trained_on_is_no_measure():
    table = even(60)
    table.loc[1, "group"] = table.loc[40, "group"]
    found, _ = run(
        table, ["p0", "p1", "p2", "p3"], pairs=[("p3", "p50")], trained=["p40", "p50"], **COARSE
    )
    assert set(found.loc[found["role"] == "test", "id"]) == {"p0", "p2"}
    assert set(found.loc[found["role"] == "unused", "id"]) == {"p1", "p3", "p40", "p50"}


def test_what_a_random_split_would_leak():
    alone = even(200)
    assert run(alone, **COARSE)[1]["random_leak"] == 0
    pairs = alone.assign(group=[f"g{n // 4}" for n in range(200)])
    # A test patch has three others of its group, each outside with a probability of .75.
    assert run(pairs, **COARSE)[1]["random_leak"] == pytest.approx(1 - 0.25**3, abs=0.06)


def test_the_same_on_every_machine():
    found, _ = run(even(200).assign(group=[f"g{n // 3}" for n in range(200)]), **COARSE)
    digest = hashlib.sha256(found.to_csv(index=False).encode()).hexdigest()
    assert digest[:16] == "e0c303664fb8589f"


def test_a_part_of_one_class_is_refused():
    # Twelve groups of one class each: some of the fifths of the rest can only have one.
    table = even(240).assign(group=[f"g{n % 12}" for n in range(240)])
    with pytest.raises(InputError, match=r"there are only|too few or uneven"):
        run(table, test_fraction=0.2, validation_fraction=0.2, calibration_fraction=0.25)
