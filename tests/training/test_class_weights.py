import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pcam_core.training.class_weights import class_weights


@given(st.lists(st.integers(0, 1), min_size=1))
def test_balanced_classes_weigh_the_same_and_a_patch_one(labels):
    labels = np.array(labels)
    weights = class_weights(labels, "balanced")
    assert weights.dtype == np.float32
    np.testing.assert_allclose(weights[labels].mean(), 1, rtol=1e-5)
    if labels.any() and not labels.all():
        np.testing.assert_allclose(weights[0] * (labels == 0).sum(), weights[1] * labels.sum())


def test_none():
    assert class_weights([0, 0, 1], "none").tolist() == [1, 1]
