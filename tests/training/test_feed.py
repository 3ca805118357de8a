import threading
import time

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from keras import ops

from pcam_core.progress import listening
from pcam_core.superres.lanczos import LanczosResize
from pcam_core.training import feed as feed_module
from pcam_core.training.feed import Feed


@pytest.fixture(params=["processor", "device", "resident on the device"])
def where(request, monkeypatch):
    """Where patches are kept and changed; the device is the processor in a GPU's role."""
    if request.param != "processor":
        monkeypatch.setattr(feed_module, "gpus", lambda: ("a GPU",))
        fits = request.param == "resident on the device"
        monkeypatch.setattr(feed_module, "fits_on_device", lambda *_: fits)
    return request.param


@pytest.fixture
def feed(tiny_store, table):
    def make(rows=32, **changes):
        options = {"batch_size": 8, "enlarge_to": None, "policy": "none", "shuffle": 1, **changes}
        return Feed(tiny_store, table.head(rows), **options)

    return make


def epoch(feed, number=0):
    images, labels = zip(*feed.batches(number), strict=True)
    return np.concatenate([ops.convert_to_numpy(part) for part in images]), np.concatenate(labels)


def keys(images):
    return [image.tobytes() for image in images]


def feeding_threads():
    return [thread for thread in threading.enumerate() if thread.name.startswith("feed")]


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    rows=st.integers(1, 32),
    batch=st.integers(1, 40),
    seed=st.integers(0, 2**31),
    number=st.integers(0, 50),
)
def test_every_row_once_an_epoch_with_its_label(feed, tiny_store, table, rows, batch, seed, number):
    images, labels = epoch(feed(rows, batch_size=batch, shuffle=seed), number)
    chosen = table.head(rows)
    stored = tiny_store.read(tiny_store.rows(chosen["id"])).astype(np.float32)
    wanted = dict(zip(keys(stored), chosen["label"], strict=True))
    assert dict(zip(keys(images), labels[:, 0], strict=True)) == wanted
    assert len(images) == rows


@pytest.mark.parametrize(("policy", "side"), [("notebook", 48), ("tissue", None), ("none", 48)])
def test_types_shapes_and_ranges(where, feed, policy, side):
    images, labels = feed(policy=policy, enlarge_to=side).batch(0, 0)
    assert isinstance(images, np.ndarray) == (where == "processor")
    images = ops.convert_to_numpy(images)
    assert (images.shape, images.dtype) == ((8, side or 32, side or 32, 3), np.float32)
    assert (labels.shape, labels.dtype) == ((8, 1), np.float32)
    assert images.min() >= 0
    assert images.max() <= 255


@pytest.mark.parametrize("policy", ["none", "notebook", "tissue"])
def test_a_batch_follows_from_seed_epoch_and_step(where, feed, policy):
    whole = list(feed(policy=policy).batches(2))
    later = feed(policy=policy)  # as after a restart
    for step, (images, labels) in enumerate(later.batches(2, first_step=2), start=2):
        np.testing.assert_array_equal(images, whole[step][0])
        np.testing.assert_array_equal(labels, whole[step][1])
    for step in (3, 0):
        np.testing.assert_array_equal(later.batch(2, step)[0], whole[step][0])


def test_the_device_gets_the_same_patches(where, feed, tiny_store, table):
    images, labels = epoch(feed())
    stored = tiny_store.read(tiny_store.rows(table["id"])).astype(np.float32)
    wanted = dict(zip(keys(stored), table["label"], strict=True))
    assert dict(zip(keys(images), labels[:, 0], strict=True)) == wanted


def test_epochs_and_seeds_have_orders_of_their_own(feed):
    one = feed()
    first, second = keys(epoch(one)[0]), keys(epoch(one, 1)[0])
    assert first != second
    assert sorted(first) == sorted(second)
    assert keys(epoch(feed(shuffle=2))[0]) != first


def test_every_order_is_as_likely(feed):
    one = feed(4, batch_size=4)
    orders = [tuple(keys(one.batch(number, 0)[0])) for number in range(720)]
    counts = np.unique(orders, axis=0, return_counts=True)[1]
    assert len(counts) == 24
    assert counts.min() > 10  # thirty each; the deviation is 5.4


def test_augmentation_differs_between_batches_and_epochs(feed):
    one = feed(policy="tissue", batch_size=32)
    first, second = epoch(one)[0], epoch(one, 1)[0]
    assert not set(keys(first)) & set(keys(second))


def test_strength_reaches_the_policy(where, feed):
    still = feed(policy="notebook", strength=0, batch_size=32).batch(0, 0)[0]
    strong = feed(policy="notebook", strength=3, batch_size=32).batch(0, 0)[0]
    assert np.ptp(ops.convert_to_numpy(still), axis=(1, 2)).mean() > 0
    assert np.abs(ops.convert_to_numpy(still) - ops.convert_to_numpy(strong)).mean() > 10


def test_enlarges_as_the_serving_model_does(where, feed, tiny_store, table):
    images, _ = feed(enlarge_to=48, batch_size=32).batch(0, 0)
    stored = feed(batch_size=32).batch(0, 0)[0]
    different = np.abs(ops.convert_to_numpy(images) - np.asarray(LanczosResize(48)(stored)))
    assert different.max() <= 2
    assert (different > 0).mean() < 1e-3


@pytest.mark.parametrize(("most", "steps"), [(None, 4), (3, 3), (9, 4)])
def test_an_epoch_has_at_most_so_many_steps(feed, most, steps):
    assert len(feed(max_steps=most)) == steps
    images, _ = epoch(feed(max_steps=most))
    assert len(set(keys(images))) == 8 * steps


def test_batches_are_made_while_a_step_is_taken(feed, monkeypatch):
    one, made = feed(batch_size=1), []
    real = one.batch
    monkeypatch.setattr(one, "batch", lambda *place: made.append(place[1]) or real(*place))
    batches = one.batches(0)
    assert not made
    next(batches)
    limit = time.monotonic() + 10
    while len(made) < 3 and time.monotonic() < limit:
        time.sleep(0.01)
    time.sleep(0.1)
    assert 3 <= len(made) <= 11  # ahead, but not the whole epoch of 32
    assert feeding_threads()
    batches.close()
    assert not feeding_threads()


def test_threads_end_with_the_epoch(feed):
    epoch(feed())
    assert not feeding_threads()


def test_what_fails_in_the_background_is_told(feed, monkeypatch):
    one = feed()
    real = one.batch

    def failing(epoch, step):
        if step == 2:
            raise OSError("the disk is gone")
        return real(epoch, step)

    monkeypatch.setattr(one, "batch", failing)
    batches = one.batches(0)
    next(batches), next(batches)
    with pytest.raises(OSError, match="the disk is gone"):
        next(batches)
    assert not feeding_threads()


def test_loading_onto_the_device_tells_progress(feed, monkeypatch):
    monkeypatch.setattr(feed_module, "gpus", lambda: ("a GPU",))
    monkeypatch.setattr(feed_module, "fits_on_device", lambda *_: True)
    told = []
    with listening(lambda progress: told.append((progress.done, progress.total))):
        feed()
    assert told[-1] == (32, 32)


def test_an_unknown_patch(tiny_store, table):
    unknown = table.assign(id="zzz")
    with pytest.raises(KeyError, match="zzz"):
        Feed(tiny_store, unknown, batch_size=8, enlarge_to=None, policy="none", shuffle=1)
