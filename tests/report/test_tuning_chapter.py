import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pcam_core.artifact import Artifact, seal
from pcam_core.report.blocks import Note, Row, Table, Text
from pcam_core.report.hyperparameter_importance import importance
from pcam_core.report.tuning_chapter import tuning
from pcam_core.report.tuning_figures import parallel_coordinates


def trials(count, seed=0):
    """Trials whose score follows the learning rate; some lack a layer, the best one goes on."""
    rng = np.random.default_rng(seed)
    rate = 10 ** rng.uniform(-4, -2, count)
    epochs = np.where(np.arange(count) % 2, 1, 3)
    table = pd.DataFrame(
        {
            "trial": [f"{n:04d}" for n in range(count)],
            "status": "COMPLETED",
            "score": 0.8 - 0.1 * np.abs(np.log10(rate) + 4) + 0.02 * epochs,
            "epochs": epochs,
            "goes_on_from": "",
            "seconds": 3.0,
            "note": "",
            "dropout": rng.uniform(0.2, 0.6, count),
            "conv_2_kernel": rng.choice([3, 5, np.nan], count),
            "learning_rate": rate,
            "dense_units": 64,
        }
    )
    best = table.sort_values("score", ascending=False).iloc[:1]
    longer = best.assign(trial="0900", goes_on_from=best["trial"], epochs=9, score=0.9)
    return pd.concat([longer, table.sort_values("score", ascending=False)], ignore_index=True)


@pytest.mark.parametrize(
    ("count", "method"),
    [(8, "rank correlation"), (19, "rank correlation"), (40, "permutation importance")],
)
def test_what_decided_the_score_is_found(count, method):
    found = importance(trials(count))
    assert found.values.index[0] == "learning_rate"
    assert "dense_units" not in found.values
    assert found.configurations == count
    assert found.method.startswith(method)
    assert (found.explained is None) == (count < 20)
    assert found.explained is None or found.explained > 0.3


def test_too_few_trials_tell_nothing():
    assert importance(trials(7)) is None
    assert importance(trials(30)[["trial", "status", "score", "epochs", "goes_on_from"]]) is None


def test_names_count_in_a_forest_only():
    backbones = np.where(np.arange(41) % 3, "resnet50", "convnext_tiny")
    table = trials(40).assign(backbone=backbones)
    table.loc[table["backbone"] == "resnet50", "score"] -= 0.5
    assert importance(table).values.index[0] == "backbone"
    assert "backbone" not in importance(table.head(12)).values


@settings(max_examples=30, deadline=None)
@given(st.integers(8, 19), st.integers(0, 1000))
def test_rank_correlations_are_shares(count, seed):
    table = trials(count, seed)
    values = importance(table).values
    assert values.between(0, 1).all()
    assert values.is_monotonic_decreasing


def test_lines_end_at_the_score():
    longest = trials(12).drop_duplicates("learning_rate")
    varied = ["dropout", "conv_2_kernel", "learning_rate"]
    (axes,) = parallel_coordinates(longest, varied, "val_auc").axes
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert names == ["conv 2 kernel", "dropout", "learning rate", "validation AUC"]
    for line in axes.lines:
        places = line.get_xdata()
        assert np.isfinite(places[1:]).all()
        assert np.nanmin(places) >= 0
        assert np.nanmax(places) <= 1


@pytest.fixture
def chapter(tmp_path):
    def make(table):
        def text(kind):
            return [block for block in made.blocks if isinstance(block, kind)]

        folder = tmp_path / "tune.building"
        folder.mkdir()
        table.to_csv(folder / "trials.csv", index=False)
        figures = {
            "model": "tunable_cnn",
            "hyperparameters": {"learning_rate": 2e-4, "augmentation_strength": 0.75},
            "objective": "val_auc",
            "score": 0.9,
            "trials": len(table),
            "failed": 0,
            "seconds": 90.0,
            "patches": {"train": 80, "validation": 20},
        }
        artifact = Artifact(stage="tune", key="ab", path=tmp_path / "tune")
        seal(folder, artifact, figures, 1.0)
        made = tuning(artifact)
        return text

    return make


def test_a_search_with_failures(chapter):
    table = trials(9)
    failed = table.tail(1).assign(
        trial="0010", status="FAILED", score=np.nan, note="Out of memory: 9 bytes"
    )
    of = chapter(pd.concat([table, failed], ignore_index=True))
    (note,) = of(Note)
    assert note.text == "1 trial failed. Out of memory: 9 bytes"
    (row,) = of(Row)
    assert [each.title for each in row.pictures] == [
        "Configurations",
        "Score by hyperparameter",
        "What mattered",
    ]
    assert "rank correlation over the first trials of 9 configurations" in row.pictures[2].caption
    best, all_trials = of(Table)
    assert ("augmentation strength", "0.75") in best.rows
    assert "used in cross-validation and in the final training" in of(Text)[0].text
    assert all_trials.rows[0][0].startswith("0900 ← ")
    assert all_trials.rows[-1][:3] == ["0010", "failed", "-"]


def test_a_search_too_small_for_pictures(chapter):
    of = chapter(trials(1))
    assert not of(Row)
    assert "show nothing" in of(Text)[1].text
