"""Load the label table and check that every label has its patch and every patch its label."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from pcam_core.artifact import Artifact
from pcam_core.datasets import Dataset, Part, Tables
from pcam_core.errors import InputError, raise_together
from pcam_core.listing import count, listing
from pcam_core.stage import stage

_ID = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*")


@stage()
def labels(folder: Path, *, data: Dataset) -> dict[str, Any]:
    """Write `train.csv` (id, label, slide, published) and `test.csv` (id), ids as text.

    Slide and published role are empty where the data does not tell them. Test ids stand in the
    order that the submission wants.

    Raises:
        InputError: A table or a patch is missing, doubled or malformed; all such items are
            named at once.
    """
    tables = data.tables()
    train, test = tables.labels.copy(), list(tables.test)
    raise_together(
        (
            *_wrong_ids(train["id"], tables.labels_name),
            *_wrong_ids(test, tables.test_name),
            *_wrong_labels(train, tables.labels_name),
            *_unlike(train["id"], data.patch_ids("train"), tables.labels_name, data, "train"),
            *_unlike(test, data.patch_ids("test"), tables.test_name, data, "test"),
            *_in_both(train["id"], test, tables),
        )
    )
    train["label"] = train["label"].astype("int64")
    train["slide"] = [tables.slides.get(patch_id, "") for patch_id in train["id"]]
    train["published"] = [tables.roles.get(patch_id, "") for patch_id in train["id"]]
    train.to_csv(folder / "train.csv", index=False)
    pd.DataFrame({"id": test}).to_csv(folder / "test.csv", index=False)
    return {
        "train": len(train),
        "positive": int(train["label"].sum()),
        "test": len(test),
        "slides_from": tables.slides_name,
        "without_slide": int((train["slide"] == "").sum()),
        "promised": dict(tables.promised),
    }


def _wrong_ids(ids: Iterable[str], name: str) -> Iterator[InputError]:
    counts = Counter(ids)
    wrong = [repr(patch_id) for patch_id in counts if not _ID.fullmatch(patch_id)]
    if wrong:
        yield InputError(
            f"{name} has {count(wrong, 'id')} unfit as a file name: {listing(wrong)}.",
            "An id is a patch's file name without its ending: letters, digits, '.', '_', '-'.",
            wrong,
        )
    doubled = sorted(patch_id for patch_id, rows in counts.items() if rows > 1)
    if doubled:
        yield InputError(
            f"{name} names {count(doubled, 'id')} more than once: {listing(doubled)}.",
            "Keep one row an id.",
            doubled,
        )


def _wrong_labels(train: pd.DataFrame, name: str) -> Iterator[InputError]:
    wrong = train[~train["label"].isin(["0", "1"])]
    if len(wrong):
        pairs = zip(wrong["id"], wrong["label"], strict=True)
        rows = [f"{patch_id} ({label or 'empty'})" for patch_id, label in pairs]
        yield InputError(
            f"{name} has {count(rows, 'label')} other than 0 and 1: {listing(rows)}.",
            "Write 1 for tumour in the centre, 0 for none.",
            rows,
        )
    elif train["label"].nunique() < 2:
        yield InputError(
            f"All {len(train):,} labels of {name} are {train['label'].iloc[0]}.",
            "Add patches of the other class: a classifier needs both.",
        )


def _unlike(
    named: Iterable[str], present: Iterable[str], table: str, data: Dataset, part: Part
) -> Iterator[InputError]:
    """What a table names and a part lacks, and the other way round; malformed ids aside."""
    missing = sorted(filter(_ID.fullmatch, set(named).difference(present)))
    if missing:
        yield InputError(
            f"{part} has no file for {count(missing, 'id')} of {table}: {listing(missing)}.",
            f"Add {data.place(part, '<id>')} for them or remove their rows.",
            missing,
        )
    extra = sorted(set(present).difference(named))
    if extra:
        yield InputError(
            f"{table} has no row for {count(extra, 'file')} in {part}: {listing(extra)}.",
            "Add their rows or move the files away.",
            extra,
        )


def _in_both(train: Iterable[str], test: Iterable[str], tables: Tables) -> Iterator[InputError]:
    shared = set(train).intersection(test)
    both = sorted(patch_id for patch_id in shared if tables.roles.get(patch_id) != "test")
    if both:
        yield InputError(
            f"The parts train and test share {count(both, 'id')}: {listing(both)}.",
            "Keep each in one of them: a test that was trained on measures nothing.",
            both,
        )


def read_ids(artifact: Artifact, part: Part) -> pd.DataFrame:
    """Return the table `train` or `test` that `labels` wrote, ids and slides as text."""
    types = {"id": str, "slide": str, "published": str}
    path = artifact.path / f"{part}.csv"
    # An id may be called "NA" or "null".
    return pd.read_csv(path, dtype=types, keep_default_na=False)
