"""Naming every bad item of a run, however many there are."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pcam_core.errors import InputError
from pcam_core.listing import SHOWN

FILE = "bad-items.txt"


@contextmanager
def all_bad_items_in(folder: Path) -> Iterator[None]:
    """Write the items of an `InputError` to a file where its message names the first only."""
    path = folder / FILE
    try:
        yield
    except InputError as error:
        if len(error.items) <= SHOWN:
            raise
        path.write_text("".join(f"{item}\n" for item in error.items), encoding="utf-8")
        remedy = f"{error.remedy} All {len(error.items):,} are listed in {path}."
        raise InputError(error.problem, remedy, error.items) from error
