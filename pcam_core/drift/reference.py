"""What is kept of the training patches to compare later ones with."""

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, fields
from itertools import compress
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from pcam_core.drift.gaussian import Floats, Gaussian
from pcam_core.drift.neighbours import Neighbours
from pcam_core.errors import InputError

LIMITED = ("appearance", "embedding")
"""How unusual a patch is, by its pixels (`Neighbours` of `LOOKS`) and features (`Gaussian`)."""

PLAIN = ("brightness", "haematoxylin", "eosin", "edges")
"""See `pixel_measures`."""

MEASURES = (*PLAIN, *LIMITED, "probability")
"""What is compared of every patch; the probability is the model's own."""

FILE = "model.npz"

_LEVELS = np.linspace(0, 1, 1001)
_USUAL = 0.999
_FITTED: dict[str, Any] = {"neighbours": Neighbours, "gaussian": Gaussian}


@dataclass(frozen=True)
class Reference:
    """A summary of some hundred kilobytes.

    Attributes:
        model: Hex sha256 of the `.keras` file that gave distances and probabilities.
        quantiles: By measure float64 (1001,), rising, at shares 0, .001, ... 1.
        counts: By measure, how many patches they are of.
        neighbours: Looks of training patches.
        gaussian: Of their features.
    """

    model: str
    quantiles: Mapping[str, npt.NDArray[np.float64]]
    counts: Mapping[str, int]
    neighbours: Neighbours
    gaussian: Gaussian

    def limit(self, measure: str) -> float:
        """Return up to where one of `LIMITED` is like something seen: 999 of 1,000 are below."""
        return float(np.interp(_USUAL, _LEVELS, self.quantiles[measure]))

    def unlike(self, table: pd.DataFrame) -> list[str]:
        """Return for each row in what it is unlike anything seen, with ", " between, or "".

        Args:
            table: Columns `LIMITED`.
        """
        outside = [~(table[measure] <= self.limit(measure)) for measure in LIMITED]
        return [", ".join(compress(LIMITED, row)) for row in zip(*outside, strict=True)]

    def write(self, path: Path) -> None:
        """Write an `.npz` file; equal references give equal bytes."""
        arrays: dict[str, npt.NDArray[Any]] = {
            f"quantiles_{name}": values for name, values in self.quantiles.items()
        }
        arrays |= {f"count_{name}": np.array(count) for name, count in self.counts.items()}
        for kind in _FITTED:
            fitted = vars(getattr(self, kind))
            arrays |= {f"{kind}_{name}": np.asarray(value) for name, value in fitted.items()}
        np.savez(path, allow_pickle=False, model=np.array(self.model), **arrays)


def summarise(
    model: str, values: Mapping[str, Floats], neighbours: Neighbours, gaussian: Gaussian
) -> Reference:
    """Make a reference.

    Args:
        model: Hex sha256 of the `.keras` file.
        values: By measure, of patches that need not be the same, (n,), n at least 1, finite.
        neighbours: Looks of training patches, other ones than `values` has the appearance of.
        gaussian: Of the features, likewise.
    """
    return Reference(
        model=model,
        quantiles={name: np.quantile(values[name], _LEVELS) for name in MEASURES},
        counts={name: len(values[name]) for name in MEASURES},
        neighbours=neighbours,
        gaussian=gaussian,
    )


def reference_beside(model: Path) -> Path:
    """Return where the reference of a `.keras` file lies: beside it, ending in `.npz`."""
    return model.with_suffix(".npz")


def read_reference(model: Path, sha256: str) -> Reference:
    """Read the reference beside a `.keras` file.

    Args:
        model: The file.
        sha256: Of the file.

    Raises:
        InputError: There is none, it is damaged, or it is of another model.
    """
    path = reference_beside(model)
    put = f"Put the {FILE} of its own run beside it, as {path.name}."
    try:
        with np.load(path, allow_pickle=False) as arrays:
            found = Reference(
                model=str(arrays["model"]),
                quantiles={name: arrays[f"quantiles_{name}"] for name in MEASURES},
                counts={name: int(arrays[f"count_{name}"]) for name in MEASURES},
                **{
                    kind: fitted(
                        **{each.name: arrays[f"{kind}_{each.name}"] for each in fields(fitted)}
                    )
                    for kind, fitted in _FITTED.items()
                },
            )
    except FileNotFoundError as error:
        raise InputError(
            f"Nothing tells what {model} was trained on: there is no {path.name}.",
            f"{put} A run of an earlier release has none: give its command again, which takes over"
            " what is finished and makes one.",
        ) from error
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise InputError(f"{path} cannot be read ({error}).", put) from error
    if found.model != sha256:
        raise InputError(f"{path} belongs to another model than {model}.", put)
    return found
