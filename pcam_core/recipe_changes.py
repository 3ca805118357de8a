"""Changes to a recipe, as they are typed."""

import tomllib
from collections.abc import Sequence
from typing import Any

from pcam_core.errors import InputError


def parse_changes(assignments: Sequence[str]) -> dict[str, Any]:
    """Read "section.field=value" texts; a value is TOML, or else plain text; "" is None.

    Raises:
        InputError: A text has no "=".

    Example:
        >>> parse_changes(["final.training.epochs=3", "tune.model=winner"])
        {'final.training.epochs': 3, 'tune.model': 'winner'}
    """
    changes = {}
    for text in assignments:
        field, equals, value = text.partition("=")
        if not equals:
            raise InputError(f"{text!r} sets nothing.", "Write --set section.field=value.")
        try:
            changes[field.strip()] = tomllib.loads(f"value = {value}")["value"] if value else None
        except tomllib.TOMLDecodeError:
            changes[field.strip()] = value
    return changes
