import keras
import numpy as np
import pytest

from pcam_core.errors import InputError
from pcam_core.models.registry import ARCHITECTURES, build_network
from pcam_core.models.settings import NetworkSettings
from pcam_core.training.serving import _timeless, load_model, save_model, serving_model

CONFIG = b'[{"shared_object_id": %d}, {"x": {"shared_object_id": %d}}, {"shared_object_id": %d}]'


def test_addresses_of_shared_objects_do_not_show():
    assert _timeless(CONFIG % (77, 9, 77)) == _timeless(CONFIG % (5, 6, 5))
    assert _timeless(CONFIG % (77, 9, 77)) != _timeless(CONFIG % (5, 5, 5))


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_a_saved_model_takes_stored_patches_and_predicts_the_same(name, tmp_path):
    network = build_network(name, NetworkSettings(weights="none", image_size=32))
    serving = serving_model(network, stored_side=24)
    patches = np.random.default_rng(1).integers(0, 256, (3, 24, 24, 3), dtype=np.uint8)
    wanted = serving(patches).numpy()
    assert ((wanted > 0) & (wanted < 1)).all()
    save_model(serving, tmp_path / "model.keras")
    loaded = load_model(tmp_path / "model.keras")
    assert loaded.input_shape == (None, 24, 24, 3)
    np.testing.assert_allclose(loaded(patches), wanted, atol=1e-5)


def test_enlarging_stands_in_front_of_the_network():
    from PIL import Image

    network = build_network("custom_cnn", NetworkSettings(weights="none", image_size=32))
    patch = np.random.default_rng(2).integers(0, 256, (24, 24, 3), dtype=np.uint8)
    enlarged = Image.fromarray(patch).resize((32, 32), Image.Resampling.LANCZOS)
    wanted = network(np.asarray(enlarged, np.float32)[None])
    np.testing.assert_allclose(serving_model(network, 24)(patch[None]), wanted, atol=1e-3)


def test_a_model_that_holds_code_is_refused(tmp_path):
    path = tmp_path / "model.keras"
    keras.Sequential([keras.Input((2,)), keras.layers.Lambda(lambda x: x + 1)]).save(path)
    with pytest.raises(InputError, match="cannot be loaded") as caught:
        load_model(path)
    assert "lambda" in caught.value.problem


@pytest.mark.parametrize("content", [None, b"", b"PK\x03\x04 no archive"])
def test_files_that_hold_no_model(content, tmp_path):
    path = tmp_path / "model.keras"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=r"model\.keras cannot be loaded"):
        load_model(path)
