import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from pcam_core.measures import confusion, scores

SOME = settings(max_examples=25, deadline=None)


@st.composite
def answers(draw):
    """Labels of both classes and probabilities, with ties among them."""
    seed, count = draw(st.integers(0, 2**32)), draw(st.integers(2, 40))
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.r_[0, 1, rng.integers(0, 2, count - 2)])
    digits = draw(st.sampled_from([1, 2, 12]))
    return labels, np.round(rng.random(count), digits)


@SOME
@given(answered=answers(), threshold=st.sampled_from([0.0, 0.3, 0.5, 1.0]))
def test_scores_are_sklearns(answered, threshold):
    labels, probabilities = answered
    predicted = probabilities >= threshold
    found = scores(labels, probabilities, threshold)
    assert found == pytest.approx(
        {
            "auc": metrics.roc_auc_score(labels, probabilities),
            "average_precision": metrics.average_precision_score(labels, probabilities),
            "accuracy": metrics.accuracy_score(labels, predicted),
            "precision": metrics.precision_score(labels, predicted, zero_division=0),
            "recall": metrics.recall_score(labels, predicted),
            "specificity": metrics.recall_score(labels, predicted, pos_label=0),
            "f1": metrics.f1_score(labels, predicted),
        }
    )
    counts = confusion(labels, probabilities, threshold)
    assert sum(counts.values()) == len(labels)
    assert counts["tp"] == (predicted & (labels == 1)).sum()
    assert counts["fp"] == (predicted & (labels == 0)).sum()


def test_the_notebooks_confusion_matrix():
    counts = {"tn": 5897, "fp": 649, "fn": 793, "tp": 3663}
    labels = np.repeat([0, 0, 1, 1], list(counts.values()))
    probabilities = np.repeat([0.1, 0.9, 0.1, 0.9], list(counts.values()))
    assert confusion(labels, probabilities, 0.4179) == counts
    found = scores(labels, probabilities, 0.4179)
    told = {"accuracy": 0.8689, "precision": 0.8495, "recall": 0.8220, "f1": 0.8355}
    assert {name: found[name] for name in told} == pytest.approx(told, abs=1e-4)


def test_perfect_and_reversed_and_no_better_than_chance():
    labels = np.repeat([0, 1], 50)
    perfect = scores(labels, labels.astype(float), 0.5)
    assert set(perfect.values()) == {1.0}
    wrong = scores(labels, 1.0 - labels, 0.5)
    assert (wrong["auc"], wrong["accuracy"], wrong["f1"]) == (0, 0, 0)
    chance = scores(labels, np.full(100, 0.5), 0.5)
    assert (chance["auc"], chance["average_precision"], chance["accuracy"]) == (0.5, 0.5, 0.5)


def test_nothing_is_called_positive():
    found = scores(np.array([0, 1]), np.array([0.1, 0.2]), 0.5)
    assert (found["precision"], found["recall"], found["f1"]) == (0, 0, 0)
