import numpy as np

from pcam_core.explanation.maps import heat_maps
from pcam_core.explanation.randomised import rank_correlations, untrained
from pcam_core.explanation.tapped import TappedModel


def test_rank_correlation_is_of_ranks():
    maps = np.random.default_rng(0).normal(size=(2, 6, 6))
    np.testing.assert_allclose(rank_correlations(maps, np.exp(maps)), 1)
    np.testing.assert_allclose(rank_correlations(maps, -maps), -1)


def test_nothing_is_like_an_empty_map():
    maps, empty = np.random.default_rng(0).normal(size=(1, 6, 6)), np.zeros((1, 6, 6))
    assert rank_correlations(maps, empty) == 0
    assert np.isnan(rank_correlations(empty, maps))


def test_untrained_networks_are_other_networks_and_the_same_again(network, pictures):
    before = [weight.copy() for weight in network.get_weights()]
    first, second = untrained(network, 3, 2)
    (again,) = untrained(network, 3, 1)
    kernels = [model.get_weights()[0] for model in (first, second, again)]
    assert not np.allclose(kernels[0], kernels[1])
    np.testing.assert_array_equal(kernels[0], kernels[2])
    for old, new in zip(before, network.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_random_weights_change_the_maps(network, pictures):
    trained = heat_maps(TappedModel(network), pictures, 8).maps
    (other,) = untrained(network, 1, 1)
    random = heat_maps(TappedModel(other), pictures, 8).maps
    for method, maps in trained.items():
        assert maps.any(), method
        assert np.nanmean(np.abs(rank_correlations(maps, random[method]))) < 0.5, method
