"""What every source of patches offers."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import pandas as pd
from pydantic import BaseModel, ConfigDict

from pcam_core.errors import InputError
from pcam_core.patches import Pixels, in_parallel

Part = Literal["train", "test"]
"""Labelled patches, and those to be predicted."""

PARTS: tuple[Part, ...] = ("train", "test")

Role = Literal["train", "validation", "test"]

_CHUNK = 1024


@dataclass(frozen=True)
class Tables:
    """The tables of a source, as it gives them: the stage `labels` checks them.

    Attributes:
        labels: Columns id and label, both text, one row a labelled patch.
        test: Ids to predict, in the order that the submission wants.
        labels_name: What messages call the first table.
        test_name: What messages call the second.
        slides: Id to slide, for the patches whose slide is known.
        slides_name: Where that is known from; "" if from nowhere.
        roles: Id to the role of a published split; empty where none is published. Patches of
            the role "test" may be among those to predict, too.
        promised: How many patches of each part the source says that it has.
    """

    labels: pd.DataFrame
    test: Sequence[str]
    labels_name: str
    test_name: str
    slides: Mapping[str, str] = field(default_factory=dict)
    slides_name: str = ""
    roles: Mapping[str, Role] = field(default_factory=dict)
    promised: Mapping[Part, int] = field(default_factory=dict)


class Dataset(BaseModel, ABC):
    """Patches with their tables, wherever they lie.

    Attributes:
        address: What the user calls it.
        key: Hex sha256 of its content.
    """

    model_config = ConfigDict(frozen=True)

    address: str
    key: str

    @abstractmethod
    def tables(self) -> Tables:
        """Read the tables.

        Raises:
            InputError: One is missing or cannot be read.
        """

    @abstractmethod
    def patch_ids(self, part: Part) -> list[str]:
        """Return the sorted ids of the patches that are there."""

    @abstractmethod
    def place(self, part: Part, patch_id: str) -> str:
        """Return what messages call a patch, such as "train/<id>.tif"."""

    @abstractmethod
    def decode(self, part: Part, patch_id: str) -> Pixels:
        """Return uint8 pixels (96, 96, 3), RGB, 0..255. Threads may call this at once.

        Raises:
            ValueError: There are none; the message says why.
        """

    def patches(self, part: Part, ids: Sequence[str]) -> Iterator[Pixels]:
        """Yield the pixels of patches that the gate has let pass, in order, decoded in parallel.

        Raises:
            InputError: One has been changed or taken away since.
        """

        def accepted(patch_id: str) -> Pixels:
            try:
                return self.decode(part, patch_id)
            except ValueError as error:
                raise InputError(
                    f"{self.place(part, patch_id)} of {self.address} has changed during the run"
                    f" ({error}).",
                    "Put it back, then run again.",
                ) from error

        return in_parallel(accepted, ids, _CHUNK)
