import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pcam_core.superres.lanczos import LanczosResize
from pcam_core.training.feed import Feed


@pytest.fixture
def feed(tiny_store, table):
    def make(rows=32, **changes):
        options = {"batch_size": 8, "enlarge_to": None, "policy": "none", "shuffle": 1, **changes}
        return Feed(tiny_store, table.head(rows), **options)

    return make


def epoch(feed):
    batches = [feed[step] for step in range(len(feed))]
    images, labels = (np.concatenate(parts) for parts in zip(*batches, strict=True))
    feed.on_epoch_end()
    return images, labels


def keys(images):
    return [image.tobytes() for image in images]


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(rows=st.integers(1, 32), batch=st.integers(1, 40), seed=st.integers(0, 2**31))
def test_every_row_once_an_epoch_with_its_label(feed, tiny_store, table, rows, batch, seed):
    images, labels = epoch(feed(rows, batch_size=batch, shuffle=seed))
    chosen = table.head(rows)
    stored = tiny_store.read(tiny_store.rows(chosen["id"])).astype(np.float32)
    wanted = dict(zip(keys(stored), chosen["label"], strict=True))
    assert dict(zip(keys(images), labels[:, 0], strict=True)) == wanted
    assert len(images) == rows


def test_types_and_shapes(feed):
    images, labels = feed(policy="notebook", enlarge_to=48)[0]
    assert (images.shape, images.dtype) == ((8, 48, 48, 3), np.float32)
    assert (labels.shape, labels.dtype) == ((8, 1), np.float32)
    assert images.min() >= 0
    assert images.max() <= 255


@pytest.mark.parametrize("policy", ["none", "notebook", "tissue"])
def test_a_batch_follows_from_seed_epoch_and_position(feed, policy):
    one, other = feed(policy=policy), feed(policy=policy)
    for _ in range(2):
        one.on_epoch_end()
    other.epoch = 2  # as after a restart
    for step in (3, 0):
        images, labels = other[step]
        np.testing.assert_array_equal(images, one[step][0])
        np.testing.assert_array_equal(labels, one[step][1])


def test_epochs_and_seeds_have_orders_of_their_own(feed):
    one = feed()
    first, second = keys(epoch(one)[0]), keys(epoch(one)[0])
    assert first != second
    assert sorted(first) == sorted(second)
    assert keys(epoch(feed(shuffle=2))[0]) != first


def test_augmentation_differs_between_batches_and_epochs(feed):
    one = feed(policy="tissue", batch_size=32)
    first, second = epoch(one)[0], epoch(one)[0]
    assert not set(keys(first)) & set(keys(second))


def test_enlarges_as_the_serving_model_does(feed, tiny_store, table):
    one = feed(enlarge_to=48, batch_size=32)
    stored = tiny_store.read(tiny_store.rows(table["id"]))
    wanted = np.asarray(LanczosResize(48)(stored))
    assert sorted(keys(epoch(one)[0])) == sorted(keys(wanted))


@pytest.mark.parametrize(("most", "steps"), [(None, 4), (3, 3), (9, 4)])
def test_an_epoch_has_at_most_so_many_steps(feed, most, steps):
    assert len(feed(max_steps=most)) == steps
    images, _ = epoch(feed(max_steps=most))
    assert len(set(keys(images))) == 8 * steps


def test_an_unknown_patch(tiny_store, table):
    with pytest.raises(KeyError, match="zzz"):
        Feed(
            tiny_store,
            table.assign(id="zzz"),
            batch_size=8,
            enlarge_to=None,
            policy="none",
            shuffle=1,
        )
