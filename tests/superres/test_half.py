"""Half precision against float32; what is reached is printed (pytest -s). JAX: test_convert."""

import keras
import numpy as np
import pytest
from keras import layers

from pcam_core.superres.half import set_precision
from pcam_core.superres.rrdb import rrdb_net
from pcam_core.superres.upscaler import open_upscaler

UNIT = (0.0, 1.0)
HALVES = ("bfloat16", "float16")


def decibels(found, wanted):
    clipped = np.clip(found, 0, 255).astype(float) - np.clip(wanted, 0, 255)
    return 10 * np.log10(255**2 / np.mean(clipped**2))


@pytest.fixture(scope="module")
def batch(tissue):
    return np.stack([tissue(16), tissue(16, 1)])


def small_net():
    return rrdb_net(blocks=2, features=8, growth=8)


@pytest.mark.parametrize("precision", HALVES)
@pytest.mark.parametrize(
    "name", ["esrgan-tf2-random", "esrgan-slim_4x.keras", "esrgan-medium_4x.keras"]
)
def test_shared_models(shared_model, batch, name, precision):
    path = str(shared_model(name))
    wanted = open_upscaler(path, UNIT).enlarge(batch.astype(np.float32))
    upscaler = open_upscaler(path, UNIT, precision=precision)
    found = upscaler.enlarge(batch.astype(np.float32))
    reached = decibels(found, wanted)
    print(f"\n{name} in {precision}: {reached:.1f} dB")
    assert (upscaler.precision, found.dtype) == (precision, np.float32)
    assert np.any(found != wanted)
    assert reached >= 45


@pytest.mark.parametrize("precision", HALVES)
def test_network_of_our_own(batch, precision):
    keras.utils.set_random_seed(0)
    model = small_net()
    wanted = model(batch.astype(np.float32))
    set_precision(model, precision)
    found = model(batch.astype(np.float32))
    assert found.dtype == "float32"
    assert 45 <= decibels(np.asarray(found), np.asarray(wanted)) < 100


def test_weights_and_last_convolution_stay_in_float32():
    model = small_net()
    set_precision(model, "bfloat16")
    assert {weight.dtype for weight in model.weights} == {"float32"}
    assert model.get_layer("picture").compute_dtype == "float32"
    assert model.get_layer("refine").compute_dtype == "bfloat16"


def test_float32_changes_nothing():
    model = small_net()
    set_precision(model, "float32")
    assert {layer.compute_dtype for layer in model.layers} == {"float32"}


def test_nested_models_and_chosen_arithmetic():
    inner = keras.Sequential([keras.Input((8, 8, 3)), layers.Conv2D(4, 1, name="inner")])
    chosen = layers.Activation("relu", dtype="float64", name="chosen")
    outer = keras.Sequential([keras.Input((8, 8, 3)), inner, chosen, layers.Conv2D(3, 1)])
    set_precision(outer, "float16")
    assert inner.get_layer("inner").compute_dtype == "float16"
    assert chosen.compute_dtype == "float64"
    assert outer.layers[-1].compute_dtype == "float32"


def test_a_model_without_convolutions_stays_as_it_is():
    model = keras.Sequential([keras.Input((8, 8, 3)), layers.UpSampling2D(2)])
    set_precision(model, "bfloat16")
    assert {layer.compute_dtype for layer in model.layers} == {"float32"}
