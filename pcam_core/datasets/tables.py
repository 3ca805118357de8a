"""Reading the small CSV tables that come with patches."""

import warnings
from pathlib import Path
from typing import IO

import pandas as pd

from pcam_core.errors import InputError
from pcam_core.listing import count, listing


def read_table(file: Path | IO[bytes], name: str, columns: list[str]) -> pd.DataFrame:
    """Read a UTF-8 CSV file whose values all stay text.

    Args:
        file: The file.
        name: What messages call it.
        columns: The columns that it must have, and no other.

    Raises:
        InputError: It is no CSV file, has other columns or no rows.
    """
    table = _read(file, name, f"It needs exactly these: {', '.join(columns)}.")
    if list(table.columns) != columns:
        raise InputError(
            f"{name} has the columns {listing(table.columns)}.",
            f"It needs exactly these: {', '.join(columns)}.",
        )
    return table


def read_column(file: Path | IO[bytes], name: str, column: str) -> "pd.Series[str]":
    """Read one column, in which no value is empty; see `read_table`."""
    table = _read(file, name, f"It needs a column {column}.")
    if column not in table.columns:
        raise InputError(
            f"{name} has the columns {listing(table.columns)}.", f"It needs a column {column}."
        )
    empty = [str(row) for row in table.index[table[column] == ""]]
    if empty:
        raise InputError(
            f"{name} gives no {column} in {count(empty, 'row')}: {listing(empty)} (from 0).",
            "Fill it in or remove the file.",
            empty,
        )
    return table[column]


def _read(file: Path | IO[bytes], name: str, needs: str) -> pd.DataFrame:
    with warnings.catch_warnings():
        # Pandas drops a value too many in every row and only warns of it.
        warnings.simplefilter("error", pd.errors.ParserWarning)
        try:
            table = pd.read_csv(file, dtype=str, keep_default_na=False, index_col=False)
        except pd.errors.ParserWarning as error:
            raise InputError(f"{name} has more values in a row than columns.", needs) from error
        except (pd.errors.EmptyDataError, pd.errors.ParserError, UnicodeDecodeError) as error:
            raise InputError(
                f"{name} cannot be read as CSV ({str(error).strip()}).",
                f"Write it as UTF-8 CSV. {needs}",
            ) from error
    if table.empty:
        raise InputError(f"{name} has no rows.", "Give at least one row a patch.")
    return table


def read_slides(file: Path | IO[bytes], name: str, column: str) -> dict[str, str]:
    """Read a map of ids to slides; see `read_table`.

    Raises:
        InputError: An id stands twice or has no slide, too.
    """
    table = read_table(file, name, ["id", column])
    doubled = sorted(set(table.loc[table["id"].duplicated(), "id"]))
    if doubled:
        raise InputError(
            f"{name} names {count(doubled, 'id')} more than once: {listing(doubled)}.",
            "Keep one row an id.",
            doubled,
        )
    empty = list(table.loc[table[column] == "", "id"])
    if empty:
        raise InputError(
            f"{name} gives no {column} for {count(empty, 'id')}: {listing(empty)}.",
            "Fill it in or remove the rows.",
            empty,
        )
    return dict(zip(table["id"], table[column], strict=True))
