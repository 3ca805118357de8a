"""Tables on a task run's page."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

from prefect.artifacts import create_table_artifact

_DIGITS = 4


def show_table(key: str, title: str, rows: Iterable[Mapping[Any, Any]]) -> None:
    """Show rows as a Prefect artifact; fractions to four digits, what is no number as empty."""
    shown = [{str(name): _shown(value) for name, value in row.items()} for row in rows]
    create_table_artifact(shown, key=key, description=title)


def _shown(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.{_DIGITS}g}") if math.isfinite(value) else None
    return value
