"""Enlarge some patches in every way, and measure how well the upscaler restores shrunk ones."""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from pcam_core.artifact import Artifact
from pcam_core.bootstrap import interval_of_mean
from pcam_core.datasets.dataset import Dataset
from pcam_core.patches import SIDE, Pixels
from pcam_core.precision import Precision
from pcam_core.stage import stage
from pcam_core.stages.enlarging import centre
from pcam_core.stages.explore import read_gallery
from pcam_core.stages.groups import read_groups
from pcam_core.stages.prepare_settings import PrepareSettings
from pcam_core.superres.likeness import enlarge, gallery, psnr, ssim
from pcam_core.superres.upscaler import Upscaler, open_upscaler

logger = logging.getLogger(__name__)

SHOWN = 4
"""Patches of each class in the gallery, at most."""

ENOUGH_DB = 45.0
"""PSNR, dB, from which half precision is as good as float32: a mean error of a level or so."""

_MEASURED = 64  # the interval of the difference says whether these suffice
_SEED = 42
_DRAWS = 2000
_NO_ERROR_DB = (
    60.0  # a tenth of the error of rounding; blank patches that come back whole have no end
)
_WAYS, _SHOWN_IDS, _LIKENESS = "ways.npz", "shown.csv", "likeness.csv"


@stage(numeric=True)
def enlargement(
    folder: Path,
    *,
    data: Dataset,
    groups: Artifact,
    explored: Artifact,
    settings: PrepareSettings,
) -> dict[str, Any]:
    """Write what shows and measures the upscaler; nothing where it does not enlarge.

    - `ways.npz`: uint8 (n, side, side, 3), 0..255, by way of enlarging (see
      `pcam_core.superres.likeness.gallery`; "upscaler" only where it is a network), and
      `shown.csv` (id, label) in the same order: the first patches of each class in the gallery
      of `explore`.
    - `likeness.csv`: id, group, and `psnr_<way>` and `ssim_<way>` of training patches that were
      shrunk by the scale with Pillow's bicubic and enlarged again in the ways "upscaler" (only
      where it is a network), "LANCZOS" and "bicubic". PSNR in dB, 60 at most, so that a blank
      patch that comes back whole does not count without end.

    Figures: `upscaler`, its `scale`, whether it is a `network`, its `precision`, and where that is
    half, `precision_psnr`: of the gallery's patches against float32, dB, 60 at most; else None.
    `restored` (None where nothing is enlarged): `patches`, `groups`, `side` in pixels, and under
    "psnr" and "ssim" the `means` by way and how much the first way is above bicubic: the mean
    `gain` and its 95 % bootstrap `interval` over whole groups (Efron and Tibshirani, "An
    Introduction to the Bootstrap", 1993, chapter 8).
    """
    upscale = _opened(settings, settings.arithmetic)
    figures: dict[str, Any] = {
        "upscaler": settings.upscaler,
        "scale": upscale.scale,
        "network": settings.network,
        "precision": upscale.precision or "float32",
        "precision_psnr": None,
        "restored": None,
    }
    if upscale.scale == 1:
        return figures

    ids = read_gallery(explored)
    shown = pd.DataFrame(
        [(patch_id, label) for label in ids for patch_id in ids[label][:SHOWN]],
        columns=["id", "label"],
    )
    crops = [centre(patch, settings.region) for patch in data.patches("train", list(shown["id"]))]
    ways = gallery(np.stack(crops), upscale)
    if figures["precision"] != "float32":
        figures["precision_psnr"] = _precision_psnr(np.stack(crops), ways["upscaler"], settings)
    if not settings.network:
        del ways["upscaler"]  # the same as "LANCZOS"
    np.savez(folder / _WAYS, **ways)  # type: ignore[arg-type]  # numpy's own keyword is a bool
    shown.to_csv(folder / _SHOWN_IDS, index=False)

    table = read_groups(groups).sort_values("id")
    table = table.sample(min(_MEASURED, len(table)), random_state=_SEED)
    side = min(SIDE // upscale.scale, settings.region) * upscale.scale
    originals = np.stack([centre(p, side) for p in data.patches("train", list(table["id"]))])
    restored = _restored(originals, settings.region, upscale)
    if not settings.network:
        del restored["upscaler"]
    for name, measure in (("psnr", psnr), ("ssim", ssim)):
        for way, patches in restored.items():
            values = [measure(*pair) for pair in zip(patches, originals, strict=True)]
            table[f"{name}_{way}"] = np.minimum(values, _NO_ERROR_DB)
    table.to_csv(folder / _LIKENESS, index=False)
    figures["restored"] = {
        "patches": len(table),
        "groups": int(table["group"].nunique()),
        "side": side,
        "psnr": _compared(table, "psnr"),
        "ssim": _compared(table, "ssim"),
    }
    return figures


def read_ways(artifact: Artifact) -> tuple[pd.DataFrame, dict[str, Pixels]]:
    """Return the patches shown (id, label) and, by way of enlarging, their pixels.

    The pixels are uint8 (n, side, side, 3), 0..255, in the order of the table.

    Raises:
        FileNotFoundError: Nothing is enlarged: the figure `restored` is None.
    """
    shown = pd.read_csv(artifact.path / _SHOWN_IDS, dtype={"id": str}, keep_default_na=False)
    with np.load(artifact.path / _WAYS) as arrays:
        return shown, dict(arrays)


def _opened(settings: PrepareSettings, precision: Precision) -> Upscaler:
    return open_upscaler(
        settings.upscaler,
        settings.input_range,
        precision=precision,
        trusted=settings.trusted_savedmodels,
    )


def _precision_psnr(crops: Pixels, found: Pixels, settings: PrepareSettings) -> float:
    decibels = min(psnr(found, enlarge(crops, _opened(settings, "float32"))), _NO_ERROR_DB)
    if decibels < ENOUGH_DB:
        logger.warning(
            "In %s the network gives other patches than in float32 (PSNR %.1f dB):"
            " set prepare.precision=float32.",
            settings.arithmetic,
            decibels,
        )
    return decibels


def _restored(originals: Pixels, region: int, upscale: Upscaler) -> dict[str, Pixels]:
    """Shrink and enlarge again; the network gets the size that it gets in `prepare`."""
    side = originals.shape[1]
    small = side // upscale.scale
    before = (region - small) // 2
    margin = (before, region - small - before)
    shrunk = [
        np.asarray(Image.fromarray(patch).resize((small, small), Image.Resampling.BICUBIC))
        for patch in originals
    ]
    # A network may take one size only. Mirrored edges go both to it and to bicubic.
    padded = np.pad(np.stack(shrunk), ((0, 0), margin, margin, (0, 0)), mode="reflect")
    inside = slice(before * upscale.scale, before * upscale.scale + side)
    ways = gallery(padded, upscale)
    return {way: ways[way][:, inside, inside] for way in ("upscaler", "LANCZOS", "bicubic")}


def _compared(table: pd.DataFrame, name: str) -> dict[str, Any]:
    likeness = table.filter(like=f"{name}_").rename(
        columns=lambda way: way.removeprefix(f"{name}_")
    )
    gain = (likeness.iloc[:, 0] - likeness["bicubic"]).to_numpy()
    return {
        "means": {way: float(mean) for way, mean in likeness.mean().items()},
        "gain": float(gain.mean()),
        "interval": interval_of_mean(gain, table["group"].to_numpy(), draws=_DRAWS, seed=_SEED),
    }
