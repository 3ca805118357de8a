import keras
import numpy as np
import pytest

from pcam_core.training.adam import make_optimizer
from pcam_core.training.settings import TrainingSettings


def after(gradients, **settings):
    """The weights, their average and the optimizer after some gradients of a kernel and a bias."""
    kernel = keras.Variable(np.array([1.0, -2.0]), name="kernel")
    bias = keras.Variable(np.array([0.5, 0.5]), name="bias")
    optimizer = make_optimizer(TrainingSettings(**settings), 0.1, 100)
    optimizer.build([kernel, bias])
    path = []
    for gradient in gradients:
        values = [keras.ops.convert_to_tensor(g, "float32") for g in gradient]
        optimizer.apply(values, [kernel, bias])
        path.append(kernel.numpy())
    return np.array(path), bias.numpy(), optimizer, [kernel, bias]


STEPS = [([0.3, -0.2], [0.1, 0.1])] * 4


def test_the_source_documents_method_is_keras_adam():
    path, *_ = after(STEPS)
    kernel = keras.Variable(np.array([1.0, -2.0]))
    plain = keras.optimizers.Adam(0.1)
    plain.build([kernel])
    for step, _ in STEPS:
        plain.apply([keras.ops.convert_to_tensor(step, "float32")], [kernel])
    np.testing.assert_array_equal(path[-1], kernel.numpy())


def test_averaged_weights_start_fast_and_then_have_the_momentum():
    path, _, optimizer, weights = after(STEPS, ema=0.2)
    average = path[0]
    for step, values in enumerate(path[1:], start=1):
        momentum = min(0.2, (1 + step) / (10 + step))
        average = momentum * average + (1 - momentum) * values
    optimizer.finalize_variable_values(weights)
    np.testing.assert_allclose(weights[0].numpy(), average, rtol=1e-6)


def test_weights_decay_and_biases_do_not():
    nothing = [([0.0, 0.0], [0.0, 0.0])]
    path, bias, *_ = after(nothing, optimizer="adamw", weight_decay=0.5)
    np.testing.assert_allclose(path[-1], np.array([1.0, -2.0]) * (1 - 0.1 * 0.5))
    np.testing.assert_array_equal(bias, [0.5, 0.5])


@pytest.mark.parametrize(("clip", "norm"), [(None, 5.0), (0.5, 0.5), (9.0, 5.0)])
def test_gradients_are_clipped_together(clip, norm):
    optimizer = after([([3.0, 0.0], [0.0, 4.0])], clip_norm=clip)[2]
    first_moments = [variable.numpy() for variable in optimizer._momentums]
    found = np.linalg.norm(np.concatenate(first_moments)) / (1 - optimizer.beta_1)
    assert found == pytest.approx(norm, rel=1e-5)
