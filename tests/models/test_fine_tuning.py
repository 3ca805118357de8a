import keras
import numpy as np
import pytest

from pcam_core.models.fine_tuning import train_blocks, train_head_only
from pcam_core.models.registry import build_network
from pcam_core.models.settings import NetworkSettings

# The first layer of each backbone's last block but one and of its last block.
ENDS = {
    "resnet50": ("conv4_block1_1_conv", "conv5_block1_1_conv"),
    "efficientnet_b0": ("block6a_expand_conv", "block7a_expand_conv"),
    "efficientnet_v2_b0": ("block5a_expand_conv", "block6a_expand_conv"),
    "convnext_tiny": ("convnext_tiny_downsampling_block_1", "convnext_tiny_downsampling_block_2"),
}


def built(name, **settings):
    return build_network(name, NetworkSettings(**{"weights": "none", "image_size": 32, **settings}))


def backbone_of(network):
    return next(layer for layer in network.layers if isinstance(layer, keras.Model))


def learning(network):
    """Names of the backbone's layers with weights that learn, in order."""
    return [layer.name for layer in backbone_of(network).layers if layer.trainable_weights]


@pytest.fixture(scope="module", params=ENDS)
def network(request):
    return built(request.param)


def test_the_last_blocks_follow_the_head(network):
    before, last = ENDS[network.name]
    head = [layer.name for layer in network.layers if isinstance(layer, keras.layers.Dense)]
    train_head_only(network)
    assert learning(network) == []
    train_blocks(network, 1)
    assert learning(network)[0] in (last, last.replace("_1_", "_0_"))
    train_blocks(network, 2)
    two = learning(network)
    assert two[0] in (before, before.replace("_1_", "_0_"))
    assert last in two
    train_blocks(network, "all")
    everything = learning(network)
    assert everything[-len(two) :] == two
    assert all(layer in everything for layer in two)
    assert len(everything) == sum(bool(layer.weights) for layer in backbone_of(network).layers) - (
        # Its statistics come with the weights and never learn.
        network.name == "efficientnet_b0"
    )
    train_blocks(network, 99)
    assert learning(network) == everything
    train_head_only(network)
    assert learning(network) == []
    assert all(network.get_layer(name).trainable for name in head)


def test_settings_say_what_a_new_network_trains():
    assert learning(built("efficientnet_b0", trained_blocks=1))[0] == "block7a_expand_conv"


def test_a_network_without_backbone_learns_as_a_whole():
    network = built("custom_cnn")
    everything = len(network.trainable_weights)
    assert everything == 16
    for change in (train_head_only, lambda network: train_blocks(network, 1)):
        change(network)
        assert len(network.trainable_weights) == everything


@pytest.fixture(scope="module")
def weights_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "resnet.weights.h5"
    keras.applications.ResNet50(
        include_top=False, weights=None, input_shape=(32, 32, 3)
    ).save_weights(path)
    return path


@pytest.mark.parametrize(
    ("given", "blocks"), [(True, "all"), (True, 1), (False, "all"), (False, 0)]
)
def test_batch_norm_learns_in_random_weights_only(given, blocks, weights_file):
    weights = str(weights_file) if given else "none"
    network = built("resnet50", weights=weights, trained_blocks=blocks)
    norm = backbone_of(network).get_layer("conv5_block3_3_bn")
    kernel = backbone_of(network).get_layer("conv5_block3_3_conv").kernel
    before = norm.get_weights()
    kernel_before = kernel.numpy()
    network.compile(optimizer=keras.optimizers.SGD(0.1), loss="binary_crossentropy")
    pixels = np.random.default_rng(0).uniform(0, 255, (4, 32, 32, 3)).astype(np.float32)
    network.train_on_batch(pixels, np.array([[0], [1], [0], [1]]))
    pairs = zip(before, norm.get_weights(), strict=True)
    moved = any(not np.array_equal(old, new) for old, new in pairs)
    assert moved == (blocks != 0 and not given)
    assert np.array_equal(kernel_before, kernel.numpy()) == (blocks == 0)
