"""Both state machines against the callbacks of Keras that the source document uses."""

import keras
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pcam_core.training.early_stopping import EarlyStopping
from pcam_core.training.plateau import Plateau

FIGURES = st.lists(st.sampled_from([0.5, 0.50005, 0.6, 0.7, 0.8]), min_size=1, max_size=12)
MODES = st.sampled_from(["min", "max"])


@pytest.fixture(scope="module")
def model():
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(optimizer=keras.optimizers.Adam(0.1), loss="mse")
    return model


@settings(max_examples=50, deadline=None)
@given(FIGURES, MODES, st.integers(1, 4))
def test_stops_where_keras_does(model, figures, mode, patience):
    keras_own = keras.callbacks.EarlyStopping(
        monitor="val", mode=mode, patience=patience, restore_best_weights=True
    )
    keras_own.set_model(model)
    keras_own.on_train_begin()
    model.stop_training = False
    own = EarlyStopping(mode, patience)
    best = 0
    for epoch, figure in enumerate(figures):
        if own.is_better(figure):
            best = epoch
        keras_own.on_epoch_end(epoch, {"val": figure})
        assert own.stopped == model.stop_training
        assert best == keras_own.best_epoch
        if own.stopped:
            break


@settings(max_examples=50, deadline=None)
@given(FIGURES, MODES, st.integers(1, 4))
def test_lowers_the_rate_where_keras_does(model, figures, mode, patience):
    keras_own = keras.callbacks.ReduceLROnPlateau(
        monitor="val", mode=mode, patience=patience, factor=0.2, min_lr=1e-2
    )
    keras_own.set_model(model)
    keras_own.on_train_begin()
    model.optimizer.learning_rate = 0.1
    own, rate = Plateau(mode, patience, 0.2, 1e-2), 0.1
    for epoch, figure in enumerate(figures):
        rate = own.rate(figure, rate)
        keras_own.on_epoch_end(epoch, {"val": figure})
        assert rate == pytest.approx(float(model.optimizer.learning_rate))
