import numpy as np
import pandas as pd

from pcam_core.decision.flags import NEAR, UNLIKE, far_out, flags


def test_every_reason_to_look_again_is_named():
    suspects = pd.DataFrame({"id": ["c", "c"], "reason": ["blank glass", "unusual colour"]})
    found = flags(list("abcd"), np.array([0.3, 0.4, 0.5, 0.2]), (0.3, 0.5), suspects, {"c", "d"})
    assert found == [NEAR, NEAR, f"{UNLIKE}; blank glass; unusual colour", UNLIKE]


def test_far_out_is_beyond_three_boxes_of_the_training_patches():
    train = pd.DataFrame({"red": np.arange(101.0), "edges": 1.0})
    other = pd.DataFrame(
        {"red": [-125, -126, 50, 225, 226, 50], "edges": [1, 1, 1, 1, 1, 1.1]}, index=list("abcdef")
    )
    assert far_out(train, other).tolist() == [False, True, False, False, True, True]
    assert far_out(train, other[:0]).tolist() == []
