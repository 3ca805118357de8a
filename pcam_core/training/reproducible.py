"""Equal seeds, equal weights."""

import gc
import random

import keras
from keras.src.random import seed_generator

from pcam_core.precision import gpus


def start_afresh(seed: int) -> None:
    """Forget earlier models and seed every generator.

    On TensorFlow without a GPU only deterministic kernels are used from then on; on a GPU
    they would rule out XLA.
    """
    keras.utils.clear_session()
    if not gc.get_freeze_count():
        # Keras has searched all objects for cycles, to free the memory of models. Those of the
        # libraries are millions and stay: let the next search, of every training, pass them by.
        gc.freeze()
    keras.utils.set_random_seed(seed)
    # Keras draws the seeds of weights and dropout from Python's shared generator, which other
    # threads (Prefect's, say) draw from in between: give it one of its own.
    seed_generator.python_random = random.Random(seed)  # noqa: S311 - no secret
    if keras.config.backend() == "tensorflow" and not gpus():
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()
