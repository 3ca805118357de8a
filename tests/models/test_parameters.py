import math
from typing import get_args

import keras_tuner
import pytest

from pcam_core.errors import InputError
from pcam_core.models.catalogue import CATALOGUE
from pcam_core.models.fine_tuning import train_head_only
from pcam_core.models.registry import ARCHITECTURES, architecture, build_network
from pcam_core.models.settings import ModelName, NetworkSettings, SearchSpace
from pcam_core.models.tunable_cnn import NOTEBOOK_BEST
from pcam_core.recipe import load_recipe, shipped_recipes

# All parameters, and those trained with a frozen backbone: the source document's own.
COUNTS = {
    "custom_cnn": (227_265, 226_817),
    "resnet50": (25_686_913, 2_099_201),
    "efficientnet_b0": (5_362_340, 1_312_769),
}
OURS = {"centre_cnn": (386_793, 385_817)}
NETWORK = NetworkSettings(weights="none")


def trained(model):
    return sum(math.prod(weight.shape) for weight in model.trainable_weights)


@pytest.mark.parametrize("name", COUNTS | OURS)
@pytest.mark.parametrize("recipe", shipped_recipes())
def test_every_network_of_every_shipped_recipe_builds(recipe, name):
    settings = load_recipe(recipe)
    assert set(COUNTS) <= set(settings.compare.models) <= set(COUNTS | OURS)
    side = settings.network.image_size
    model = build_network(name, settings.network.model_copy(update={"weights": "none"}))
    assert model.input_shape == (None, side, side, 3)
    assert model.output_shape == (None, 1)
    parameters, trainable = (COUNTS | OURS)[name]
    assert model.count_params() == parameters
    if settings.network.trained_blocks == 0:
        assert trained(model) == trainable
    elif name != "custom_cnn":
        assert trained(model) > 0.9 * parameters


@pytest.mark.parametrize("entry", CATALOGUE, ids=lambda entry: entry.name)
def test_the_catalogue_tells_what_is_built(entry):
    settings = NetworkSettings(weights="none", image_size=32, trained_blocks="all")
    model = build_network(entry.name, settings)
    assert model.name == entry.name
    assert (model.count_params(), trained(model)) == (entry.parameters, entry.trainable)
    train_head_only(model)
    assert trained(model) == (entry.trainable_head or entry.trainable)


def test_the_notebooks_tuned_network():
    model = build_network("tunable_cnn", NETWORK, NOTEBOOK_BEST)
    assert model.count_params() == 3_402_241
    assert trained(model) == 3_400_897


@pytest.mark.parametrize("side", [32, 48, 96, 192])
def test_the_tuned_network_has_as_many_parameters_at_any_size(side):
    network = NetworkSettings(weights="none", image_size=side)
    assert build_network("tunable_cnn", network, NOTEBOOK_BEST).count_params() == 3_402_241


def test_the_probability_stays_float32_in_half_precision():
    import keras

    half = NetworkSettings(weights="none", image_size=32, precision="mixed_bfloat16")
    try:
        model = build_network("custom_cnn", half)
        assert model.layers[-1].compute_dtype == "float32"
        assert model.layers[2].compute_dtype == "bfloat16"
    finally:
        keras.config.set_dtype_policy("float32")


@pytest.mark.parametrize(("name", "named"), [("resnet", "resnet50"), ("zzz", "custom_cnn, ")])
def test_no_such_network(name, named):
    with pytest.raises(InputError, match=named):
        architecture(name)


def test_what_stands_for_what_in_tuning():
    for name, found in ARCHITECTURES.items():
        assert found.name == name
        assert architecture(found.tuned_as).tuned_as == found.tuned_as
    assert architecture("custom_cnn").tuned_as == "tunable_cnn"


@pytest.mark.parametrize(
    "name", ["resnet50", "efficientnet_b0", "efficientnet_v2_b0", "convnext_tiny"]
)
def test_weights_that_do_not_fit(tmp_path, name):
    path = tmp_path / "weights.h5"
    path.write_bytes(b"nothing")
    with pytest.raises(InputError, match=r"could not be loaded"):
        build_network(name, NetworkSettings(weights=str(path), image_size=32))


def test_recipes_and_catalogue_know_all_models():
    assert list(get_args(ModelName)) == list(ARCHITECTURES)
    assert [entry.name for entry in CATALOGUE] == list(ARCHITECTURES)


@pytest.mark.parametrize("entry", CATALOGUE, ids=lambda entry: entry.name)
def test_every_model_can_be_tuned(entry):
    hp = keras_tuner.HyperParameters()
    drawn = architecture(entry.name).search(hp, SearchSpace())
    assert 1e-4 <= drawn["learning_rate"] <= 1e-2
    if "imagenet" not in entry.weights:  # a backbone's shape is given
        settings = NetworkSettings(weights="none", image_size=32)
        assert build_network(entry.name, settings, drawn).output_shape == (None, 1)


def test_weights_that_cannot_be_downloaded(monkeypatch):
    def fail(*_, **__):
        raise Exception("URL fetch failure on https://storage.googleapis.com/x: None -- refused")

    monkeypatch.setattr("keras.src.utils.file_utils.get_file", fail)
    for entry in CATALOGUE:
        if "imagenet" in entry.weights:
            with pytest.raises(InputError, match="URL fetch failure") as caught:
                build_network(entry.name, NetworkSettings(image_size=32))
            assert f"'imagenet' of {entry.name}" in caught.value.problem
            assert "network.trained_blocks=all" in caught.value.remedy
