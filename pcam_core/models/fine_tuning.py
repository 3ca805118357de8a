"""Which part of a network learns: first the head alone, then the backbone's last blocks.

Whoever trains compiles the network again after a change.
"""

from typing import Literal

import keras


def train_head_only(network: keras.Model) -> None:
    """Keep the backbone; a network without one learns as a whole.

    Args:
        network: From `registry.build_network`.
    """
    train_blocks(network, 0)


def train_blocks(network: keras.Model, blocks: int | Literal["all"]) -> None:
    """Let the head and the backbone's last blocks learn; without a backbone, everything.

    Batch norm of a backbone that starts from given weights keeps its statistics, scales and
    offsets: small batches of other images would spoil them. In random weights it learns.

    Args:
        network: From `registry.build_network`.
        blocks: How many blocks, 0 or more; "all" or more than there are takes the whole backbone.
    """
    for backbone in network.layers:
        if not isinstance(backbone, keras.Model):
            continue
        known = backbone.blocks
        learning = known if blocks == "all" else known[max(len(known) - blocks, 0) :]
        backbone.trainable = bool(learning)
        reached = False
        for layer in backbone.layers:
            reached = reached or layer.name.startswith(learning[:1])
            # Not `training=False` in the call: Keras overrides that in a model inside a model.
            kept = backbone.pretrained and isinstance(layer, keras.layers.BatchNormalization)
            layer.trainable = reached and not kept
