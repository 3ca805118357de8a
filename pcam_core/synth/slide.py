"""Slides: what all patches of one section of tissue share."""

from dataclasses import dataclass

import numpy as np

from pcam_core.synth.appearance import draw_manner
from pcam_core.synth.draws import generator, uniform
from pcam_core.synth.stain import Stain, draw_stain

SPLITS = ("train", "test")

_CHAPTER_SLIDES = 12
_FIRST_CHAPTER = 360
_GROWTH = 1.35
# 26 % of PCam's patches are violet, and 60 % of those positive, against 33 % of the brownish ones.
_VIOLET_SLIDES = 3


@dataclass(frozen=True)
class Slide:
    """One section of tissue.

    Attributes:
        name: As written in the slide map, unique over both splits.
        hospital: 0 for brownish, 1 for violet stains.
        stain: Its dyes.
        manner: Its part in the appearance of its patches.
        tumour_share: Probability that a patch's centre has tumour, 0..1; 0 on a healthy slide.
        tumour_radius: Mean radius of its tumour nuclei in pixels; lymphocytes have about 2.9.
        pallor: How empty its tumour nuclei look between rim and nucleolus, 0..1.
    """

    name: str
    hospital: int
    stain: Stain
    manner: tuple[float, ...]
    tumour_share: float
    tumour_radius: float
    pallor: float


def slide_number(index: int) -> int:
    """Number of the slide that patch `index` lies on, whatever the size of the set.

    Twelve slides share the first 360 patches, twelve more the next 486, and so on by a factor of
    1.35: 36 slides for 1,200 patches, 216 for Kaggle's 220,025, as many as PCam has.
    """
    chapter, start, length = 0, 0, _FIRST_CHAPTER
    while index >= start + length:
        start += length
        chapter += 1
        length = int(_FIRST_CHAPTER * _GROWTH**chapter)
    return chapter * _CHAPTER_SLIDES + (index - start) % _CHAPTER_SLIDES


def draw_slide(seed: int, split: str, number: int) -> Slide:
    """Slide `number` of a split, the same whatever else is drawn.

    Tumour shares are stratified over each dozen of slides, so that small sets too have about 40 %
    positives; a quarter of the brownish slides is healthy.

    Args:
        seed: Seed of the data set, >= 0.
        split: "train" or "test".
        number: 0, 1, ...
    """
    code = SPLITS.index(split)
    rank, order = _place(seed, code, number)
    rng = generator(seed, code, 1, number)
    violet = rank < _VIOLET_SLIDES
    place = (order + rng.random()) / (
        _VIOLET_SLIDES if violet else _CHAPTER_SLIDES - _VIOLET_SLIDES
    )
    return Slide(
        name=f"synth_{split}_{number:03d}",
        hospital=int(violet),
        stain=draw_stain(rng),
        manner=draw_manner(rng),
        tumour_share=_violet_share(place) if violet else _brown_share(place),
        tumour_radius=uniform(rng, 4.4, 6.6),
        pallor=uniform(rng, 0.2, 0.6),
    )


def _place(seed: int, code: int, number: int) -> tuple[int, int]:
    """Rank of a slide among its dozen and its order among those of its hospital."""
    chapter, position = divmod(number, _CHAPTER_SLIDES)
    keys = generator(seed, code, 2, chapter).random(_CHAPTER_SLIDES)
    rank = int(np.argsort(np.argsort(keys))[position])
    return rank, rank if rank < _VIOLET_SLIDES else rank - _VIOLET_SLIDES


def _violet_share(place: float) -> float:
    return 0.0 if place < 0.1 else 0.38 + 0.57 * (place - 0.1) / 0.9


def _brown_share(place: float) -> float:
    return 0.0 if place < 0.25 else 0.06 + 0.76 * (place - 0.25) / 0.75
