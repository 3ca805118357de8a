import gc
import weakref

import numpy as np

from pcam_core.models.registry import build_network
from pcam_core.models.settings import NetworkSettings
from pcam_core.training.reproducible import start_afresh


def weights():
    start_afresh(3)
    settings = NetworkSettings(image_size=32, weights="none")
    return build_network("custom_cnn", settings).get_weights()


def test_other_threads_draws_do_not_change_the_weights(others_drawing):
    first, second = weights(), weights()
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


class Cyclic:
    def __init__(self):
        self.itself = self


def test_libraries_are_set_aside_and_models_are_not():
    gc.unfreeze()
    start_afresh(3)
    assert gc.get_freeze_count() > 100_000
    model = weakref.ref(Cyclic())
    start_afresh(3)
    assert model() is None
