import pandas as pd
import pytest

from pcam_core.errors import InputError
from pcam_core.validation.check import Check, read_checks, stop_at_errors, write_checks
from pcam_core.validation.expectations import Expected, Suite

TABLE = pd.DataFrame({"id": ["NA", "b", "c"], "value": [1, 5, 9]})


def expected(kind, severity="error", **arguments):
    return Expected(kind, severity, kind, {"column": "value", **arguments}, remedy="Mend it.")


def test_items_are_named_and_order_is_kept():
    wanted = [
        expected("ExpectColumnValuesToBeBetween", max_value=4),
        expected("ExpectColumnMeanToBeBetween", "warning", min_value=6),
        expected("ExpectColumnValuesToBeUnique"),
    ]
    checks = Suite("numbers", TABLE, wanted).check()
    assert [check.meaning for check in checks] == [each.kind for each in wanted]
    assert [check.passed for check in checks] == [False, False, True]
    assert (checks[0].items, checks[0].observed) == (["b", "c"], "2 of 3 otherwise")
    assert (checks[1].observed, checks[1].severity) == ("5", "warning")
    assert checks[0].problem.endswith("but found 2 of 3 otherwise: b, c.")


def test_an_expectation_that_cannot_be_computed_is_no_pass():
    with pytest.raises(RuntimeError, match="nothing"):
        Suite("numbers", TABLE, [expected("ExpectColumnMeanToBeBetween", column="nothing")]).check()


def test_a_table_without_rows_is_not_judged():
    assert Suite("numbers", TABLE.head(0), [expected("ExpectColumnValuesToBeUnique")]).check() == []


def test_errors_stop_and_warnings_do_not(tmp_path):
    good = Check("a", "b", "error", passed=True, observed="all")
    warning = Check("a", "c", "warning", passed=False, observed="2", problem="Odd.", items=["x"])
    first = Check("a", "d", "error", False, "1", "Wrong.", "Mend it.", ["y"])
    second = Check("a", "e", "error", False, "1", "Bad.", "Mend it.", ["z"])
    write_checks(tmp_path, [good, warning])
    stop_at_errors(read_checks(tmp_path), "page")
    with pytest.raises(InputError) as caught:
        stop_at_errors([good, first, warning, second], "page")
    assert str(caught.value) == "Wrong. Bad. Mend it. See page."
    assert caught.value.items == ["y", "z"]
