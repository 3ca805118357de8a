"""The one error that a user can mend."""

from collections.abc import Iterable, Sequence


class InputError(Exception):
    """Data, configuration or a place to write to is wrong; never retried.

    Args:
        problem: One sentence that names the item.
        remedy: One sentence that says what to do about it.
        items: All wrong items, of which the problem may name only the first.
    """

    def __init__(self, problem: str, remedy: str, items: Sequence[str] = ()) -> None:
        super().__init__(problem, remedy)
        self.problem = problem
        self.remedy = remedy
        self.items = list(items)

    def __str__(self) -> str:
        return f"{self.problem} {self.remedy}"


def raise_together(errors: Iterable[InputError]) -> None:
    """Raise all errors as one, so that they can be mended in one go; return if there are none."""
    found = list(errors)
    if found:
        problems = dict.fromkeys(error.problem for error in found)
        remedies = dict.fromkeys(error.remedy for error in found)
        items = [item for error in found for item in error.items]
        raise InputError(" ".join(problems), " ".join(remedies), items)
