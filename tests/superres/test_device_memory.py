import pytest

from pcam_core.superres.device_memory import is_out_of_memory

JAX = """
import jax
import jax.numpy as jnp
from pcam_core.superres.device_memory import is_out_of_memory

def caught(work):
    try:
        work()
    except Exception as error:
        return error

full = caught(lambda: jnp.zeros(1 << 45, jnp.uint8).block_until_ready())
assert is_out_of_memory(full), repr(full)
assert not is_out_of_memory(caught(lambda: jnp.zeros(2) + jnp.zeros(3)))
assert not is_out_of_memory(jax.errors.JaxRuntimeError("INTERNAL: no convolution algorithm"))
print(type(full).__name__)
"""


def error_of(work):
    with pytest.raises(Exception, match=r".") as caught:
        work()
    return caught.value


@pytest.mark.slow  # TensorFlow waits 10 s for memory to come free
def test_tensorflow_runs_out():
    """As Keras tells it, which raises errors of layers anew with the layer's name."""
    import keras
    import numpy as np

    huge = keras.Sequential([keras.Input((1, 1, 3)), keras.layers.UpSampling2D(1 << 21)])
    huge.compile(jit_compile=False)
    full = error_of(lambda: huge.predict_on_batch(np.zeros((1, 1, 1, 3), np.float32)))
    assert type(full).__name__ == "ResourceExhaustedError"
    assert is_out_of_memory(full)


def test_tensorflow():
    import tensorflow as tf

    message = "OOM when allocating tensor with shape[512,128,128,32]"
    assert is_out_of_memory(tf.errors.ResourceExhaustedError(None, None, message))
    assert is_out_of_memory(tf.errors.InternalError(None, None, "RESOURCE_EXHAUSTED: 2 GiB"))
    assert not is_out_of_memory(error_of(lambda: tf.zeros([2]) + tf.zeros([3])))


def test_jax(run_under_jax):
    assert "RuntimeError" in run_under_jax(JAX)


def test_numpy():
    import numpy as np

    assert is_out_of_memory(error_of(lambda: np.zeros(1 << 60, np.uint8)))


@pytest.mark.parametrize("error", [ValueError("RESOURCE_EXHAUSTED"), OSError(28, "No space left")])
def test_others(error):
    assert not is_out_of_memory(error)
