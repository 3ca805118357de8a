import shutil

import numpy as np
import pytest

from pcam_core.errors import InputError
from pcam_core.superres import hub_weights
from pcam_core.superres.hub_weights import load_hub_esrgan

SHAPES = [(1, 32, 32, 3), (2, 24, 40, 3), (1, 7, 9, 3)]

JAX = """
import sys
from pathlib import Path
import keras
import numpy as np
from pcam_core.superres.hub_weights import load_hub_esrgan

assert keras.backend.backend() == "jax"
model = load_hub_esrgan(Path(sys.argv[1]))
inputs = np.load(sys.argv[2])
np.savez(sys.argv[3], **{name: np.asarray(model(inputs[name])) for name in inputs})
"""


@pytest.fixture(scope="module")
def batches():
    rng = np.random.default_rng(0)
    return {str(shape): rng.uniform(0, 255, shape).astype(np.float32) for shape in SHAPES}


@pytest.fixture(scope="module")
def wanted(hub_folder, batches):
    """What the SavedModel's own graph answers; only a test may run it."""
    import tensorflow as tf

    graph = tf.saved_model.load(str(hub_folder)).signatures["serving_default"]
    return {name: graph(tf.constant(batch))["rrdb_net"].numpy() for name, batch in batches.items()}


@pytest.fixture(scope="module")
def model(hub_folder):
    return load_hub_esrgan(hub_folder)


@pytest.mark.parametrize("shape", [str(shape) for shape in SHAPES])
def test_equals_the_graph(model, batches, wanted, shape):
    np.testing.assert_allclose(model(batches[shape]), wanted[shape], rtol=0, atol=1e-3)


def test_equals_the_graph_under_jax(hub_folder, batches, wanted, run_under_jax, tmp_path):
    # JAX compiles every operation for every shape: the shape that is used will do.
    chosen = str(SHAPES[0])
    np.savez(tmp_path / "in.npz", **{chosen: batches[chosen]})
    run_under_jax(JAX, hub_folder, tmp_path / "in.npz", tmp_path / "out.npz")
    outputs = np.load(tmp_path / "out.npz")
    np.testing.assert_allclose(outputs[chosen], wanted[chosen], rtol=0, atol=1e-3)


def test_uses_every_variable(model, hub_folder):
    import tensorflow as tf

    listed = tf.train.list_variables(str(hub_folder / "variables" / "variables"))
    assert len(model.weights) == len(listed) - 1 == 342
    assert model.count_params() == 4_605_955


def test_never_runs_the_program(hub_folder, monkeypatch):
    import tensorflow as tf
    import tensorflow_hub

    def forbidden(*_, **__):
        raise AssertionError("the SavedModel was loaded as a program")

    monkeypatch.setattr(tf.saved_model, "load", forbidden)
    monkeypatch.setattr(tensorflow_hub, "load", forbidden)
    assert load_hub_esrgan(hub_folder).count_params() == 4_605_955


def saved_model(folder, shapes):
    import tensorflow as tf

    module = tf.Module()
    module.trainable_variables_ = [tf.Variable(np.zeros(shape, np.float32)) for shape in shapes]
    tf.saved_model.save(module, str(folder))
    return folder


@pytest.mark.parametrize("shapes", [[], [(3, 3, 3, 64), (64,)]])
def test_foreign_architecture_is_refused(tmp_path, shapes):
    with pytest.raises(InputError):
        load_hub_esrgan(saved_model(tmp_path / "foreign", shapes))


@pytest.mark.parametrize("index", [0, 341])
def test_variables_that_do_not_fit_are_refused(hub_folder, monkeypatch, index):
    variables = hub_weights._read_variables(hub_folder)
    odd = hub_weights._Variable("rrdb_net/conv2d_8/kernel", np.zeros((3, 3, 3, 16), np.float32))
    monkeypatch.setattr(
        hub_weights,
        "_read_variables",
        lambda _: [*variables[:index], odd, *variables[index + 1 :]],
    )
    with pytest.raises(InputError, match="where ESRGAN has"):
        load_hub_esrgan(hub_folder)


def test_convolutions_in_another_order_are_refused(hub_folder, monkeypatch):
    variables = hub_weights._read_variables(hub_folder)
    swapped = [*variables[:332], *variables[334:336], *variables[332:334], *variables[336:]]
    monkeypatch.setattr(hub_weights, "_read_variables", lambda _: swapped)
    with pytest.raises(InputError, match="transpose"):
        load_hub_esrgan(hub_folder)


def test_other_slope_is_refused(hub_folder, tmp_path):
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

    folder = tmp_path / "sloped"
    shutil.copytree(hub_folder, folder)
    file = folder / "saved_model.pb"
    description = SavedModel.FromString(file.read_bytes())
    for function in description.meta_graphs[0].graph_def.library.function:
        for node in function.node_def:
            if node.op == "LeakyRelu":
                node.attr["alpha"].f = 0.1
    file.chmod(0o600)
    file.write_bytes(description.SerializeToString())
    with pytest.raises(InputError, match="slope"):
        load_hub_esrgan(folder)


def test_damaged_checkpoint_is_refused(hub_folder, tmp_path):
    folder = tmp_path / "damaged"
    (folder / "variables").mkdir(parents=True)
    shutil.copy(hub_folder / "saved_model.pb", folder)
    with pytest.raises(InputError, match="cannot be read"):
        load_hub_esrgan(folder)


@pytest.mark.parametrize("content", [None, b"no protocol buffer", b""])
def test_no_saved_model_is_refused(tmp_path, content):
    if content is not None:
        (tmp_path / "saved_model.pb").write_bytes(content)
    with pytest.raises(InputError, match="no readable SavedModel"):
        load_hub_esrgan(tmp_path)
