import keras
import numpy as np

from pcam_core.models.resnet50 import CaffeNormalisation


def test_normalisation_is_keras_own():
    pixels = np.random.default_rng(0).uniform(0, 255, (2, 5, 7, 3)).astype(np.float32)
    wanted = keras.applications.resnet.preprocess_input(pixels.copy())
    np.testing.assert_allclose(CaffeNormalisation()(pixels), wanted, atol=1e-4)


def test_normalisation_survives_saving_in_safe_mode(tmp_path):
    keras.Sequential([keras.Input((4, 4, 3)), CaffeNormalisation()]).save(tmp_path / "n.keras")
    loaded = keras.saving.load_model(tmp_path / "n.keras", safe_mode=True)
    pixels = np.full((1, 4, 4, 3), 100, np.float32)
    np.testing.assert_allclose(loaded(pixels), CaffeNormalisation()(pixels))
