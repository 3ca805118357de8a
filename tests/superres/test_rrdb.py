import keras
import numpy as np
import pytest

from pcam_core.superres.rrdb import rrdb_net


def test_defaults_have_the_published_number_of_parameters():
    model = rrdb_net(kernel_initializer="zeros")
    assert model.count_params() == 4_605_955
    assert len(model.weights) == 342
    assert model.output_shape == (None, None, None, 3)


@pytest.mark.parametrize(("height", "width"), [(8, 8), (5, 9)])
def test_enlarges_four_times(height, width):
    model = rrdb_net(blocks=1, features=4, growth=2)
    enlarged = model(np.zeros((2, height, width, 3), np.float32))
    assert tuple(enlarged.shape) == (2, 4 * height, 4 * width, 3)


def test_survives_saving_in_safe_mode(tmp_path):
    model = rrdb_net(blocks=1, features=4, growth=2)
    model.save(tmp_path / "rrdb.keras")
    loaded = keras.saving.load_model(tmp_path / "rrdb.keras", safe_mode=True)
    batch = np.random.default_rng(0).uniform(0, 255, (1, 8, 8, 3)).astype(np.float32)
    np.testing.assert_allclose(loaded(batch), model(batch), rtol=1e-6)
