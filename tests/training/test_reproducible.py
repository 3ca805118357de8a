import random
import threading

import numpy as np

from pcam_core.models.registry import build_network
from pcam_core.models.settings import NetworkSettings
from pcam_core.training.reproducible import start_afresh


def weights():
    start_afresh(3)
    settings = NetworkSettings(image_size=32, weights="none")
    return build_network("custom_cnn", settings).get_weights()


def test_other_threads_draws_do_not_change_the_weights():
    stop = threading.Event()

    def draw():
        while not stop.is_set():
            random.random()

    thread = threading.Thread(target=draw)
    thread.start()
    try:
        first, second = weights(), weights()
    finally:
        stop.set()
        thread.join()
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
