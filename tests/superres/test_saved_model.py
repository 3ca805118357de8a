import numpy as np
import pytest

from pcam_core.errors import InputError
from pcam_core.superres.upscaler import digest, open_upscaler

LEVELS = (0.0, 255.0)
UNIT = (0.0, 1.0)


def saved(folder, function, shape=(None, None, None, 3), dtype="float32"):
    import tensorflow as tf

    module = tf.Module()
    module.gain = tf.Variable(1.0)
    module.serve = tf.function(
        lambda images: function(tf, tf.cast(images, tf.float32) * module.gain),
        input_signature=[tf.TensorSpec(shape, dtype)],
    )
    tf.saved_model.save(module, str(folder), signatures=module.serve)
    return str(folder)


def tripled(tf, images):
    size = tf.shape(images)[1:3]
    return {"grown": tf.image.resize(images, 3 * size, "nearest")}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return saved(tmp_path_factory.mktemp("foreign") / "model", tripled)


def test_trusted_runs(folder, tissue):
    upscaler = open_upscaler(folder, LEVELS, trusted=[digest(folder)], precision="bfloat16")
    assert (upscaler.scale, upscaler.precision, upscaler.model) == (3, "float32", None)
    patches = np.stack([tissue(20), tissue(20, 1)])
    np.testing.assert_array_equal(upscaler(patches), patches.repeat(3, 1).repeat(3, 2))


def test_untrusted_is_never_loaded(folder, monkeypatch):
    import tensorflow as tf

    monkeypatch.setattr(tf.saved_model, "load", None)
    for trusted in ([], ["0" * 64]):
        with pytest.raises(InputError, match=r"prepare\.trusted_savedmodels") as caught:
            open_upscaler(folder, LEVELS, trusted=trusted)
        assert digest(folder) in caught.value.remedy
        assert "is a program" in caught.value.remedy


def test_a_changed_model_is_no_longer_trusted(tmp_path):
    folder = saved(tmp_path / "model", tripled)
    trusted = [digest(folder)]
    with (tmp_path / "model" / "saved_model.pb").open("ab") as file:
        file.write(b"\x00\x00")
    with pytest.raises(InputError):
        open_upscaler(folder, LEVELS, trusted=trusted)


def test_plan_measures_it(folder):
    from pcam_core.superres.plan import measure_plan

    plan = measure_plan(open_upscaler(folder, LEVELS, trusted=[digest(folder)]), 8)
    assert (plan.precision, plan.jit, plan.device) == ("float32", False, "cpu")


def test_whole_numbers_are_taken(tmp_path, tissue):
    folder = saved(tmp_path / "model", tripled, dtype="uint8")
    upscaler = open_upscaler(folder, LEVELS, trusted=[digest(folder)])
    assert upscaler(tissue(8)[None]).shape == (1, 24, 24, 3)


def test_a_fixed_size_is_tried_at_that_size(tmp_path):
    folder = saved(tmp_path / "model", tripled, shape=(None, 20, 20, 3))
    assert open_upscaler(folder, UNIT, trusted=[digest(folder)]).scale == 3


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda _, images: {"half": images[:, ::2, ::2]}, "whole"),
        (lambda _, images: {"one": images, "two": images}, "gives 2"),
        (lambda tf, images: {"dark": tf.minimum(images, 1.0)}, "input range"),
        (lambda tf, images: {"flat": tf.reduce_mean(images)}, "not pictures"),
    ],
)
def test_what_does_not_enlarge_is_refused(tmp_path, function, message):
    folder = saved(tmp_path / "model", function)
    with pytest.raises(InputError, match=message):
        open_upscaler(folder, LEVELS, trusted=[digest(folder)])


def test_no_signature_is_refused(tmp_path):
    import tensorflow as tf

    tf.saved_model.save(tf.Module(), str(tmp_path / "model"))
    folder = str(tmp_path / "model")
    with pytest.raises(InputError, match="no signature"):
        open_upscaler(folder, LEVELS, trusted=[digest(folder)])
    with pytest.raises(InputError, match="range"):
        open_upscaler(folder, (-1.0, 1.0), trusted=[digest(folder)])
