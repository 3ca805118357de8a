import keras
import numpy as np
import pytest

from pcam_core.training.cost import forward_flops, training_flops


def flops(layer, shape=(8, 8, 16)):
    return forward_flops(keras.Sequential([keras.Input(shape), layer]))


def test_a_dense_layer_costs_as_much_at_every_pixel():
    assert flops(keras.layers.Dense(5), (16,)) == 2 * 16 * 5
    assert flops(keras.layers.Dense(5)) == 64 * 2 * 16 * 5


def test_models_inside_a_model_count():
    inner = keras.Sequential([keras.layers.Conv2D(4, 1)])
    outer = keras.Sequential([keras.Input((8, 8, 3)), inner, keras.layers.Flatten()])
    outer.predict_on_batch(np.zeros((1, 8, 8, 3)))
    assert forward_flops(outer) == 2 * 3 * 4 * 64


def test_layers_that_do_not_learn_only_pass_forward():
    frozen, head = keras.layers.Conv2D(4, 1), keras.layers.Dense(5)
    model = keras.Sequential([keras.Input((8, 8, 3)), frozen, keras.layers.Flatten(), head])
    assert training_flops(model) == 3 * forward_flops(model)
    frozen.trainable = False
    assert training_flops(model) == 64 * 2 * 3 * 4 + 3 * 2 * 256 * 5


@pytest.mark.parametrize(("name", "published"), [("ConvNeXtTiny", 4.5e9), ("ResNet50", 3.9e9)])
def test_backbones_cost_what_their_papers_say(name, published):
    model = getattr(keras.applications, name)(weights=None)
    assert forward_flops(model) / 2 == pytest.approx(published, rel=0.05)  # they count pairs
