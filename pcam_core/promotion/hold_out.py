"""A version of the hold-out: the ids that competing models are measured on, and never see."""

import gzip
from pathlib import Path

import pandas as pd
from pydantic import BaseModel, ConfigDict

from pcam_core.promotion.related import related

FILE = "hold-out.csv.gz"


class HoldOut(BaseModel):
    """One version of the hold-out.

    Attributes:
        version: 1, 2, ...; each holds all ids of the one before.
        key: Hex sha256 of the file.
        data: Addresses of all data that it was drawn from.
        path: A file of the columns id and held_out (0 or 1): the labelled patches that were there
            when this version was drawn, or before. What is not held out may have been trained on
            since. Patches that are neither, as they share pixels with the hold-out, are left out.
    """

    model_config = ConfigDict(frozen=True)

    version: int
    key: str
    data: tuple[str, ...]
    path: Path

    def ids(self) -> set[str]:
        """Return the ids that are held out."""
        table = self._table()
        return set(table.loc[table["held_out"] == 1, "id"])

    def trainable(self) -> set[str]:
        """Return the ids that may have been trained on."""
        table = self._table()
        return set(table.loc[table["held_out"] == 0, "id"])

    def measured(self, table: pd.DataFrame, pairs: pd.DataFrame) -> set[str]:
        """Return the ids that models can be measured on.

        Later patches or a map of slides may tell that something held out belongs to what a model
        has been trained on; it stays out of training, and judges nobody any more.

        Args:
            table, pairs: See `related`.
        """
        return self.ids() - related(self.trainable(), table, pairs)

    def _table(self) -> pd.DataFrame:
        return pd.read_csv(self.path, dtype={"id": str}, keep_default_na=False)


def write_hold_out(path: Path, ids: set[str], trainable: set[str]) -> None:
    """Write the file of a version; equal ids give equal bytes."""
    rows = [(patch_id, int(patch_id in ids)) for patch_id in sorted(ids | trainable)]
    text = pd.DataFrame(rows, columns=["id", "held_out"]).to_csv(index=False)
    path.write_bytes(gzip.compress(text.encode(), mtime=0))
