import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pcam_core.cuts import cuts
from pcam_core.decision.settings import DecisionSettings
from pcam_core.decision.thresholds import best_thresholds, choose_threshold, in_words
from pcam_core.measures import confusion

SOME = settings(max_examples=40, deadline=None)
RULES = [
    {"threshold": "f1"},
    {"threshold": "youden"},
    {"threshold": "sensitivity", "target": 0.9},
    {"threshold": "specificity", "target": 0.8},
    {"threshold": "cost", "miss_cost": 5},
    {"threshold": "cost", "miss_cost": 0.1},
]
RULED = pytest.mark.parametrize("rule", [DecisionSettings(**rule) for rule in RULES], ids=in_words)


@st.composite
def answers(draw):
    """Labels of both classes and probabilities, with ties among them."""
    seed, count = draw(st.integers(0, 2**32)), draw(st.integers(2, 40))
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.r_[0, 1, rng.integers(0, 2, count - 2)])
    digits = draw(st.sampled_from([1, 2, 12]))
    return labels, np.round(rng.random(count), digits)


def worth(rule, labels, probabilities, threshold):
    """What the rule raises: larger is better, None is not allowed."""
    tn, fp, fn, tp = confusion(labels, probabilities, threshold).values()
    sensitivity, specificity = tp / (tp + fn), tn / (tn + fp)
    if rule.threshold == "f1":
        return 2 * tp / (2 * tp + fp + fn)
    if rule.threshold == "youden":
        return sensitivity + specificity
    if rule.threshold == "cost":
        return -(rule.miss_cost * fn + fp)
    kept, raised = sensitivity, specificity
    if rule.threshold == "specificity":
        kept, raised = raised, kept
    return raised if kept >= rule.target else None


@RULED
@SOME
@given(answered=answers())
def test_no_threshold_is_better(rule, answered):
    labels, probabilities = answered
    chosen = choose_threshold(labels, probabilities, rule)
    best = worth(rule, labels, probabilities, chosen)
    assert best is not None
    for threshold in (*probabilities, *np.linspace(0, 1, 23), 1.1):
        other = worth(rule, labels, probabilities, threshold)
        assert other is None or other <= best + 1e-12
    assert chosen in probabilities or chosen > probabilities.max()


@RULED
@SOME
@given(answered=answers())
def test_many_samples_at_once_choose_as_each_would(rule, answered):
    labels, probabilities = answered
    kept = np.random.default_rng(0).integers(0, 3, (4, len(labels)))
    kept[:, [labels.argmin(), labels.argmax()]] = 1
    found = best_thresholds(cuts(labels, probabilities, kept), rule)
    for weights, threshold in zip(kept, found, strict=True):
        drawn = np.repeat(labels, weights), np.repeat(probabilities, weights)
        alone = choose_threshold(*drawn, rule)
        assert confusion(*drawn, threshold) == confusion(*drawn, alone)


def test_of_equal_thresholds_the_lowest_is_chosen():
    labels, probabilities = np.array([1, 0, 0, 1]), np.array([0.9, 0.4, 0.3, 0.2])
    # From .9 on: precision 1, recall 1/2; from .2 on: 1/2 and 1. Both give F1 2/3.
    assert choose_threshold(labels, probabilities, DecisionSettings()) == 0.2


def test_a_wanted_specificity_is_not_undercut_for_nothing():
    labels, probabilities = np.array([1, 0, 0, 0]), np.array([0.9, 0.4, 0.3, 0.2])
    rule = DecisionSettings(threshold="specificity", target=0.5)
    assert choose_threshold(labels, probabilities, rule) == 0.9


def test_the_dearer_a_miss_the_lower_the_threshold():
    rng = np.random.default_rng(1)
    labels = np.tile([0, 1], 200)
    probabilities = np.clip(0.3 * labels + rng.random(400) * 0.7, 0, 1)
    found = [
        choose_threshold(labels, probabilities, DecisionSettings(threshold="cost", miss_cost=cost))
        for cost in (0.01, 0.5, 2, 100)
    ]
    assert found == sorted(found, reverse=True)
    assert found[0] > found[-1]


def test_calling_nothing_tumour_can_be_best():
    labels, probabilities = np.array([0, 1]), np.array([1.0, 0.5])
    rule = DecisionSettings(threshold="specificity", target=1)
    chosen = choose_threshold(labels, probabilities, rule)
    assert confusion(labels, probabilities, chosen)["fp"] == 0
