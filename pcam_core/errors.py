"""The one error that a user can mend."""


class InputError(Exception):
    """Data, configuration or a place to write to is wrong; never retried.

    Args:
        problem: One sentence that names the item.
        remedy: One sentence that says what to do about it.
    """

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(problem, remedy)
        self.problem = problem
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.problem} {self.remedy}"
