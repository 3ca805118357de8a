"""Load the label table and check that every label has its patch and every patch its label."""

from collections.abc import Collection, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from pcam_core.artifact import Artifact
from pcam_core.datasets.dataset import Dataset, Part, Tables
from pcam_core.errors import InputError
from pcam_core.listing import count, listing
from pcam_core.stage import stage
from pcam_core.validation.check import Check, write_checks
from pcam_core.validation.expectations import Expected, Suite

_ID = r"\A[A-Za-z0-9_-][A-Za-z0-9._-]*\Z"
_COLUMNS = ["id", "label"]


@stage()
def labels(folder: Path, *, data: Dataset) -> dict[str, Any]:
    """Write `train.csv` (id, label, slide, published), `test.csv` (id) and `expectations.json`.

    Ids are text. Slide and published role are empty where the data does not tell them. Test ids
    stand in the order that the submission wants. Rows that are faulty, doubled or without a file
    are left out of the tables and named by the checks: nothing is opened by an unfit id, and
    `stop_at_errors` ends the run.

    Raises:
        InputError: A table cannot be read or has other columns.
    """
    tables = data.tables()
    columns, *suites = label_suites(tables)
    checks = columns.check()
    if not checks[0].passed:
        raise InputError(checks[0].problem, checks[0].remedy)
    checks += [check for suite in suites for check in suite.check()]
    files: dict[Part, set[str]] = {part: set(data.patch_ids(part)) for part in ("train", "test")}
    ids: dict[Part, Collection[str]] = {"train": tables.labels["id"], "test": tables.test}
    names: dict[Part, str] = {"train": tables.labels_name, "test": tables.test_name}
    for part, name in names.items():
        checks += _matched(ids[part], files[part], name, data, part)
    both = _in_both(tables)
    checks.append(_told_of_both(both))
    write_checks(folder, checks)

    train = tables.labels[tables.labels["label"].isin(["0", "1"])]
    train = _sound(train, files["train"])
    train = train[~train["id"].isin(both)].astype({"label": "int64"})
    train["slide"] = [tables.slides.get(patch_id, "") for patch_id in train["id"]]
    train["published"] = [tables.roles.get(patch_id, "") for patch_id in train["id"]]
    train.to_csv(folder / "train.csv", index=False)
    test = _sound(pd.DataFrame({"id": tables.test}, dtype=str), files["test"])
    test.to_csv(folder / "test.csv", index=False)
    return {
        "train": len(train),
        "positive": int(train["label"].sum()),
        "test": len(test),
        "slides_from": tables.slides_name,
        "without_slide": int((train["slide"] == "").sum()),
        "promised": dict(tables.promised),
        "errors": [check.meaning for check in checks if not check.passed],
    }


def label_suites(tables: Tables) -> list[Suite]:
    """Return what is expected of the label table's columns, of its rows, and of test ids."""
    name = tables.labels_name
    test = pd.DataFrame({"id": tables.test}, dtype=str)
    return [
        Suite(
            name,
            tables.labels,
            [
                Expected(
                    "the columns are id and label",
                    "error",
                    "ExpectTableColumnsToMatchOrderedList",
                    {"column_list": _COLUMNS},
                    remedy=f"It needs exactly these: {', '.join(_COLUMNS)}.",
                    problem=lambda _: f"{name} has the columns {listing(tables.labels.columns)}.",
                )
            ],
        ),
        Suite(
            name,
            tables.labels,
            [
                *_of_ids(name),
                Expected(
                    "every label is 0 or 1",
                    "error",
                    "ExpectColumnValuesToBeInSet",
                    {"column": "label", "value_set": ["0", "1"]},
                    remedy="Write 1 for tumour in the centre, 0 for none.",
                    name=_labelled,
                    problem=lambda rows: (
                        f"{name} has {count(rows, 'label')} other than 0 and 1: {listing(rows)}."
                    ),
                ),
                Expected(
                    "both labels occur",
                    "error",
                    "ExpectColumnDistinctValuesToContainSet",
                    {"column": "label", "value_set": ["0", "1"]},
                    remedy="Add patches of the other class: a classifier needs both.",
                    problem=lambda _: _one_class(tables),
                ),
                *_promise(name, tables, "train"),
            ],
        ),
        Suite(
            tables.test_name,
            test,
            [*_of_ids(tables.test_name), *_promise(tables.test_name, tables, "test")],
        ),
    ]


def _of_ids(name: str) -> Iterator[Expected]:
    yield Expected(
        "every id is fit as a file name",
        "error",
        "ExpectColumnValuesToMatchRegex",
        {"column": "id", "regex": _ID},
        remedy="An id is a patch's file name without its ending: letters, digits, '.', '_', '-'.",
        name=lambda rows: list(dict.fromkeys(map(repr, rows["id"]))),
        problem=lambda ids: f"{name} has {count(ids, 'id')} unfit as a file name: {listing(ids)}.",
    )
    yield Expected(
        "every id stands once",
        "error",
        "ExpectColumnValuesToBeUnique",
        {"column": "id"},
        remedy="Keep one row an id.",
        name=lambda rows: sorted(set(rows["id"])),
        problem=lambda ids: f"{name} names {count(ids, 'id')} more than once: {listing(ids)}.",
    )


def _promise(name: str, tables: Tables, part: Part) -> Iterator[Expected]:
    rows = tables.promised.get(part)
    found = len(tables.labels) if part == "train" else len(tables.test)
    if rows is not None:
        yield Expected(
            f"there are {rows:,} rows, as the source promises",
            "error",
            "ExpectTableRowCountToEqual",
            {"value": rows},
            remedy="Get it again from where it came from: rows are missing or too many.",
            problem=lambda _: f"{name} has {found:,} rows, but the source promises {rows:,}.",
        )


def _labelled(rows: pd.DataFrame) -> list[str]:
    pairs = zip(rows["id"], rows["label"], strict=True)
    return [f"{patch_id} ({label or 'empty'})" for patch_id, label in pairs]


def _one_class(tables: Tables) -> str:
    found = sorted(set(tables.labels["label"]) & {"0", "1"})
    if not found:
        return f"No label of {tables.labels_name} is 0 or 1."
    return f"All {len(tables.labels):,} labels of {tables.labels_name} are {found[0]}."


def _matched(
    named: Iterable[str], present: set[str], table: str, data: Dataset, part: Part
) -> Iterator[Check]:
    """What a table names and a part lacks, and the other way round; malformed ids aside."""
    rows = pd.Series(list(named), dtype=str).drop_duplicates()
    missing = sorted(set(rows[rows.str.fullmatch(_ID)]) - present)
    extra = sorted(present.difference(rows))
    of = partial(Check, table, severity="error")
    yield of(
        f"every id has its file in {part}",
        passed=not missing,
        observed=_none_or(missing, f"all {len(rows):,}"),
        problem=f"{part} has no file for {count(missing, 'id')} of {table}: {listing(missing)}."
        if missing
        else "",
        remedy=f"Add {data.place(part, '<id>')} for them or remove their rows." if missing else "",
        items=missing,
    )
    yield of(
        f"every file in {part} has its row",
        passed=not extra,
        observed=_none_or(extra, f"all {len(present):,}"),
        problem=f"{table} has no row for {count(extra, 'file')} in {part}: {listing(extra)}."
        if extra
        else "",
        remedy="Add their rows or move the files away." if extra else "",
        items=extra,
    )


def _in_both(tables: Tables) -> list[str]:
    shared = set(tables.labels["id"]).intersection(tables.test)
    return sorted(patch_id for patch_id in shared if tables.roles.get(patch_id) != "test")


def _told_of_both(both: list[str]) -> Check:
    return Check(
        "train and test",
        "no id is in both, but those of a published test",
        "error",
        not both,
        _none_or(both, "none"),
        f"The parts train and test share {count(both, 'id')}: {listing(both)}." if both else "",
        "Keep each in one of them: a test that was trained on measures nothing." if both else "",
        both,
    )


def _none_or(items: list[str], otherwise: str) -> str:
    return f"{count(items, 'id')} otherwise" if items else otherwise


def _sound(table: pd.DataFrame, present: set[str]) -> pd.DataFrame:
    """Return the rows whose id is fit, stands once and has a file."""
    fit = table["id"].str.fullmatch(_ID) & table["id"].isin(present)
    return table[fit & ~table["id"].duplicated(keep=False)].copy()


def read_ids(artifact: Artifact, part: Part) -> pd.DataFrame:
    """Return the table `train` or `test` that `labels` wrote, ids and slides as text."""
    types = {"id": str, "slide": str, "published": str}
    path = artifact.path / f"{part}.csv"
    # An id may be called "NA" or "null".
    return pd.read_csv(path, dtype=types, keep_default_na=False)
