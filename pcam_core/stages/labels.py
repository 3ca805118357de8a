"""Load the label table and check that every label has its patch and every patch its label."""

import re
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from pcam_core.artifact import Artifact
from pcam_core.errors import InputError, raise_together
from pcam_core.listing import count, listing
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
    test = _test_ids(data)
    groups, source = _groups(data)
    raise_together(
        (
            *_wrong_ids(train["id"], LABELS),
            *_wrong_labels(train),
            *_unlike(train["id"], data.patch_ids("train"), LABELS, "train"),
            *_unlike(test, data.patch_ids("test"), SAMPLE_SUBMISSION, "test"),
            *_in_both(train["id"], test),
        )
    )
    train["label"] = train["label"].astype("int64")
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
    with warnings.catch_warnings():
        # Pandas drops a value too many in every row and only warns of it.
        warnings.simplefilter("error", pd.errors.ParserWarning)
        try:
            table = pd.read_csv(path, dtype=str, keep_default_na=False, index_col=False)
        except pd.errors.ParserWarning as error:
            raise InputError(
                f"{path.name} has more values in a row than columns.",
                f"It needs exactly these: {', '.join(columns)}.",
            ) from error
        except (pd.errors.EmptyDataError, pd.errors.ParserError, UnicodeDecodeError) as error:
            raise InputError(
                f"{path.name} cannot be read as CSV ({str(error).strip()}).",
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


def _wrong_ids(ids: Iterable[str], name: str) -> Iterator[InputError]:
    counts = Counter(ids)
    wrong = [repr(patch_id) for patch_id in counts if not _ID.fullmatch(patch_id)]
    if wrong:
        yield InputError(
            f"{name} has {count(wrong, 'id')} unfit as a file name: {listing(wrong)}.",
            f"An id is a patch's file name without {SUFFIX}: letters, digits, '.', '_', '-'.",
            wrong,
        )
    doubled = sorted(patch_id for patch_id, rows in counts.items() if rows > 1)
    if doubled:
        yield InputError(
            f"{name} names {count(doubled, 'id')} more than once: {listing(doubled)}.",
            "Keep one row an id.",
            doubled,
        )


def _wrong_labels(train: pd.DataFrame) -> Iterator[InputError]:
    wrong = train[~train["label"].isin(["0", "1"])]
    if len(wrong):
        pairs = zip(wrong["id"], wrong["label"], strict=True)
        rows = [f"{patch_id} ({label or 'empty'})" for patch_id, label in pairs]
        yield InputError(
            f"{LABELS} has {count(rows, 'label')} other than 0 and 1: {listing(rows)}.",
            "Write 1 for tumour in the centre, 0 for none.",
            rows,
        )
    elif train["label"].nunique() < 2:
        yield InputError(
            f"All {len(train):,} labels of {LABELS} are {train['label'].iloc[0]}.",
            "Add patches of the other class: a classifier needs both.",
        )


def _unlike(
    named: Iterable[str], present: Iterable[str], table: str, part: str
) -> Iterator[InputError]:
    """What a table names and a folder lacks, and the other way round; malformed ids aside."""
    missing = sorted(filter(_ID.fullmatch, set(named).difference(present)))
    if missing:
        yield InputError(
            f"{part} has no file for {count(missing, 'id')} of {table}: {listing(missing)}.",
            f"Add {part}/<id>{SUFFIX} for them or remove their rows.",
            missing,
        )
    extra = sorted(set(present).difference(named))
    if extra:
        yield InputError(
            f"{table} has no row for {count(extra, 'file')} in {part}: {listing(extra)}.",
            "Add their rows or move the files away.",
            extra,
        )


def _in_both(train: Iterable[str], test: Iterable[str]) -> Iterator[InputError]:
    both = sorted(set(train).intersection(test))
    if both:
        yield InputError(
            f"The folders train and test share {count(both, 'id')}: {listing(both)}.",
            "Keep each in one of them: a test that was trained on measures nothing.",
            both,
        )


def _test_ids(data: RawData) -> list[str]:
    sample = data.path / SAMPLE_SUBMISSION
    if not sample.is_file():
        return data.patch_ids("test")
    ids = list(_read(sample, ["id", "label"])["id"])
    raise_together(_wrong_ids(ids, SAMPLE_SUBMISSION))
    return ids


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
            raise_together(_wrong_ids(table["id"], name))
            empty = table.loc[table[column] == "", "id"]
            if len(empty):
                raise InputError(
                    f"{name} gives no {column} for {count(empty, 'id')}: {listing(empty)}.",
                    "Fill it in or remove the rows.",
                    list(empty),
                )
            return dict(zip(table["id"], table[column], strict=True)), name
    return {}, ""
