from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pcam_core.decision.brightness import THIRDS, by_brightness


def table_of(brightness, seed=0):
    rng = np.random.default_rng(seed)
    number = np.arange(len(brightness))
    label = number % 2
    return pd.DataFrame(
        {
            "brightness": np.asarray(brightness, float),
            "label": label,
            "group": [f"g{n // 4}" for n in number],
            "probability": np.clip(0.3 + 0.4 * label + rng.normal(0, 0.2, len(number)), 0, 1),
        }
    )


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 255), min_size=1, max_size=60))
def test_every_patch_is_in_one_third(brightness):
    found = by_brightness(table_of(brightness), 0.5, draws=5, seed=0)
    assert sum(row["patches"] for row in found) == len(brightness)
    assert [row["third"] for row in found] == [
        name for name in THIRDS if name in {row["third"] for row in found}
    ]
    for darker, brighter in pairwise(found):
        assert darker["high"] < brighter["low"]


def test_a_third_where_the_model_fails_shows():
    table = table_of(range(240))
    dark = table["brightness"] < 80
    table.loc[dark, "probability"] = np.random.default_rng(1).random(int(dark.sum()))
    darkest, *others = by_brightness(table, 0.5, draws=200, seed=0)
    assert (darkest["patches"], darkest["groups"], darkest["positive"]) == (80, 20, 40)
    auc, low, high = darkest["scores"]["auc"]
    assert low < 0.5 < high < others[0]["scores"]["auc"][1]
    assert low <= auc <= high


def test_one_class_has_no_figures():
    table = table_of(range(30))
    table["label"] = (table["brightness"] > 15).astype(int)
    found = by_brightness(table, 0.5, draws=5, seed=0)
    assert [row["scores"] is None for row in found] == [True, False, True]


def test_the_order_of_the_rows_does_not_count():
    table = table_of(range(90))
    mixed = table.sample(frac=1, random_state=3)
    first, again = (by_brightness(rows, 0.5, draws=50, seed=1) for rows in (table, mixed))
    for one, other in zip(first, again, strict=True):
        assert one["scores"]["auc"] == pytest.approx(other["scores"]["auc"])
