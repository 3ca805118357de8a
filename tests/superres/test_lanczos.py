import keras
import numpy as np
import pytest
from PIL import Image

from pcam_core.superres.lanczos import LanczosResize, lanczos_matrix

SIZES = [(128, 224), (32, 224), (32, 128), (96, 224), (96, 196), (96, 64)]

JAX = """
import sys
import jax
import numpy as np
from pcam_core.superres.lanczos import LanczosResize

inputs = np.load(sys.argv[1])
outputs = {
    name: np.asarray(LanczosResize(int(name.split("-")[1]))(inputs[name])) for name in inputs
}
slope = jax.grad(lambda x: (LanczosResize(14)(x) ** 2).sum())
outputs["slope"] = np.asarray(slope(np.full((1, 8, 8, 3), 99.6, np.float32)))
np.savez(sys.argv[2], **outputs)
"""


def pillow(pictures, size):
    resized = [
        Image.fromarray(picture).resize((size, size), Image.Resampling.LANCZOS)
        for picture in pictures
    ]
    return np.stack([np.asarray(picture) for picture in resized]).astype(int)


def pictures(tissue, size):
    noise = np.random.default_rng(1).integers(0, 256, (2, size, size, 3), dtype=np.uint8)
    return np.stack([*noise, tissue(size, 0), tissue(size, 1)])


def check(resized, wanted):
    assert resized.dtype == np.float32
    np.testing.assert_array_equal(resized, np.round(resized))
    difference = np.abs(resized - wanted)
    assert difference.max() <= 2
    assert np.mean(difference <= 1) >= 0.999


@pytest.mark.parametrize(("before", "after"), SIZES)
def test_agrees_with_pillow(tissue, before, after):
    batch = pictures(tissue, before)
    resized = keras.ops.convert_to_numpy(LanczosResize(after)(batch))
    check(resized, pillow(batch, after))


def test_hard_edges_stay_within_two_levels_of_pillow():
    edges = (np.random.default_rng(2).integers(0, 2, (4, 128, 128, 3)) * 255).astype(np.uint8)
    check(keras.ops.convert_to_numpy(LanczosResize(224)(edges)), pillow(edges, 224))


def test_jax_agrees_with_pillow_and_has_a_gradient(tissue, run_under_jax, tmp_path):
    batches = {f"{before}-{after}": pictures(tissue, before) for before, after in SIZES[::2]}
    np.savez(tmp_path / "in.npz", **batches)
    run_under_jax(JAX, tmp_path / "in.npz", tmp_path / "out.npz")
    outputs = np.load(tmp_path / "out.npz")
    for name, batch in batches.items():
        check(outputs[name], pillow(batch, int(name.split("-")[1])))
    assert np.isfinite(outputs["slope"]).all()
    assert np.abs(outputs["slope"]).min() > 0


def test_each_axis_is_resized_only_if_it_must_be():
    wide = np.random.default_rng(3).integers(0, 256, (1, 64, 32, 3), dtype=np.uint8)
    resized = keras.ops.convert_to_numpy(LanczosResize(64)(wide))
    check(resized, pillow(wide, 64))


def test_own_size_is_the_identity():
    batch = np.random.default_rng(4).integers(0, 256, (2, 48, 48, 3), dtype=np.uint8)
    same = keras.ops.convert_to_numpy(LanczosResize(48)(batch))
    assert same.dtype == np.float32
    np.testing.assert_array_equal(same, batch)


@pytest.mark.parametrize("level", [99.6, 254.9, 0.2])
def test_gradient_passes_rounding_and_clipping(level):
    import tensorflow as tf

    x = tf.Variable(np.full((1, 8, 8, 3), level, np.float32))
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(LanczosResize(14)(x))
    slope = tape.gradient(total, x).numpy()
    assert np.isfinite(slope).all()
    # Enlarging spreads each pixel over (14 / 8) squared pixels, more or less at the border.
    assert slope.mean() == pytest.approx((14 / 8) ** 2, rel=1e-4)


def test_compiles_under_xla():
    import tensorflow as tf

    batch = np.random.default_rng(5).integers(0, 256, (1, 16, 16, 3), dtype=np.uint8)
    compiled = tf.function(LanczosResize(28), jit_compile=True)(tf.constant(batch))
    check(compiled.numpy(), pillow(batch, 28))


def test_stays_float32_under_mixed_precision_and_survives_saving(tmp_path):
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = keras.Sequential([keras.Input((16, 16, 3)), LanczosResize(28)])
        model.save(tmp_path / "model.keras")
        loaded = keras.saving.load_model(tmp_path / "model.keras")
    finally:
        keras.config.set_dtype_policy("float32")
    batch = np.random.default_rng(6).integers(0, 256, (1, 16, 16, 3), dtype=np.uint8)
    assert loaded.output_shape == (None, 28, 28, 3)
    check(keras.ops.convert_to_numpy(loaded(batch)), pillow(batch, 28))


def test_matrix_rows_sum_to_one():
    matrix = lanczos_matrix(96, 224)
    assert matrix.shape == (224, 96)
    assert matrix.dtype == np.float32
    np.testing.assert_allclose(matrix.sum(axis=1), 1, atol=1e-5)


def test_sizes_below_one_are_refused():
    with pytest.raises(ValueError, match="at least 1"):
        lanczos_matrix(0, 4)
    with pytest.raises(ValueError, match="at least 1"):
        LanczosResize(0)


def test_unknown_input_size_is_refused():
    with pytest.raises(ValueError, match="height and width"):
        LanczosResize(8)(keras.Input((None, None, 3)))
