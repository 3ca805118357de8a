"""Getting, making and checking data."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from deployments.cli.failures import RESUMES, explained
from deployments.cli.options import AsJson, Data, Out


def validate(
    data: Data,
    recipe: Annotated[
        str, typer.Option(help="Whose section \\[gate] counts: a shipped recipe or a .toml file.")
    ] = "notebook",
    out: Out = Path("pcam-runs"),
    changes: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="gate.FIELD=VALUE", help="Change what is expected; may be repeated."
        ),
    ] = None,
    data_docs: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Write Great Expectations' Data Docs there too. Their pages fetch their style"
            " from the network; validation.html loads nothing.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check labels and patches as training does first, and show what is wrong or odd.

    Writes a page with every kind of rejected or suspicious patch, a table of all of them and
    JSON. Training takes over what was checked. Exit code 2 if something would stop it.

    Example: `pcam validate --data kaggle --set gate.max_unreadable_share=0`
    """
    from deployments.validation import run_validation
    from pcam_core.recipe_changes import parse_changes

    with explained(*RESUMES):
        fields = parse_changes(changes or [])
        run_validation(data, recipe, out, fields, data_docs, as_json=as_json)


def synth(
    out: Annotated[Path, typer.Argument(help="New folder.")],
    train: Annotated[int, typer.Option(min=1, help="Labelled patches.")] = 1000,
    test: Annotated[int, typer.Option(min=1, help="Unlabelled patches.")] = 200,
    seed: Annotated[int, typer.Option(min=0, help="Equal seeds give equal patches.")] = 42,
) -> None:
    """Write generated H&E-like patches in Kaggle's layout.

    A patch is positive if and only if tumour touches its centre 32x32 pixels, as in PCam.
    """
    from rich.console import Console

    from deployments.terminal import progress_on_terminal
    from pcam_core.synth import write_dataset

    with explained(), progress_on_terminal(Console(stderr=True)):
        write_dataset(out, train=train, test=test, seed=seed)
        typer.echo(f"{train:,} labelled and {test:,} unlabelled patches in {out}")


def fetch(
    source: Annotated[
        Literal["kaggle", "pcam", "weights"],
        typer.Option(
            help="kaggle: *Histopathologic Cancer Detection* (16 GB while it unpacks, 8 GB in the"
            " end), with your Kaggle account. pcam: the nine files of PatchCamelyon (8 GB)."
            " weights: ESRGAN's and ImageNet's, for machines without a connection."
        ),
    ],
    out: Annotated[Path, typer.Option(help="Where it goes: a new folder, or one to go on with.")],
) -> None:
    """Download public data or weights: complete and checked, or not at all.

    Interrupted? Give the same command again and it goes on where it stopped; where everything is
    there it returns at once. Licences are shown.

    Kaggle wants a token (https://www.kaggle.com/settings/api) in KAGGLE_API_TOKEN or
    ~/.kaggle/access_token, or a legacy kaggle.json, and the competition's rules accepted once.

    Example: `pcam fetch --source pcam --out pcam-data`, then `pcam train --data pcam-data`
    """
    from deployments.fetching import fetch_source

    with explained():
        fetch_source(source, out)
