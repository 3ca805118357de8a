import numpy as np
import pandas as pd
import pytest

from pcam_core.promotion.gate import Measured, judge
from pcam_core.promotion.settings import PromotionSettings

RNG = np.random.default_rng(0)
LABELS = RNG.integers(0, 2, 400)
SETTINGS = PromotionSettings(bootstrap_draws=300)


def measured(noise, sensitivity=0.8, error=0.05, seed=1, groups=100):
    """A model whose probabilities are labels and so much noise."""
    drawn = LABELS + np.random.default_rng(seed).normal(0, noise, 400)
    table = pd.DataFrame({"id": [f"p{n}" for n in range(400)], "label": LABELS})
    table["group"] = [f"g{n * groups // 400}" for n in range(400)]
    probability = (drawn - drawn.min()) / np.ptp(drawn)
    return Measured(table.assign(probability=probability), sensitivity, error)


def test_a_better_one_wins():
    found = judge(measured(0.5), measured(2.0), SETTINGS)
    assert found.objections == ()
    assert 0 < found.difference.low < found.difference.value < found.difference.high


@pytest.mark.parametrize("noise", [2.0, 0.5])
def test_one_that_is_not_better_does_not(noise):
    (objection,) = judge(measured(2.0, seed=2), measured(noise), SETTINGS).objections
    assert "not wholly above the margin of 0.0" in objection


def test_the_margin_counts():
    models = measured(0.5), measured(0.8)
    low = judge(*models, SETTINGS).difference.low
    assert low > 0
    for margin, won in ((low * 0.9, True), (low * 1.1, False)):
        settings = SETTINGS.model_copy(update={"margin": margin})
        assert (not judge(*models, settings).objections) == won


def test_the_champion_does_not_beat_itself():
    assert judge(measured(1.0), measured(1.0), SETTINGS).difference == (0, 0, 0)
    assert judge(measured(1.0), measured(1.0), SETTINGS).objections


@pytest.mark.parametrize(
    ("sensitivity", "error", "objections"),
    [
        (0.795, 0.055, []),
        (0.78, 0.05, ["sensitivity"]),
        (0.8, 0.07, ["calibration error"]),
        (0.78, 0.07, ["sensitivity", "calibration error"]),
    ],
)
def test_the_guards(sensitivity, error, objections):
    found = judge(measured(0.5, sensitivity, error), measured(2.0), SETTINGS).objections
    assert len(found) == len(objections)
    for text, name in zip(found, objections, strict=True):
        assert name in text


def test_few_groups_are_no_basis():
    found = [
        judge(measured(0.5, groups=few), measured(2.0, groups=few), SETTINGS).objections
        for few in (10, 9)
    ]
    assert found[0] == ()
    assert "only 9 groups" in found[1][0]


def test_the_order_of_patches_does_not_matter():
    one, other = measured(0.5), measured(2.0)
    shuffled = Measured(one.predictions.sample(frac=1, random_state=0), 0.8, 0.05)
    assert judge(shuffled, other, SETTINGS) == judge(one, other, SETTINGS)


def test_other_patches_are_refused():
    one, other = measured(0.5), measured(2.0)
    fewer = Measured(one.predictions[:-1], 0.8, 0.05)
    with pytest.raises(ValueError, match="different patches"):
        judge(fewer, other, SETTINGS)
