import numpy as np
import pytest

from pcam_core.explanation.integrated_gradients import BASELINE, integrated_gradients
from pcam_core.explanation.tapped import TappedModel


@pytest.mark.parametrize("steps", [1, 5])
def test_of_a_linear_model_they_are_weight_times_input(linear, patches, steps):
    model, weights = linear()
    found, _ = integrated_gradients(TappedModel(model), patches, steps)
    expected = (weights * (patches - BASELINE)).sum(axis=-1)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


def test_they_add_up_to_the_difference_of_the_logits(serving, pictures):
    model = TappedModel(serving("custom_cnn", 32))
    some = pictures[:3]
    found, differences = integrated_gradients(model, some, 200)
    both = np.concatenate([some, np.full_like(some, BASELINE)]).astype(np.float32)
    logits = np.asarray(model([both])[0])
    np.testing.assert_allclose(differences, logits[:3] - logits[3:], atol=1e-6)
    # Untrained, the parts nearly cancel out: the error is measured against what they are.
    most = np.abs(found).sum(axis=(1, 2)).max()
    np.testing.assert_allclose(found.sum(axis=(1, 2)), differences, atol=0.01 * most)


def test_glass_has_nothing_to_explain(linear):
    glass = np.full((1, 12, 12, 3), 255, np.uint8)
    found, differences = integrated_gradients(TappedModel(linear()[0]), glass, 4)
    assert not found.any()
    assert differences == 0
