import pytest

from pcam_core.errors import InputError
from tasks.hold_out_version import latest_hold_out, register_hold_out


def test_versions_of_the_hold_out(out, hold_out_of, client):
    assert latest_hold_out(out) is None
    first = register_hold_out(out, hold_out_of({"a"}, {"x"}), ["/old"], None)
    assert (first.version, first.ids(), first.trainable()) == (1, {"a"}, {"x"})
    assert latest_hold_out(out) == first
    second = register_hold_out(out, hold_out_of({"a", "b"}, {"x"}), ["/old", "/new"], first)
    assert (second.version, second.data) == (2, ("/old", "/new"))
    assert latest_hold_out(out) == second


def test_an_equal_hold_out_is_no_new_version(out, hold_out_of):
    drawn = hold_out_of({"a"}, {"x"})
    first = register_hold_out(out, drawn, ["/old"], None)
    assert register_hold_out(out, drawn, ["/old"], first) == first


def test_an_equal_hold_out_of_data_that_has_moved_is_a_new_version(out, hold_out_of):
    drawn = hold_out_of({"a"}, {"x"})
    first = register_hold_out(out, drawn, ["/old"], None)
    moved = register_hold_out(out, drawn, ["/moved"], first)
    assert (moved.version, moved.key, moved.data) == (2, first.key, ("/moved",))
    assert latest_hold_out(out) == moved


def test_who_draws_after_an_older_version_has_to_draw_again(out, hold_out_of):
    first = register_hold_out(out, hold_out_of({"a"}, {"x"}), ["/old"], None)
    assert register_hold_out(out, hold_out_of({"a", "b"}, {"x"}), ["/new"], None) is None
    assert latest_hold_out(out) == first


def test_a_lost_copy_of_the_hold_out_is_fetched_and_a_changed_one_refused(out, hold_out_of):
    first = register_hold_out(out, hold_out_of({"a"}, {"x"}), ["/old"], None)
    first.path.unlink()
    assert latest_hold_out(out).ids() == {"a"}
    first.path.unlink()
    (file,) = (out / "mlflow" / "files").rglob("hold-out.csv.gz")
    file.write_bytes(b"another")
    with pytest.raises(InputError, match="is not what was registered"):
        latest_hold_out(out)
