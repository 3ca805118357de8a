"""Telling by their names what form data files have."""

from collections.abc import Collection, Iterable
from enum import Enum

from pcam_core.datasets.kaggle_layout import LABELS, TABLES, looks_like_patch
from pcam_core.datasets.pcam_layout import pcam_name, pcam_names
from pcam_core.errors import InputError
from pcam_core.listing import listing

ZIP = ".zip"
_SHOWN = 5


class Form(Enum):
    """What a folder can hold."""

    KAGGLE = "Kaggle's layout"
    PCAM = "PCam's own files"
    ZIP = "one zip of Kaggle's layout"


def form_of(names: Collection[str], address: str) -> Form:
    """Return the form of a folder.

    Args:
        names: Names of what lies directly in it; hidden ones do not count.
        address: What messages call it.

    Raises:
        InputError: It has none of the known forms.
    """
    if LABELS in names:
        return Form.KAGGLE
    if pcam_names(names):
        return Form.PCAM
    if len(_zips(names)) == 1:
        return Form.ZIP
    shown = [repr(name) for name in sorted(names) if not name.startswith(".")]
    found = f"it holds {listing(shown, _SHOWN)}" if shown else "it is empty"
    raise InputError(
        f"{address} has no {LABELS}, no {pcam_name('*', 'x')} and not just one {ZIP}: {found}.",
        f"Put Kaggle's {LABELS} (columns id, label) beside the folders train and test, or give"
        " the competition's zip, or a folder of PCam's files.",
    )


def files_of(form: Form, names: Iterable[str]) -> list[str]:
    """Return those "/"-separated names below a folder that its form reads."""
    if form is Form.KAGGLE:
        return [name for name in names if name in TABLES or looks_like_patch(name)]
    return list(pcam_names(names).values()) if form is Form.PCAM else _zips(names)


def _zips(names: Iterable[str]) -> list[str]:
    return [n for n in names if n.endswith(ZIP) and "/" not in n and not n.startswith(".")]
