"""Options that several commands have."""

from pathlib import Path
from typing import Annotated

import typer

Out = Annotated[
    Path,
    typer.Option(help="Folder of artifacts, embedded database and default object store."),
]
Store = Annotated[
    str | None,
    typer.Option(
        envvar="PCAM_OBJECT_STORE",
        help="Where products are uploaded: s3://bucket/prefix (any endpoint; boto3's usual"
        " variables) or a folder. Default: OUT/object-store.",
    ),
]
Data = Annotated[
    list[str],
    typer.Option(
        help="Where the patches are: a folder in Kaggle's layout (train_labels.csv,"
        " train/ID.tif, test/ID.tif), the competition's .zip, a folder of PCam's .h5 or .h5.gz"
        " files, s3://bucket/prefix with any of these, or synth:train=800,test=160,seed=42. Give"
        " it several times for the union. A slide map (patch_id_wsi_full.csv) keeps slides on one"
        " side of every split; without one, overlapping patches are found by their pixels."
    ),
]
Home = Annotated[Path, typer.Option(help="Folder of the service's databases, logs and runs.")]
Runs = Annotated[
    Path | None,
    typer.Option(
        help="Folder of the runs and their registry. Default: those of the service in --home, or"
        " pcam-runs where there is none. MLFLOW_TRACKING_URI names another registry.",
        show_default=False,
    ),
]
Changes = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="SECTION.FIELD=VALUE",
        help="Change a field of the recipe; may be repeated.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
