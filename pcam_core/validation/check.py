"""The outcome of one check, and the file that keeps all of them."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

from pcam_core.errors import InputError, raise_together

FILE = "expectations.json"
Severity = Literal["error", "warning"]


@dataclass(frozen=True)
class Check:
    """What was expected and what was found.

    Attributes:
        about: What was looked at ("train_labels.csv", "training patches").
        meaning: What was expected, after "Expected that".
        severity: Whether a run stops for it.
        passed: Whether it holds.
        observed: What was found, in a few words.
        problem: Where it does not hold, one sentence that names the items.
        remedy: What to do about it.
        items: All items that it does not hold for.
    """

    about: str
    meaning: str
    severity: Severity
    passed: bool
    observed: str
    problem: str = ""
    remedy: str = ""
    items: list[str] = field(default_factory=list)


def write_checks(folder: Path, checks: Iterable[Check]) -> None:
    """Write `expectations.json`."""
    text = json.dumps([asdict(check) for check in checks], indent=1)
    (folder / FILE).write_text(text, encoding="utf-8")


def read_checks(folder: Path) -> list[Check]:
    """Return what `write_checks` wrote."""
    return [Check(**fields) for fields in json.loads((folder / FILE).read_text(encoding="utf-8"))]


def stop_at_errors(checks: Iterable[Check], where: str) -> None:
    """Return if no check of severity "error" failed.

    Args:
        checks: All checks of a run.
        where: The page that shows everything, named in the message.

    Raises:
        InputError: All that failed, with all their items.
    """
    failed = [check for check in checks if not check.passed and check.severity == "error"]
    try:
        raise_together(InputError(check.problem, check.remedy, check.items) for check in failed)
    except InputError as error:
        remedy = f"{error.remedy} See {where}."
        raise InputError(error.problem, remedy, error.items) from None
