"""Great Expectations on tables in memory."""

import logging
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import pandas as pd

from pcam_core.listing import listing
from pcam_core.validation.check import Check, Severity

_SEVERITIES = {"error": "critical", "warning": "warning"}  # ours and Great Expectations'


def _ids(rows: pd.DataFrame) -> list[str]:
    return list(rows["id"])


def _general(items: list[str]) -> str:
    del items
    return ""


@dataclass(frozen=True)
class Expected:
    """One expectation of a table with a column id, and how people are told.

    Attributes:
        meaning: What is expected, after "Expected that".
        severity: Whether a run stops for it.
        kind: Name of a class in `great_expectations.expectations`.
        arguments: What it is made with.
        remedy: What to do where it fails.
        name: From the rows that it fails for to the names of items.
        problem: From those names to the sentence that says so; "" takes a general one.
    """

    meaning: str
    severity: Severity
    kind: str
    arguments: Mapping[str, Any]
    remedy: str = ""
    name: Callable[[pd.DataFrame], list[str]] = _ids
    problem: Callable[[list[str]], str] = _general

    def build(self) -> Any:
        """Return it as Great Expectations knows it."""
        gx = great_expectations()
        make = getattr(gx.expectations, self.kind)
        severity = _SEVERITIES[self.severity]
        return make(**self.arguments, severity=severity, notes=self.meaning)


@dataclass(frozen=True)
class Suite:
    """Expectations of one table.

    Attributes:
        about: What people call the table.
        table: Its rows.
        expected: What it must be like.
    """

    about: str
    table: pd.DataFrame
    expected: Sequence[Expected]

    def check(self) -> list[Check]:
        """Return a check of each expectation; none of a table without rows."""
        if self.table.empty:
            return []
        gx = great_expectations()
        # Rows are named by their number: of 200,000 that fail, names would take seconds.
        table = self.table.reset_index(drop=True)
        batch = _whole_tables().get_batch({"dataframe": table})
        suite = gx.ExpectationSuite(
            name="suite", expectations=[each.build() for each in self.expected]
        )
        form = {"result_format": "COMPLETE"}
        # The order of its results is its own.
        found = {
            result.expectation_config.notes: result
            for result in batch.validate(suite, result_format=form).results
        }
        return [self._told(each, found[each.meaning], table) for each in self.expected]

    def _told(self, expected: Expected, result: Any, table: pd.DataFrame) -> Check:
        if raised := _raised(result.exception_info):
            raise RuntimeError(f"{expected.meaning}: {raised}")
        rows = table.iloc[result.result.get("unexpected_index_list") or []]
        passed = bool(result.success)
        observed = _observed(result.result, len(table)) or ("yes" if passed else "no")
        items = expected.name(rows) if len(rows) else []
        if passed:
            return Check(self.about, expected.meaning, expected.severity, passed, observed)
        found = f"{observed}: {listing(items)}" if items else observed
        general = f"Expected that {expected.meaning}, but found {found}."
        return Check(
            about=self.about,
            meaning=expected.meaning,
            severity=expected.severity,
            passed=passed,
            observed=observed,
            problem=expected.problem(items) or general,
            remedy=expected.remedy,
            items=items,
        )


def great_expectations() -> Any:
    """Import it, which takes seconds, with its messages home and its chatter switched off."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"  # read at import
    import great_expectations as gx

    logging.getLogger("great_expectations").setLevel(logging.WARNING)
    return gx


@cache
def _whole_tables() -> Any:
    # A context takes a tenth of a second to make.
    context = great_expectations().get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    asset = context.data_sources.add_pandas("tables").add_dataframe_asset("table")
    return asset.add_batch_definition_whole_dataframe("all")


def _raised(told: Mapping[str, Any]) -> str:
    """Return what went wrong while computing: told directly, or by metric; "" if nothing did."""
    each = [told] if "raised_exception" in told else told.values()
    return "; ".join(str(one["exception_message"]) for one in each if one["raised_exception"])


def _observed(result: Mapping[str, Any], rows: int) -> str:
    if "unexpected_count" in result:
        count = result["unexpected_count"]
        return f"{count:,} of {rows:,} otherwise" if count else f"all {rows:,}"
    value = result.get("observed_value")
    if value is None:
        return ""
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return f"{value:,}" if isinstance(value, int) else f"{float(value):.4g}"
