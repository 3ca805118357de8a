import pytest
from keras_tuner import Objective
from keras_tuner.oracles import HyperbandOracle

from pcam_core.models.settings import SearchSpace
from pcam_core.stages.tune import hyperband_rounds
from pcam_core.training.search import hyperband

SPACE = SearchSpace(
    conv_layers=(1, 1), filters=(4,), kernels=(3,), dense_units=(64, 128), dropout=(0.2, 0.4)
)


def test_the_notebooks_hyperband_has_30_trials_and_226_epochs():
    rounds = list(hyperband_rounds(20, 3))
    assert sum(trials for trials, _ in rounds) == 30
    assert sum(trials * epochs for trials, epochs in rounds) == 226


@pytest.mark.parametrize("most", [1, 2, 3, 9, 27, 81])
@pytest.mark.parametrize("factor", [2, 3])
def test_rounds_are_sound(most, factor):
    rounds = list(hyperband_rounds(most, factor))
    assert all(trials >= 1 and epochs >= 0 for trials, epochs in rounds)
    assert max(epochs for _, epochs in rounds) <= most


@pytest.mark.parametrize("factor", [3, pytest.param(2, marks=pytest.mark.slow)])
def test_a_small_search_returns_its_trials_best_first(trainer, table, tmp_path, factor):
    shuffled = table.assign(label=table["label"].sample(frac=1, random_state=1).to_numpy())
    found = hyperband(
        trainer("tissue", max_steps=1),
        "tunable_cnn",
        shuffled[shuffled["fold"] == 0],
        shuffled[shuffled["fold"] == 1],
        objective="val_auc",
        max_epochs=2,
        factor=factor,
        space=SPACE,
        scratch=tmp_path / "search",
    )
    rounds = list(hyperband_rounds(2, factor))
    assert len(found) == sum(trials for trials, _ in rounds)
    assert set(found["status"]) == {"COMPLETED"}
    assert found["score"].is_monotonic_decreasing
    assert found["score"].between(0, 1).all()
    assert found["trial"].is_unique
    assert set(found["epochs"]) == ({1, 2} if factor == 2 else {2})
    assert found["learning_rate"].between(1e-4, 1e-2).all()
    assert found["dropout"].between(0.2, 0.4).all()
    assert set(found["dense_units"]) <= {64, 128}
    assert set(found["conv_layers"]) == {1}


@pytest.mark.parametrize("most", [1, 3, 20, 27, 40])
@pytest.mark.parametrize("factor", [2, 3, 4])
def test_rounds_are_keras_tuners(most, factor):
    oracle = HyperbandOracle(Objective("val_f1", "max"), max_epochs=most, factor=factor)
    wanted, got = [], list(hyperband_rounds(most, factor))
    for bracket in reversed(range(oracle._get_num_brackets())):
        ends = [0, *(oracle._get_epochs(bracket, number) for number in range(bracket + 1))]
        wanted += [
            (oracle._get_size(bracket, number), ends[number + 1] - ends[number])
            for number in range(bracket + 1)
        ]
    assert got == wanted
