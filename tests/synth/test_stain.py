import numpy as np
import pytest

from pcam_core.stains import EOSIN, HAEMATOXYLIN
from pcam_core.synth.appearance import Appearance
from pcam_core.synth.draws import generator, noise
from pcam_core.synth.exposure import expose
from pcam_core.synth.stain import Stain, absorb, draw_stain


def test_densities_of_the_dyes_add_up():
    one, none = np.ones((96, 96)), np.zeros((96, 96))
    np.testing.assert_allclose(absorb(one, none, Stain())[:, 0, 0], HAEMATOXYLIN)
    np.testing.assert_allclose(absorb(none, one, Stain())[:, 0, 0], EOSIN)
    both = absorb(2 * one, one, Stain())[:, 0, 0]
    np.testing.assert_allclose(both, 2 * np.array(HAEMATOXYLIN) + EOSIN)


def test_dyes_differ_between_slides():
    assert draw_stain(generator(1)) != draw_stain(generator(2))


def test_exposure_meets_mean_and_deviation():
    tissue = np.exp(0.8 * noise(generator(3), (96, 96)))
    look = Appearance((0.70, 0.55, 0.69), (0.18, 0.20, 0.16))
    picture = expose(np.stack([0.4 * tissue, 0.8 * tissue, 0.3 * tissue]), look) / 255.0
    assert picture.mean(axis=(0, 1)) == pytest.approx(look.mean, abs=0.03)
    assert picture.std(axis=(0, 1)) == pytest.approx(look.deviation, abs=0.03)
