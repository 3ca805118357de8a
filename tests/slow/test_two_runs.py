"""Two runs at once on the same data into the same folder."""

import json
import re

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def test_nothing_is_computed_twice_and_both_find_the_same(side_by_side):
    _, ended = side_by_side
    found = [json.loads(output) for output, _ in ended]
    assert found[0] == found[1]
    errors = "".join(error for _, error in ended)
    announced = re.findall(r"(Prepare|Compare|Tune|Cross|Random|Train).*: expects", errors)
    assert sorted(announced) == ["Compare", "Cross", "Prepare", "Random", "Train", "Tune"]
    assert "Another run works on" in errors
