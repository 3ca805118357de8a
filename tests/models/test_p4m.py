import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pcam_core.models.p4m import ELEMENTS, ORIENTATIONS, OrientationPooling, P4MConv


def turned(images, element):
    """Images (b, h, w, c) with what lay at p, seen from the middle, at `element` times p."""
    if np.linalg.det(element) < 0:
        images = images[:, :, ::-1]
    turns = next(
        n
        for n in range(4)
        if (np.linalg.matrix_power([[0, -1], [1, 0]], n) @ flip(element) == element).all()
    )
    return np.rot90(images, turns, axes=(1, 2))


def flip(element):
    return np.diag([1, round(np.linalg.det(element))])


def turned_field(field, element):
    """A turned field (b, h, w, 8n): its orientations are permuted as well."""
    field = turned(field, element)
    parts = np.split(field, ORIENTATIONS, axis=-1)
    sources = [
        next(n for n, h in enumerate(ELEMENTS) if (element @ h == g).all()) for g in ELEMENTS
    ]
    return np.concatenate([parts[n] for n in sources], axis=-1)


def test_the_elements_are_the_flips_and_quarter_turns():
    assert len({element.tobytes() for element in ELEMENTS}) == 8
    for first in ELEMENTS:
        for second in ELEMENTS:
            assert (first @ second == ELEMENTS).all((1, 2)).sum() == 1


@given(
    element=st.sampled_from(list(ELEMENTS)),
    side=st.integers(1, 9),
    kernel=st.sampled_from([1, 3, 5]),
    seed=st.integers(0, 99),
)
@settings(max_examples=30, deadline=None)
def test_turning_the_input_turns_the_field(element, side, kernel, seed):
    keras.utils.set_random_seed(seed)
    image = np.random.default_rng(seed).normal(size=(2, side, side, 3)).astype(np.float32)
    lift, group = P4MConv(2, kernel, lifting=True), P4MConv(4, kernel)
    pool = OrientationPooling()

    field = lift(image)
    again = lift(np.ascontiguousarray(turned(image, element)))
    np.testing.assert_allclose(again, turned_field(field.numpy(), element), atol=1e-5)
    deep, deep_again = group(field), group(again)
    np.testing.assert_allclose(deep_again, turned_field(deep.numpy(), element), atol=1e-4)
    np.testing.assert_allclose(pool(deep_again), turned(pool(deep).numpy(), element), atol=1e-4)


def test_shapes_and_weights():
    lift, group = P4MConv(3, lifting=True), P4MConv(6)
    field = lift(np.zeros((1, 8, 8, 3), np.float32))
    assert field.shape == (1, 8, 8, 24) == lift.compute_output_shape((1, 8, 8, 3))
    assert group(field).shape == (1, 8, 8, 48) == group.compute_output_shape((1, 8, 8, 24))
    assert lift.count_params() == 3 * 3 * 3 * 3
    assert group.count_params() == 3 * 3 * 8 * 3 * 6
    pooled = OrientationPooling()(field)
    assert pooled.shape == (1, 8, 8, 6) == OrientationPooling().compute_output_shape(field.shape)


def test_the_start_keeps_the_spread():
    keras.utils.set_random_seed(0)
    x = np.random.default_rng(0).normal(size=(4, 32, 32, 64)).astype(np.float32)
    after = P4MConv(16)(x).numpy()[:, 1:-1, 1:-1]
    assert after.std() == pytest.approx(np.sqrt(2), rel=0.1)  # for the relu behind it


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_half_precision(policy):
    layer = P4MConv(2, lifting=True, dtype=policy)
    found = layer(np.full((1, 4, 4, 3), 1, np.float32))
    assert keras.backend.standardize_dtype(found.dtype) == layer.compute_dtype
    assert keras.backend.standardize_dtype(layer.kernel.dtype) == "float32"
    pooled = OrientationPooling(dtype=policy)(found)
    assert keras.backend.standardize_dtype(pooled.dtype) == layer.compute_dtype
