"""Load the label table and check that every label has its patch and every patch its label."""

import re
from pathlib import Path
from typing import Any

import pandas as pd

from pcam_core.artifact import Artifact
from pcam_core.errors import InputError
from pcam_core.listing import listing
from pcam_core.raw_data import GROUP_MAPS, LABELS, SAMPLE_SUBMISSION, SUFFIX, RawData
from pcam_core.stage import stage

_ID = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*")


@stage()
def labels(folder: Path, *, data: RawData) -> dict[str, Any]:
    """Write `train.csv` (id, label, group) and `test.csv` (id), both as text ids.

    The group is the patch's slide or overlap group where the data has a map, else the
    patch's own id. Test ids stand in the order of the sample submission where there is one.

    Raises:
        InputError: A table or a patch is missing, doubled or malformed; all such items are
            named at once.
    """
    train = _read(data.path / LABELS, ["id", "label"])
    _check_ids(train["id"], LABELS)
    _check_labels(train)
    _check_same(set(train["id"]), set(data.patch_ids("train")), LABELS, "train")
    test = _test_ids(data)
    both = sorted(set(train["id"]) & set(test))
    if both:
        raise InputError(
            f"{len(both):,} test patches are training patches too: {listing(both)}.",
            "Remove them from one of the two folders: a test that was trained on measures nothing.",
        )
    groups, source = _groups(data)
    train["group"] = [groups.get(patch_id, patch_id) for patch_id in train["id"]]
    unmapped = int((~train["id"].isin(groups)).sum()) if source else 0
    train.to_csv(folder / "train.csv", index=False)
    pd.DataFrame({"id": test}).to_csv(folder / "test.csv", index=False)
    return {
        "train": len(train),
        "positive": int(train["label"].sum()),
        "test": len(test),
        "groups": int(train["group"].nunique()),
        "group_source": source,
        "unmapped": unmapped,
    }


def _read(path: Path, columns: list[str]) -> pd.DataFrame:
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, index_col=False)
    except (pd.errors.EmptyDataError, pd.errors.ParserError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path.name} cannot be read as CSV ({error}).",
            f"Write it as UTF-8 CSV with the columns {', '.join(columns)}.",
        ) from error
    if list(table.columns) != columns:
        raise InputError(
            f"{path.name} has the columns {listing(table.columns)}.",
            f"It needs exactly these: {', '.join(columns)}.",
        )
    if table.empty:
        raise InputError(f"{path.name} has no rows.", "Give at least one row a patch.")
    return table


def _check_ids(ids: "pd.Series[str]", name: str) -> None:
    wrong = [value for value in ids if not _ID.fullmatch(value)]
    if wrong:
        raise InputError(
            f"{name} has {len(wrong):,} ids that are no file names: {listing(wrong)}.",
            f"An id is a patch's file name without {SUFFIX}: letters, digits, '.', '_', '-'.",
        )
    doubled = sorted(ids[ids.duplicated()].unique())
    if doubled:
        raise InputError(
            f"{name} names {len(doubled):,} ids more than once: {listing(doubled)}.",
            "Keep one row an id.",
        )


def _check_labels(train: pd.DataFrame) -> None:
    wrong = train[~train["label"].isin(["0", "1"])]
    if len(wrong):
        pairs = zip(wrong["id"], wrong["label"], strict=True)
        rows = [f"{patch_id} ({label or 'empty'})" for patch_id, label in pairs]
        raise InputError(
            f"{LABELS} has {len(wrong):,} labels other than 0 and 1: {listing(rows)}.",
            "Write 1 for tumour in the centre, 0 for none.",
        )
    train["label"] = train["label"].astype("int64")
    if train["label"].nunique() < 2:
        raise InputError(
            f"All {len(train):,} labels are {train['label'].iloc[0]}.",
            "A classifier needs patches of both classes.",
        )


def _check_same(named: set[str], present: set[str], table: str, part: str) -> None:
    missing, extra = sorted(named - present), sorted(present - named)
    if missing:
        raise InputError(
            f"{len(missing):,} ids of {table} have no file in {part}: {listing(missing)}.",
            f"Add {part}/<id>{SUFFIX} for them or remove their rows.",
        )
    if extra:
        raise InputError(
            f"{len(extra):,} files in {part} have no row in {table}: {listing(extra)}.",
            "Add their rows or move the files away.",
        )


def _test_ids(data: RawData) -> list[str]:
    present = data.patch_ids("test")
    sample = data.path / SAMPLE_SUBMISSION
    if not sample.is_file():
        return present
    ids = _read(sample, ["id", "label"])["id"]
    _check_ids(ids, SAMPLE_SUBMISSION)
    _check_same(set(ids), set(present), SAMPLE_SUBMISSION, "test")
    return list(ids)


def read_ids(artifact: Artifact, part: str) -> pd.DataFrame:
    """Return the table `train` or `test` that `labels` wrote, ids and groups as text."""
    types = {"id": str, "group": str}
    path = artifact.path / f"{part}.csv"
    # An id may be called "NA" or "null".
    return pd.read_csv(path, dtype=types, keep_default_na=False)


def _groups(data: RawData) -> tuple[dict[str, str], str]:
    for name, column in GROUP_MAPS.items():
        if (data.path / name).is_file():
            table = _read(data.path / name, ["id", column])
            _check_ids(table["id"], name)
            empty = table.loc[table[column] == "", "id"]
            if len(empty):
                raise InputError(
                    f"{name} gives {len(empty):,} ids no {column}: {listing(empty)}.",
                    "Fill it in or remove the rows.",
                )
            return dict(zip(table["id"], table[column], strict=True)), name
    return {}, ""
