"""Several sources as one data set."""

import hashlib
import logging
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import TypeVar

import numpy as np
import pandas as pd

from pcam_core.datasets.dataset import PARTS, Dataset, Part, Tables
from pcam_core.errors import InputError, raise_together
from pcam_core.listing import count, listing
from pcam_core.patches import Pixels, in_parallel
from pcam_core.progress import track

logger = logging.getLogger(__name__)

_CHUNK = 1024

V = TypeVar("V", bound=str)


class DatasetUnion(Dataset):
    """All patches of several sources; one that several have counts once.

    A patch that one source has labelled is no longer to be predicted for another.

    Attributes:
        sources: Two or more, of different keys and in their order.
        key: Hex sha256 over the keys of the sources.
    """

    sources: tuple[Dataset, ...]

    def tables(self) -> Tables:
        """Join the tables; see `Dataset.tables`.

        Raises:
            InputError: An id has two labels, slides or published roles, or two pictures. All such
                ids are named at once.
        """
        tables = {source.address: source.tables() for source in self.sources}
        labels = {name: dict(_pairs(t.labels)) for name, t in tables.items()}
        slides, roles = (
            {name: getattr(t, field) for name, t in tables.items()} for field in ("slides", "roles")
        )
        raise_together(
            (
                *_disagreeing("label", labels),
                *_disagreeing("slide", slides),
                *_disagreeing("published role", roles),
                *self._differing(),
            )
        )
        taken_over = _taken_over(self)
        if taken_over:
            logger.info(
                "Labelled by now, so trained on and no longer predicted: %s (%s).",
                count(taken_over, "id"),
                listing(sorted(taken_over)),
            )
        return Tables(
            labels=_joined([t.labels for t in tables.values()]),
            test=[i for i in _unseen([t.test for t in tables.values()]) if i not in taken_over],
            labels_name=_names({name: t.labels_name for name, t in tables.items()}),
            test_name=_names({name: t.test_name for name, t in tables.items()}),
            slides=_merged(slides),
            slides_name=_names({name: t.slides_name for name, t in tables.items()}),
            roles=_merged(roles),
            promised=self._promised(list(tables.values())),
        )

    def patch_ids(self, part: Part) -> list[str]:
        """Return the sorted ids of all sources."""
        return sorted(_homes(self, part))

    def place(self, part: Part, patch_id: str) -> str:
        """Return what the patch's source calls it."""
        return self._home(part, patch_id).place(part, patch_id)

    def decode(self, part: Part, patch_id: str) -> Pixels:
        """Decode the patch in the first source that has it; see `Dataset.decode`."""
        return self._home(part, patch_id).decode(part, patch_id)

    def _home(self, part: Part, patch_id: str) -> Dataset:
        return self.sources[_homes(self, part).get(patch_id, 0)]

    def _promised(self, tables: Sequence[Tables]) -> dict[Part, int]:
        """Sum the promises, if all sources promise, and take off what several have."""
        promised = {}
        for part in PARTS:
            if all(part in table.promised for table in tables):
                total = sum(table.promised[part] for table in tables)
                there = sum(len(source.patch_ids(part)) for source in self.sources)
                promised[part] = total - (there - len(self.patch_ids(part)))
        return promised

    def _differing(self) -> Iterator[InputError]:
        """Compare the pixels of ids that several sources have."""

        def pixels(source: Dataset, part: Part, patch_id: str) -> Pixels | None:
            try:
                return source.decode(part, patch_id)
            except ValueError:  # where no source has it whole, the gate names it
                return None

        def differs(shared: tuple[Part, str]) -> bool:
            first, *others = (pixels(*holder, shared[1]) for holder in held[shared])
            return not all(_same(first, other) for other in others)

        taken_over = _taken_over(self)
        held: dict[tuple[Part, str], list[tuple[Dataset, Part]]] = defaultdict(list)
        for source in self.sources:
            for part in PARTS:
                for patch_id in source.patch_ids(part):
                    now: Part = "train" if patch_id in taken_over else part
                    held[now, patch_id].append((source, part))
        shared = sorted(key for key, holders in held.items() if len(holders) > 1)
        compared = in_parallel(differs, shared, _CHUNK)
        verdicts = zip(shared, track(compared, "Compare sources", len(shared)), strict=True)
        wrong = [f"{part}/{patch_id}" for (part, patch_id), unlike in verdicts if unlike]
        if wrong:
            yield InputError(
                f"{count(wrong, 'id')} of {self.address} stand for different pictures, or for one"
                f" that only one source has whole: {listing(wrong)}.",
                "Give different patches different ids, or leave one source out.",
                wrong,
            )


def unite(sources: Sequence[Dataset]) -> Dataset:
    """Return the union of sources; of equal ones (by key), and of one alone, that one itself.

    The order of the sources does not count.
    """
    by_key = {source.key: source for source in sorted(sources, key=lambda s: s.address)}
    chosen = tuple(by_key[key] for key in sorted(by_key))
    if len(chosen) == 1:
        return chosen[0]
    return DatasetUnion(
        address=", ".join(sorted(source.address for source in chosen)),
        key=hashlib.sha256("\n".join(sorted(by_key)).encode()).hexdigest(),
        sources=chosen,
    )


@lru_cache(maxsize=8)
def _homes(union: DatasetUnion, part: Part) -> dict[str, int]:
    """Return the number of the first source of each id."""
    homes: dict[str, int] = {}
    labelled = _taken_over(union) if part == "test" else frozenset()
    for number, source in enumerate(union.sources):
        for patch_id in source.patch_ids(part):
            if patch_id not in labelled:
                homes.setdefault(patch_id, number)
    return homes


@lru_cache(maxsize=8)
def _taken_over(union: DatasetUnion) -> frozenset[str]:
    """Return the ids that one source is to predict and another has labelled.

    Those that a source has both labelled and to be predicted are a published test.
    """
    labelled, asked = ([set(source.patch_ids(part)) for source in union.sources] for part in PARTS)
    published = set().union(*(ids & of_test for ids, of_test in zip(labelled, asked, strict=True)))
    return frozenset(set().union(*labelled) & set().union(*asked) - published)


def _same(one: Pixels | None, other: Pixels | None) -> bool:
    if one is None or other is None:
        return one is other
    return np.array_equal(one, other)


def _pairs(labels: pd.DataFrame) -> Iterator[tuple[str, str]]:
    return zip(labels["id"], labels["label"], strict=True)


def _disagreeing(what: str, values: Mapping[str, Mapping[str, str]]) -> Iterator[InputError]:
    """Name the ids to which sources give different values."""
    first: dict[str, tuple[str, str]] = {}
    wrong = []
    for name, of_id in values.items():
        for patch_id, value in of_id.items():
            before, where = first.setdefault(patch_id, (value, name))
            if before != value:
                wrong.append(f"{patch_id} ({before} in {where}, {value} in {name})")
    if wrong:
        yield InputError(
            f"The sources disagree about the {what} of {count(wrong, 'id')}: {listing(wrong)}.",
            "Make them agree, or leave one source out.",
            wrong,
        )


def _joined(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Join tables; rows that one table itself doubles stay, to be complained of."""
    kept: list[pd.DataFrame] = []
    seen: set[str] = set()
    for table in tables:
        kept.append(table[~table["id"].isin(seen)])
        seen |= set(table["id"])
    return pd.concat(kept, ignore_index=True)


def _unseen(lists: Sequence[Sequence[str]]) -> list[str]:
    seen: set[str] = set()
    joined: list[str] = []
    for ids in lists:
        joined += [patch_id for patch_id in ids if patch_id not in seen]
        seen |= set(ids)
    return joined


def _merged(values: Mapping[str, Mapping[str, V]]) -> dict[str, V]:
    return {patch_id: value for of_id in values.values() for patch_id, value in of_id.items()}


def _names(names: Mapping[str, str]) -> str:
    told = [f"{name} of {address}" for address, name in names.items() if name]
    return " and ".join(told)
