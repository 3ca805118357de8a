"""What is kept of the training patches to compare later ones with."""

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from pcam_core.drift.gaussian import Floats, Gaussian
from pcam_core.errors import InputError

MEASURES = ("brightness", "haematoxylin", "eosin", "distance", "probability")
"""What is compared of every patch: see `pcam_core.drift.measures`."""

LIMITED = MEASURES[:-1]
"""Those that tell a patch which is unlike anything seen: any probability is usual."""

FILE = "model.npz"

_LEVELS = np.linspace(0, 1, 1001)
_FAR_OUT = 3.0  # boxes beyond the box, as Tukey, "Exploratory Data Analysis", 1977, calls them


@dataclass(frozen=True)
class Reference:
    """A summary of some hundred kilobytes.

    Attributes:
        model: Hex sha256 of the `.keras` file that gave distances and probabilities.
        quantiles: By measure float64 (1001,), rising, at shares 0, .001, ... 1.
        counts: By measure, how many patches they are of.
        gaussian: Of the features of training patches.
    """

    model: str
    quantiles: Mapping[str, npt.NDArray[np.float64]]
    counts: Mapping[str, int]
    gaussian: Gaussian

    def limits(self, measure: str) -> tuple[float, float]:
        """Return between which values a measure is like something seen.

        Beyond them lies what is both outside of all that was seen and far out in Tukey's sense.
        """
        seen = self.quantiles[measure]
        low, high = np.interp((0.25, 0.75), _LEVELS, seen)
        reach = _FAR_OUT * (high - low)
        return float(min(seen[0], low - reach)), float(max(seen[-1], high + reach))

    def unlike(self, table: pd.DataFrame) -> list[str]:
        """Return for each row in what it is unlike anything seen, with ", " between, or "".

        Args:
            table: Columns `LIMITED`.
        """
        outside = {}
        for measure in LIMITED:
            low, high = self.limits(measure)
            outside[measure] = ~table[measure].between(low, high)
        return [
            ", ".join(measure for measure in LIMITED if outside[measure].iloc[row])
            for row in range(len(table))
        ]

    def write(self, path: Path) -> None:
        """Write an `.npz` file; equal references give equal bytes."""
        arrays: dict[str, npt.NDArray[Any]] = {
            f"quantiles_{name}": values for name, values in self.quantiles.items()
        }
        arrays |= {f"count_{name}": np.array(count) for name, count in self.counts.items()}
        gaussian = self.gaussian
        arrays |= {"mean": gaussian.mean, "directions": gaussian.directions}
        arrays |= {"variances": gaussian.variances, "noise": np.array(gaussian.noise)}
        np.savez(path, allow_pickle=False, model=np.array(self.model), **arrays)


def summarise(model: str, values: Mapping[str, Floats], gaussian: Gaussian) -> Reference:
    """Make a reference.

    Args:
        model: Hex sha256 of the `.keras` file.
        values: By measure, of patches that need not be the same, (n,), n at least 1, finite.
        gaussian: Of the features.
    """
    return Reference(
        model=model,
        quantiles={name: np.quantile(values[name], _LEVELS) for name in MEASURES},
        counts={name: len(values[name]) for name in MEASURES},
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
                gaussian=Gaussian(
                    arrays["mean"],
                    arrays["directions"],
                    arrays["variances"],
                    float(arrays["noise"]),
                ),
            )
    except FileNotFoundError as error:
        raise InputError(
            f"Nothing tells what {model} was trained on: there is no {path.name}.", put
        ) from error
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise InputError(f"{path} cannot be read ({error}).", put) from error
    if found.model != sha256:
        raise InputError(f"{path} belongs to another model than {model}.", put)
    return found
