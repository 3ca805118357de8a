import keras
import numpy as np
import pytest

from pcam_core.explanation.maps import heat_maps
from pcam_core.explanation.tapped import TappedModel
from pcam_core.models.registry import ARCHITECTURES
from pcam_core.training.serving import load_model, save_model

BACKBONES = {"resnet50", "efficientnet_b0", "efficientnet_v2_b0", "convnext_tiny"}
STORED = 48


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=[pytest.mark.slow] if n in BACKBONES else []) for n in ARCHITECTURES],
)
def test_every_saved_model_is_explained(name, serving, tmp_path):
    save_model(serving(name, STORED), tmp_path / "model.keras")
    model = load_model(tmp_path / "model.keras")
    patches = np.random.default_rng(1).integers(0, 256, (2, STORED, STORED, 3)).astype(np.uint8)
    probabilities = np.asarray(model.predict_on_batch(patches.astype(np.float32)))[:, 0]
    tapped = TappedModel(model)
    found = heat_maps(tapped, patches, 2)
    for maps in found.maps.values():
        assert maps.shape == (2, STORED, STORED)
        assert maps.dtype == np.float32
        assert np.isfinite(maps).all()
    assert found.maps["grad_cam"].min() >= 0
    assert found.maps["integrated_gradients"].any()
    np.testing.assert_allclose(1 / (1 + np.exp(-found.logits)), probabilities, atol=1e-5)
    (seen,) = tapped.maps
    assert seen.grid.count >= 4


def test_networks_that_are_averaged_have_a_map_each(serving):
    pictures = keras.Input((STORED, STORED, 3))
    members = [serving(name, STORED) for name in ("custom_cnn", "centre_cnn")]
    together = keras.layers.Average()([member(pictures) for member in members])
    patches = np.random.default_rng(1).integers(0, 256, (2, STORED, STORED, 3)).astype(np.uint8)
    tapped = TappedModel(keras.Model(pictures, together))
    found = heat_maps(tapped, patches, 2)
    apart = [heat_maps(TappedModel(member), patches, 2) for member in members]
    assert len(tapped.maps) == 2
    np.testing.assert_allclose(found.logits, sum(each.logits for each in apart) / 2, atol=1e-5)
    for method, maps in found.maps.items():
        share = 4 if method == "grad_cam" else 2  # slopes of a mean are halved, and so are maps
        expected = sum(each.maps[method] for each in apart) / share
        np.testing.assert_allclose(maps, expected, rtol=1e-3, atol=1e-7)


def test_half_precision_is_explained_in_float32(serving):
    halved = serving("custom_cnn", STORED, "mixed_bfloat16")
    whole = serving("custom_cnn", STORED)
    whole.set_weights(halved.get_weights())
    patches = np.random.default_rng(1).integers(0, 256, (1, STORED, STORED, 3)).astype(np.uint8)
    ours, theirs = (heat_maps(TappedModel(model), patches, 2) for model in (halved, whole))
    for method, maps in ours.maps.items():
        np.testing.assert_allclose(maps, theirs.maps[method], rtol=1e-4, atol=1e-9)


def test_a_model_without_a_map_is_refused():
    from pcam_core.errors import InputError

    pictures = keras.Input((8, 8, 3))
    flat = keras.layers.Flatten()(pictures)
    model = keras.Model(pictures, keras.layers.Dense(1, activation="sigmoid")(flat))
    with pytest.raises(InputError, match="cannot be explained"):
        TappedModel(model)
