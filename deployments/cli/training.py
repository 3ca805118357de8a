"""Training and looking at models."""

from pathlib import Path
from typing import Annotated

import typer

from deployments.cli.failures import RESUMES, explained
from deployments.cli.options import AsJson, Changes, Data, Out, Store

_DEMO_PATCHES = {"train": 800, "test": 160, "seed": 42}


def demo(out: Out = Path("pcam-runs"), store: Store = None, as_json: AsJson = False) -> None:
    """Run everything on generated patches, on a CPU, in a few minutes.

    A second call finds all results and returns at once.
    """
    from deployments.training import run_training
    from pcam_core.synth import write_dataset

    with explained(*RESUMES):
        data = out / "demo-data"
        write_dataset(data, **_DEMO_PATCHES)
        run_training([str(data)], "demo", out, store, {}, as_json=as_json)


def train(
    data: Data,
    recipe: Annotated[
        str, typer.Option(help="demo, notebook, context, or the path of a .toml file.")
    ] = "notebook",
    out: Out = Path("pcam-runs"),
    store: Store = None,
    changes: Changes = None,
    dask: Annotated[
        str | None,
        typer.Option(
            envvar="PCAM_DASK",
            metavar="tcp://HOST:8786",
            help="Dask scheduler whose workers share the preparation of patches and the folds of"
            " comparison and cross-validation; they see --data and --out at the same paths."
            " Default: this machine, with all its GPUs.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Train, measure and report a classifier of the patches in a folder.

    Stages that are done already are taken from --out, also after a crash: give the same
    command again and it goes on.

    Example: `pcam train --recipe context --data kaggle --set final.training.epochs=5`
    """
    from deployments.training import run_training
    from pcam_core.recipe_changes import parse_changes

    with explained(*RESUMES):
        fields = parse_changes(changes or [])
        run_training(data, recipe, out, store, fields, as_json=as_json, dask=dask)


def explain(
    model: Annotated[
        str,
        typer.Option(
            metavar="FILE|RUN",
            help="A .keras file, or a run in --runs: its id, the beginning of one, or `latest`.",
        ),
    ],
    input_: Annotated[
        list[Path],
        typer.Option(
            "--input",
            metavar="FILES",
            help="Patches of 96x96 pixels, TIFF or PNG, or a folder of them.",
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder for explanation.html and explanation.csv.")],
    more: Annotated[
        list[Path] | None, typer.Argument(metavar="[FILES]...", help="More patches.")
    ] = None,
    runs: Annotated[Path, typer.Option(help="Folder of the runs.")] = Path("pcam-runs"),
) -> None:
    """Show what speaks for tumour in some patches: Grad-CAM and integrated gradients.

    A model file that takes other than raw patches needs the model.json of its run beside it. Maps
    show what the model looks at, not why it is right.

    Example: `pcam explain --model latest --out why --input patches/*.tif`
    """
    from deployments.explaining import explain_files

    with explained():
        explain_files(model, [*input_, *(more or [])], out, runs)


def models(as_json: AsJson = False) -> None:
    """List the networks that can be trained: parameters, input, start weights and paper."""
    from deployments.models import show_models

    with explained():
        show_models(as_json=as_json)
