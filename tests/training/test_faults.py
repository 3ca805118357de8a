"""What goes wrong on devices: memory, graphs that do not compile."""

import keras
import numpy as np
import pytest

from pcam_core.models import registry
from pcam_core.models.architecture import Architecture
from pcam_core.training import steps
from pcam_core.training.out_of_memory import is_out_of_memory

SMALL = {"conv_layers": 1, "conv_0_filters": 4, "conv_0_kernel": 3, "learning_rate": 0.02}


@pytest.fixture
def small_device(monkeypatch):
    """A device that takes at most so many patches at once, from a step of the training on."""

    def make(most, since=0):
        taken = []
        step = steps._TensorFlowSteps.__call__

        def refuse(self, images, labels, weights):
            import tensorflow as tf

            if len(images) > most and len(taken) >= since:
                raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating")
            step(self, images, labels, weights)
            taken.append(len(images))

        monkeypatch.setattr(steps._TensorFlowSteps, "__call__", refuse)
        return taken

    return make


def test_batches_are_halved_until_they_fit(trainer, table, small_device, caplog):
    taken = small_device(most=3)
    trained = trainer(epochs=1, max_steps=2).train("tunable_cnn", SMALL, table, table, "Halve")
    assert taken == [2] * 8  # as many patches as two steps of eight
    assert len(trained.notes) == 2
    assert "batches of 2" in trained.notes[-1]
    assert "Halve: The device ran out of memory: batches of 4" in caplog.text


def test_learning_goes_on_where_the_memory_ran_out(trainer, table, tmp_path, small_device):
    taken = small_device(most=4, since=5)
    one = trainer(epochs=2, schedule="cosine")
    eager = type(one)(one.store, one.network, one.augmentation, one.settings, 0)
    trained = eager.train("tunable_cnn", SMALL, table, table, "Halve", tmp_path)
    assert taken == [8] * 5 + [4] * 6
    assert len(trained.history) == 2
    # The cosine ends with the last step all the same.
    assert trained.history["learning_rate"].iloc[-1] == pytest.approx(0, abs=1e-8)
    assert trained.notes == ("The device ran out of memory: batches of 4 from then on.",)


def test_a_batch_of_one_cannot_be_halved(trainer, table, small_device):
    small_device(most=0)
    with pytest.raises(Exception, match="OOM") as raised:
        trainer(epochs=1).train("tunable_cnn", SMALL, table, table, "Halve")
    assert is_out_of_memory(raised.value)


def test_other_errors_are_no_lack_of_memory():
    assert not is_out_of_memory(ValueError("shapes differ"))
    assert is_out_of_memory(RuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 9 bytes"))


class Turned(keras.layers.Layer):
    """An operation that XLA does not compile on a CPU."""

    def call(self, images):
        return keras.ops.image.affine_transform(images, np.eye(3).ravel()[None, :8])


def unusual(settings, hyperparameters):
    pixels = keras.Input((settings.image_size, settings.image_size, 3))
    means = keras.layers.GlobalAveragePooling2D()(Turned()(pixels))
    return keras.Model(pixels, keras.layers.Dense(1, activation="sigmoid")(means), name="unusual")


def test_a_graph_that_xla_refuses_is_trained_without(trainer, table, monkeypatch, caplog):
    architecture = Architecture("unusual", unusual, None, 1e-3, tuned_as="unusual")
    monkeypatch.setitem(registry.ARCHITECTURES, "unusual", architecture)
    monkeypatch.setattr(steps, "xla_used", lambda: True)
    trained = trainer("none", epochs=1).train("unusual", {}, table, table, "Unusual")
    assert "XLA does not take unusual" in caplog.text
    assert trained.notes == ("XLA did not take unusual; it was trained without.",)
    assert len(trained.history) == 1
