import numpy as np
import pandas as pd

from pcam_core.decision.confident_errors import confident_errors
from pcam_core.decision.slides import by_slide

TABLE = pd.DataFrame(
    [
        ("a", "s1", 1, 0.9),
        ("b", "s1", 0, 0.1),
        ("c", "s2", 1, 0.2),
        ("d", "s2", 1, 0.7),
        ("e", "", 0, 0.95),
        ("f", "NA", 0, 0.4),
    ],
    columns=["id", "slide", "label", "probability"],
)


def test_slides_stand_from_the_worst_to_the_best():
    found = by_slide(TABLE, 0.4)
    assert list(found["slide"]) == ["NA", "s2", "s1"]
    assert list(found["patches"]) == [1, 2, 2]
    assert list(found["positive"]) == [0, 2, 1]
    assert list(found["accuracy"]) == [0, 0.5, 1]
    assert np.isnan(found["auc"][:2]).all()
    assert found["auc"][2] == 1


def test_no_slide_is_known():
    assert by_slide(TABLE.assign(slide=""), 0.4).empty


def test_errors_stand_by_their_distance_from_the_label():
    assert list(confident_errors(TABLE, 0.4, 10)["id"]) == ["e", "c", "f"]
    assert list(confident_errors(TABLE, 0.41, 1)["id"]) == ["e"]
    assert confident_errors(TABLE.query("id == 'a'"), 0.4, 10).empty
