import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from keras import layers

from pcam_core.explanation.grid import Grid

PICTURE = Grid(0.0, 1.0, 32)


@pytest.mark.parametrize(
    "layer",
    [
        layers.Conv2D(1, 3),
        layers.Conv2D(1, 3, dilation_rate=2),
        layers.Conv2D(1, 5, strides=2),
        layers.Conv2D(1, 3, strides=2, padding="same"),
        layers.DepthwiseConv2D(5, padding="same"),
        layers.MaxPooling2D(),
        layers.MaxPooling2D(3, strides=2, padding="same"),
        layers.ZeroPadding2D(((1, 2), (1, 2))),
        layers.Cropping2D(3),
        layers.UpSampling2D(2, interpolation="bilinear"),
        layers.ReLU(),
    ],
    ids=lambda layer: layer.name,
)
def test_a_grid_tells_where_a_layer_looked(layer):
    ramp = np.arange(32.0)[None, :, None, None] + np.zeros((1, 1, 32, 1))  # its values are places
    layer.build(ramp.shape)
    for kernel in layer.weights[:1]:  # then a bias
        kernel.assign(np.full(kernel.shape, 1 / np.prod(kernel.shape)))
    output = keras.ops.convert_to_numpy(layer(ramp))[0, :, :, 0]
    found = output[:, output.shape[1] // 2]
    if "pooling" in layer.name:  # the highest of a window stands at its end, not in its middle
        found = found - (layer.pool_size[0] - 1) / 2
    grid = PICTURE.after(layer, len(found))
    places = grid.start + grid.step * np.arange(len(found))
    inside = slice(3, -3)  # at the border some layers see zeros
    np.testing.assert_allclose(places[inside], found[inside], atol=1e-4)


def test_what_only_stretches_keeps_the_field():
    grid = PICTURE.after(layers.Resizing(16, 16), 16)
    assert (grid.start, grid.step) == (0.5, 2.0)


@given(st.floats(-3, 40), st.floats(0.5, 16), st.integers(1, 12), st.integers(1, 40))
def test_spreading_weighs_places_and_loses_nothing(start, step, count, side):
    matrix = Grid(start, step, count).spread(side)
    assert matrix.shape == (side, count)
    assert matrix.min() >= 0
    np.testing.assert_allclose(matrix.sum(axis=1), 1)


def test_a_map_of_the_pictures_pixels_is_left_alone():
    np.testing.assert_array_equal(Grid(0.0, 1.0, 5).spread(5), np.eye(5))
