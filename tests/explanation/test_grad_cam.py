import numpy as np

from pcam_core.explanation.centre_share import centre_shares
from pcam_core.explanation.grad_cam import grad_cam
from pcam_core.explanation.integrated_gradients import integrated_gradients
from pcam_core.explanation.tapped import TappedModel


def test_a_model_that_looks_at_a_corner_lights_that_corner(looks_at, patches):
    maps, _ = grad_cam(TappedModel(looks_at(slice(0, 4))), patches)
    expected = np.zeros(maps.shape)
    # Each of two channels is the sum of the colours; slopes are the head's weights over all pixels.
    expected[:, :4, :4] = patches[:, :4, :4].sum(axis=-1) / 255 * (2 + 1) / 12**2
    np.testing.assert_allclose(maps, expected, rtol=1e-4, atol=1e-7)


def test_a_model_that_reads_only_the_centre_has_a_share_of_one(looks_at, patches):
    model = TappedModel(looks_at(slice(4, 8)))
    for maps, _ in (grad_cam(model, patches), integrated_gradients(model, patches, 4)):
        np.testing.assert_allclose(centre_shares(maps, 96), 1, rtol=1e-6)


def test_what_speaks_against_tumour_is_cut_off(looks_at, patches):
    model = looks_at(slice(0, 12))
    model.layers[-1].set_weights([-np.ones((2, 1)), np.zeros(1)])
    assert not grad_cam(TappedModel(model), patches)[0].any()


def test_more_patches_than_a_batch_give_the_same(looks_at, patches):
    model = TappedModel(looks_at(slice(0, 4)))
    many = np.tile(patches, (12, 1, 1, 1))
    maps, logits = grad_cam(model, many)
    one, logit = grad_cam(model, many[34:35])
    assert len(maps) == len(logits) == 36
    np.testing.assert_allclose(maps[34:35], one, rtol=1e-5)
    np.testing.assert_allclose(logits[34:35], logit, rtol=1e-5)
