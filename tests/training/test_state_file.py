import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pcam_core.training.state_file import DamagedStateError, State, read_state, write_state

STATE = State(
    {"weights": np.arange(6, dtype=np.float32).reshape(2, 3), "count": np.int64(7)},
    {"rate": 0.1 + 0.2, "notes": ["ö"], "best": None},
)


def test_comes_back_bit_for_bit(tmp_path):
    write_state(tmp_path / "state", STATE)
    found = read_state(tmp_path / "state")
    assert found.plain == STATE.plain
    assert set(found.arrays) == set(STATE.arrays)
    for name, values in STATE.arrays.items():
        np.testing.assert_array_equal(found.arrays[name], values)
        assert found.arrays[name].dtype == values.dtype


@given(st.data())
def test_any_damage_shows(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("damaged") / "state"
    write_state(path, STATE)
    content = bytearray(path.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    if data.draw(st.booleans()):
        content[place] ^= data.draw(st.integers(1, 255))
    else:
        del content[place:]
    path.write_bytes(content)
    with pytest.raises(DamagedStateError):
        read_state(path)


def test_objects_are_not_written(tmp_path):
    write_state(tmp_path / "state", STATE)
    with pytest.raises(TypeError):
        write_state(tmp_path / "state", State({}, {"object": object()}))
    assert read_state(tmp_path / "state").plain == STATE.plain
