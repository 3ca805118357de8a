"""Reads ESRGAN's weights out of a TF-Hub SavedModel without running the program in it."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from pcam_core.errors import InputError
from pcam_core.superres.rrdb import rrdb_net

_REMEDY = (
    "Give the captain-pool/esrgan-tf2 SavedModel (11 RRDBs, 342 variables, 4x) or the path of a "
    ".keras file instead."
)


class ForeignArchitectureError(InputError):
    """A SavedModel that can be read but is not captain-pool/esrgan-tf2."""


@dataclass(frozen=True)
class _Variable:
    name: str
    value: NDArray[np.float32]


def load_hub_esrgan(folder: Path) -> keras.Model:
    """The network of ``rrdb_net()`` with the weights of a captain-pool/esrgan-tf2 SavedModel.

    A SavedModel is a program that may read and write files, so nothing in it is executed: its
    variables are read with TensorFlow's checkpoint reader, and its description is parsed as
    data to compare names and leaky slopes. TensorFlow is imported here only, and is needed as
    a reader under the JAX backend too.

    Source: Wang et al. 2018, arXiv:1809.00219; https://tfhub.dev/captain-pool/esrgan-tf2/1.

    Args:
        folder: A SavedModel: ``saved_model.pb`` and ``variables/variables.*``.

    Returns:
        Input (B, H, W, 3), float32, 0..255; output (B, 4H, 4W, 3), float32, unclipped.

    Raises:
        ForeignArchitectureError: It holds another architecture.
        InputError: The folder is missing, is no SavedModel, or cannot be read.
    """
    variables = _read_variables(folder)
    _check_slopes(folder)
    # JAX compiles a random initializer for each shape: 15 s for values that are overwritten.
    model = rrdb_net(kernel_initializer="zeros")
    wanted = [variable for layer in model.layers for variable in layer.weights]
    if len(variables) != len(wanted):
        raise ForeignArchitectureError(
            f"{folder} has {len(variables)} trainable variables where ESRGAN has {len(wanted)}.",
            _REMEDY,
        )
    for found, variable in zip(variables, wanted, strict=True):
        _check_variable(folder, found, variable)
        variable.assign(found.value)
    return model


def _read_variables(folder: Path) -> list[_Variable]:
    """The trainable variables in the order in which the SavedModel's author tracked them."""
    # Without it the import alone prints a page about the processor.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    import tensorflow as tf

    names = _names(folder)
    try:
        reader = tf.train.load_checkpoint(str(folder / "variables" / "variables"))
        keys = _checkpoint_keys(reader)
        values = [reader.get_tensor(key) for key in keys]
    except (tf.errors.OpError, ValueError, RuntimeError, IndexError) as error:
        raise InputError(f"The variables of {folder} cannot be read: {error}.", _REMEDY) from error
    if len(names) != len(values):
        raise InputError(
            f"{folder} names {len(names)} variables but its checkpoint holds {len(values)}.",
            "Download it again: the two files do not belong together.",
        )
    return [_Variable(*pair) for pair in zip(names, values, strict=True)]


def _names(folder: Path) -> list[str]:
    graph = _description(folder).object_graph_def
    return [graph.nodes[index].variable.name for index in _tracked(graph)]


def _checkpoint_keys(reader: Any) -> list[str]:
    from tensorflow.core.protobuf.trackable_object_graph_pb2 import TrackableObjectGraph

    graph = TrackableObjectGraph()
    graph.ParseFromString(reader.get_tensor("_CHECKPOINTABLE_OBJECT_GRAPH"))
    return [graph.nodes[index].attributes[0].checkpoint_key for index in _tracked(graph)]


def _tracked(graph: Any) -> list[int]:
    """Node numbers of the root's trainable variables; the same shape in both descriptions."""
    if not graph.nodes:
        return []
    root = {child.local_name: child.node_id for child in graph.nodes[0].children}
    if "trainable_variables" not in root:
        return []
    children = graph.nodes[root["trainable_variables"]].children
    return [child.node_id for child in sorted(children, key=lambda child: int(child.local_name))]


def _description(folder: Path) -> Any:
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

    description = SavedModel()
    try:
        description.ParseFromString((folder / "saved_model.pb").read_bytes())
        return description.meta_graphs[0]
    except (OSError, DecodeError, IndexError) as error:
        raise InputError(f"{folder} is no readable SavedModel: {error}.", _REMEDY) from error


def _check_slopes(folder: Path) -> None:
    # Same shapes, other slope: the one likely variant that would load and give a wrong picture.
    functions = _description(folder).graph_def.library.function
    nodes = [node for function in functions for node in function.node_def]
    slopes = {
        # TensorFlow leaves a default out when it saves, and .2 is LeakyRelu's.
        round(node.attr["alpha"].f, 6) if "alpha" in node.attr else 0.2
        for node in nodes
        if node.op == "LeakyRelu"
    }
    if slopes != {0.2}:
        raise ForeignArchitectureError(
            f"{folder} has leaky ReLUs of slope {sorted(slopes)} where ESRGAN has 0.2.", _REMEDY
        )


def _check_variable(folder: Path, found: _Variable, wanted: Any) -> None:
    shape = tuple(wanted.shape)
    # Transposed and plain convolutions have the same shape here: only the name tells them apart.
    transposed = "conv2d_transpose" in found.name
    alike = found.value.shape == shape and found.name.rpartition("/")[2] == wanted.name
    if not alike or transposed != wanted.path.startswith(("double", "redouble")):
        raise ForeignArchitectureError(
            f"{folder} has {found.name} of shape {found.value.shape} where ESRGAN has "
            f"{wanted.path} of shape {shape}.",
            _REMEDY,
        )
