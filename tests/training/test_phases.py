from dataclasses import replace

import keras
import numpy as np
import pytest
from keras import layers

from pcam_core.models import registry
from pcam_core.models.architecture import Architecture
from pcam_core.models.registry import build_network
from pcam_core.models.settings import NetworkSettings
from pcam_core.training.epochs import listening_to_epochs
from pcam_core.training.phases import Phase, enter, phases
from pcam_core.training.reproducible import start_afresh
from pcam_core.training.settings import TrainingSettings

PLAIN = NetworkSettings(image_size=32, weights="none")


def build(settings, hyperparameters):
    """A backbone of two blocks with a head."""
    pixels = keras.Input((settings.image_size, settings.image_size, 3))
    first = layers.Conv2D(4, 3, strides=4, name="block1_conv")(pixels)
    second = layers.Conv2D(4, 3, name="block2_conv")(layers.BatchNormalization()(first))
    backbone = keras.Model(pixels, second)
    backbone.blocks, backbone.pretrained = ("block1", "block2"), True
    means = layers.GlobalAveragePooling2D()(backbone(pixels))
    return keras.Model(pixels, layers.Dense(1, activation="sigmoid")(means), name="two_blocks")


@pytest.fixture(autouse=True, scope="module")
def two_blocks():
    with pytest.MonkeyPatch.context() as patch:
        made = Architecture("two_blocks", build, None, 1e-3, tuned_as="two_blocks")
        patch.setitem(registry.ARCHITECTURES, "two_blocks", made)
        yield


@pytest.fixture
def pretrained():
    start_afresh(0)
    return build_network("two_blocks", PLAIN)


def found(network, blocks="all", epochs=5, **settings):
    return phases(network, TrainingSettings(**settings), blocks, 1e-3, epochs)


def test_head_first_then_the_rest_at_a_lower_rate(pretrained):
    head, rest = found(pretrained, head_epochs=2, fine_tune_factor=0.5)
    assert head == Phase(0, 2, 1e-3, head_only=True)
    assert rest == Phase(2, 5, 5e-4, head_only=False)
    enter(head, pretrained, "all")
    least = len(pretrained.trainable_variables)
    enter(rest, pretrained, "all")
    assert len(pretrained.trainable_variables) > least


@pytest.mark.parametrize(
    ("blocks", "settings"), [("all", {"head_epochs": 0}), (0, {"head_epochs": 2})]
)
def test_one_phase_where_both_would_be_the_same(pretrained, blocks, settings):
    assert found(pretrained, blocks, **settings) == [Phase(0, 5, 1e-3, head_only=False)]


def test_the_head_alone_at_most_to_the_end(pretrained):
    assert found(pretrained, head_epochs=9) == [Phase(0, 5, 1e-3, head_only=True)]


def test_without_a_backbone_all_is_trained_from_the_start():
    network = build_network("custom_cnn", PLAIN)
    assert found(network, 0, head_epochs=2) == [Phase(0, 5, 1e-3, head_only=False)]
    assert len(network.trainable_variables) > 4


def test_a_training_changes_the_backbone_only_after_the_head(trainer, table):
    one = trainer(epochs=2, max_steps=2, head_epochs=1, schedule="cosine", fine_tune_factor=0.1)
    network = one.network.model_copy(update={"trained_blocks": 1})
    loop = type(one)(one.store, network, one.augmentation, one.settings).loop(
        "two_blocks", {"learning_rate": 0.1}, table, table, "Fine-tune"
    )
    backbone = next(layer for layer in loop.network.layers if hasattr(layer, "blocks"))
    before = [variable.numpy() for variable in backbone.weights]
    changed = []

    def look(ended):
        pairs = zip(backbone.weights, before, strict=True)
        moved = [weight.path for weight, old in pairs if not np.array_equal(weight.numpy(), old)]
        changed.append({path.split("/")[-2] for path in moved})

    with listening_to_epochs(look):
        loop.run()
    assert changed == [set(), {"block2_conv"}]


def test_a_training_that_ended_with_the_head_goes_on_with_the_rest(trainer, table, tmp_path):
    one = trainer(max_steps=2, head_epochs=1, fine_tune_factor=0.1)
    one = replace(one, network=one.network.model_copy(update={"trained_blocks": 1}))
    at_once = one.train("two_blocks", {"learning_rate": 0.1}, table, table, "At once")
    for epochs in (1, 2):
        settings = one.settings.model_copy(update={"epochs": epochs})
        found = replace(one, settings=settings).train(
            "two_blocks", {"learning_rate": 0.1}, table, table, "In two", tmp_path
        )
    np.testing.assert_array_equal(found.probabilities, at_once.probabilities)
    assert found.history.to_dict() == at_once.history.to_dict()
