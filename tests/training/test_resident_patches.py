import numpy as np
from keras import ops

from pcam_core.training import resident_patches
from pcam_core.training.free_memory import free_device_bytes
from pcam_core.training.resident_patches import ResidentPatches, fits_on_device


def test_they_are_those_of_the_store(tiny_store, monkeypatch):
    monkeypatch.setattr(resident_patches, "_AT_ONCE", 5)
    rows = np.array([7, 3, 30, 11, 4, 0, 9])
    resident = ResidentPatches(tiny_store, rows)
    found = resident.read(np.array([6, 0, 0]))
    assert "uint8" in str(found.dtype)
    np.testing.assert_array_equal(ops.convert_to_numpy(found), tiny_store.read(rows[[6, 0, 0]]))


def test_they_take_at_most_their_share_of_what_is_free(tiny_store, monkeypatch):
    monkeypatch.setattr(resident_patches, "free_device_bytes", lambda: 100_000)
    assert fits_on_device(tiny_store, 13)  # of 32 x 32 x 3 bytes
    assert not fits_on_device(tiny_store, 14)


def test_without_a_gpu_nothing_is_free():
    assert free_device_bytes() == 0
