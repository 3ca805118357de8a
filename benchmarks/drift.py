"""What the drift report says of patches that are, and are not, like those of the training.

    python benchmarks/drift.py DIR TRUTH MODEL [--patches N] [--json FILE]

DIR holds patches of the population that MODEL, a .keras file with model.json and model.npz beside
it, was trained on, and none that trained it; TRUTH is a table of their id and label. N of them
(500) are scored as they are and altered in many ways, and judged by the default limits. Prints a
table as Markdown.
"""

import argparse
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from functools import cache, partial
from io import BytesIO
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pandas as pd
from machine import machine
from PIL import Image, ImageDraw, ImageFilter
from sklearn.metrics import roc_auc_score

from pcam_core.drift.judgement import Drift, judge
from pcam_core.drift.measures import pixel_measures
from pcam_core.drift.settings import DriftSettings
from pcam_core.patches import SIDE, read_patch
from pcam_core.scoring.score import score_new
from pcam_core.scoring.served import ServedModel, served
from pcam_core.stains import STAINS
from pcam_core.synth.dataset import generate

LENIENT = DriftSettings(warn=1e6, stop=1e6, stop_unlike=1)
rng = np.random.default_rng(0)
Picture = Image.Image


def stained(picture: Picture, haematoxylin: float, eosin: float) -> Picture:
    """Multiply the amounts of both stains."""
    amounts = -np.log10((np.asarray(picture) + 1.0) / 256) @ np.linalg.inv(STAINS)
    density = amounts * (haematoxylin, eosin, 1) @ STAINS
    return Image.fromarray((256 * 10**-density - 1).clip(0, 255).astype(np.uint8))


def lit(picture: Picture, factor: float) -> Picture:
    """Multiply all levels."""
    return picture.point(lambda level: min(level * factor, 255))


def blurred(picture: Picture, radius: float) -> Picture:
    """Put it out of focus."""
    return picture.filter(ImageFilter.GaussianBlur(radius))


def compressed(picture: Picture, quality: int) -> Picture:
    """Write it as a JPEG and read it again."""
    memory = BytesIO()
    picture.save(memory, "JPEG", quality=quality)
    return Image.open(memory).convert("RGB")


def noisy(picture: Picture, deviation: float) -> Picture:
    """Add noise to every level."""
    pixels = np.asarray(picture) + rng.normal(0, deviation, (SIDE, SIDE, 3))
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def magnified(picture: Picture, factor: float) -> Picture:
    """Scan at another magnification."""
    edge = SIDE * (1 - 1 / factor) / 2
    box = (edge, edge, SIDE - edge, SIDE - edge)
    return picture.resize((SIDE, SIDE), Image.Resampling.BICUBIC, box)


def grey(picture: Picture) -> Picture:
    """Take the colour out."""
    return picture.convert("L").convert("RGB")


def inverted(picture: Picture) -> Picture:
    """Turn light to dark."""
    return picture.point(lambda level: 255 - level)


def gradient(_: Picture) -> Picture:
    """From one colour to another."""
    ends, share = rng.uniform(0, 255, (2, 3)), np.linspace(0, 1, SIDE)[:, None]
    row = ends[0] * (1 - share) + ends[1] * share
    return Image.fromarray(np.tile(row.astype(np.uint8), (SIDE, 1, 1)))


def text(_: Picture) -> Picture:
    """Black letters on white."""
    page = Image.new("RGB", (SIDE, SIDE), "white")
    for y in range(2, SIDE, 12):
        words = "".join(map(chr, rng.integers(97, 123, 16)))
        ImageDraw.Draw(page).text((2, y), words, "black")
    return page


def uniform(_: Picture, level: int) -> Picture:
    """One grey level."""
    return Image.new("RGB", (SIDE, SIDE), (level, level, level))


@cache
def photographs() -> list[np.ndarray]:
    """Return those that scikit-learn brings along."""
    from sklearn.datasets import load_sample_images

    return list(load_sample_images().images)


def photograph(_: Picture) -> Picture:
    """Cut a square out of a photograph of a temple or of a flower."""
    photo = photographs()[rng.integers(2)]
    y, x = (rng.integers(0, length - 2 * SIDE) for length in photo.shape[:2])
    return Image.fromarray(photo[y : y + 2 * SIDE, x : x + 2 * SIDE]).resize((SIDE, SIDE))


WAYS: dict[str, Callable[[Picture], Picture]] = {
    "as they are": lambda picture: picture,
    "JPEG, quality 70": partial(compressed, quality=70),
    "JPEG, quality 30": partial(compressed, quality=30),
    "noise, deviation 8": partial(noisy, deviation=8),
    "noise, deviation 25": partial(noisy, deviation=25),
    "blur, radius .7": partial(blurred, radius=0.7),
    "blur, radius 2": partial(blurred, radius=2),
    "light x .9": partial(lit, factor=0.9),
    "light x .7": partial(lit, factor=0.7),
    "light x .4": partial(lit, factor=0.4),
    "haematoxylin x 1.2": partial(stained, haematoxylin=1.2, eosin=1),
    "haematoxylin x 1.6, eosin x .6": partial(stained, haematoxylin=1.6, eosin=0.6),
    "haematoxylin x .5, eosin x 1.5": partial(stained, haematoxylin=0.5, eosin=1.5),
    "magnified x 2": partial(magnified, factor=2),
    "grey": grey,
    "inverted": inverted,
    "white": partial(uniform, level=255),
    "black": partial(uniform, level=0),
    "gradients": gradient,
    "text": text,
    "photographs": photograph,
}


def batches(patches: list[Picture]) -> Iterator[tuple[str, list[Picture]]]:
    """Yield what is scored, by name."""
    for name, alter in WAYS.items():
        yield name, [alter(patch) for patch in patches]
    made = [generate(1, "test", index).image for index in range(len(patches))]
    yield "generated (`pcam synth`)", [Image.fromarray(pixels) for pixels in made]
    mixed = [gradient(patch) if place % 20 == 0 else patch for place, patch in enumerate(patches)]
    yield "one in 20 a gradient", mixed
    for count in (25, 100):
        yield f"{count} of them as they are", patches[:count]


def judged(model: ServedModel, some: list[Picture]) -> tuple[Drift, pd.Series]:
    """Score pictures and return what the default limits say of them, and their probabilities."""
    with tempfile.TemporaryDirectory() as folder:
        for number, picture in enumerate(some):
            picture.save(Path(folder) / f"{number:05}.png")
        (batch,) = score_new(model, folder, f"{folder}/out", LENIENT).batches
        told = pd.read_csv(batch.predictions)
    pixels = pixel_measures(np.stack([np.asarray(picture) for picture in some]))
    table = pd.concat([told, pixels], axis="columns")
    table["unlike"] = model.reference.unlike(table)
    return judge(model.reference, table, DriftSettings()), table["probability"]


def main() -> None:
    """Score, print and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument("truth", metavar="TRUTH")
    parser.add_argument("model", metavar="MODEL")
    parser.add_argument("--patches", type=int, default=500, metavar="N")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    options = parser.parse_args()
    truth = pd.read_csv(options.truth, dtype={"id": str}).sample(options.patches, random_state=0)
    patches = [read_patch(options.folder / f"{name}.tif") for name in truth["id"]]
    found = {}
    print("| patches | AUC | abstained | largest index | of | verdict |")
    print("|---|---:|---:|---:|---|---|")
    with served(options.model) as model:
        for name, some in batches([Image.fromarray(patch) for patch in patches]):
            drift, probabilities = judged(model, some)
            found[name] = drift.model_dump()
            auc = f"{roc_auc_score(truth['label'], probabilities):.3f}" if name in WAYS else ""
            worst = max(drift.shifts, key=lambda shift: shift.index)
            told = (name, auc, f"{drift.unlike / drift.patches:.1%}", f"{worst.index:.2f}")
            print("|", " | ".join((*told, worst.measure, drift.verdict)), "|", flush=True)
    print(f"\n{machine()}")
    if options.json:
        options.json.write_text(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
