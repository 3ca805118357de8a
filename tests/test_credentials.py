import pytest

from pcam_core.credentials import without_credentials


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("http://user:pass@host:4200/api", "http://host:4200/api"),
        ("postgresql://user:p@ss@host/db", "postgresql://host/db"),
        (
            "no answer from http://u:p@host, nor https://token@other",
            "no answer from http://host, nor https://other",
        ),
        ("sqlite:////mnt/a@b/mlflow.db", "sqlite:////mnt/a@b/mlflow.db"),
        ("write to a@b.example", "write to a@b.example"),
    ],
)
def test_what_is_shown_of_an_address(text, shown):
    assert without_credentials(text) == shown
