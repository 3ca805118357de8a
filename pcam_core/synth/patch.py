"""One generated patch."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from pcam_core.synth.anatomy import (
    Healthy,
    Mask,
    draw_healthy,
    draw_openings,
    draw_region,
    white_share,
)
from pcam_core.synth.appearance import draw_appearance
from pcam_core.synth.draws import Floats, uniform
from pcam_core.synth.exposure import expose
from pcam_core.synth.fields import smooth
from pcam_core.synth.label import SIZE, label_of
from pcam_core.synth.nuclei import Nuclei, draw_healthy_nuclei, draw_tumour_nuclei
from pcam_core.synth.slide import Slide
from pcam_core.synth.stain import absorb

_GLASS = 0.025


@dataclass(frozen=True)
class Patch:
    """A picture, the truth about it, and its label.

    Attributes:
        image: (96, 96, 3) uint8, RGB, 0..255.
        tumour: (96, 96) bool, True where the tissue is tumour.
        label: 1 if tumour touches the centre 32x32, else 0.
    """

    image: NDArray[np.uint8]
    tumour: Mask
    label: int


def draw_patch(rng: np.random.Generator, slide: Slide) -> Patch:
    """Draw tissue in units of dye, stain it, and expose it like a real patch.

    Args:
        rng: Source of randomness, of this patch alone (see `draws.generator`); the same generator
            and slide give the same pixels on every platform.
        slide: The slide it lies on; its `tumour_share` is the probability of label 1.

    Example:
        >>> patch = draw_patch(generator(7), draw_slide(7, "train", 0))
        >>> patch.image.shape, patch.label == label_of(patch.tumour)
        ((96, 96, 3), True)
    """
    wanted = rng.random() < slide.tumour_share
    look = draw_appearance(rng, slide.hospital, int(wanted), slide.manner)
    white = white_share(look)
    empty = draw_openings(rng, white)
    region = draw_region(rng, wanted, slide.tumour_share) & (empty < 0.5)
    healthy = draw_healthy(rng, white)

    tumour_nuclei, covered = draw_tumour_nuclei(rng, slide, region, wanted)
    tumour = region | covered
    haematoxylin, eosin = _tissue(rng, healthy, tumour, tumour_nuclei, empty)
    blur = uniform(rng, 0.3, 0.55) if rng.random() < 0.95 else uniform(rng, 0.8, 1.4)
    density = absorb(_focus(haematoxylin, blur), _focus(eosin, blur), slide.stain)
    grain = 0.62 + 0.76 * rng.random((SIZE, SIZE))
    image = expose((density + _GLASS) * grain, look)
    return Patch(image, tumour, label_of(tumour))


def _focus(dye: Floats, blur: float) -> Floats:
    return np.asarray(gaussian_filter(dye, blur, mode="nearest", truncate=3.0))


def _tissue(
    rng: np.random.Generator,
    healthy: Healthy,
    tumour: Mask,
    tumour_nuclei: Nuclei,
    empty: Floats,
) -> tuple[Floats, Floats]:
    """Amounts of haematoxylin and eosin, (96, 96) float64 each."""
    direction = math.pi * rng.random()
    free = np.where(tumour | (empty > 0.4), -1.0, 1.0)
    small = draw_healthy_nuclei(rng, healthy, direction, free)
    cloud = smooth(rng, 6.0)
    matrix = _matrix(rng, healthy, direction)
    cytoplasm = np.maximum(0.40 + 0.09 * cloud + 0.06 * smooth(rng, 2.5), 0.02)
    eosin = np.where(tumour, cytoplasm, matrix)
    ground = eosin * (0.5 + 0.1 * cloud.T)
    cover = np.maximum(small.cover, tumour_nuclei.cover)
    chromatin = np.where(
        tumour_nuclei.cover > small.cover, tumour_nuclei.chromatin, small.chromatin
    )
    haematoxylin = ground * (1.0 - cover) + 1.5 * chromatin * cover
    # A nucleus at the edge of an opening stays whole, as flattened nuclei of fat cells do.
    solid = np.maximum(1.0 - empty, cover * (empty < 0.95))
    return np.maximum(haematoxylin, 0.0) * solid, np.maximum(eosin, 0.02) * solid


def _matrix(rng: np.random.Generator, healthy: Healthy, direction: float) -> Floats:
    """Eosin between healthy nuclei: a net of cytoplasm with pale gaps, and collagen fibres."""
    net = np.maximum(0.26 + 0.11 * smooth(rng, 4.5) + 0.08 * smooth(rng, 2.0), 0.02)
    if healthy.fibres < 0.2:
        return net
    pixel = np.arange(SIZE, dtype=np.float64)
    across = math.cos(direction) * pixel[:, None] - math.sin(direction) * pixel[None, :]
    wavy = across + 5.0 * smooth(rng, 30.0) + 1.5 * smooth(rng, 8.0)
    strands = np.interp(wavy / uniform(rng, 2.0, 4.0), np.arange(-80.0, 80.0), rng.random(160))
    fibres = np.maximum(0.1 + 0.5 * strands + 0.10 * smooth(rng, 5.0), 0.02)
    return np.maximum(net * (1.0 - healthy.fibres) + fibres * healthy.fibres, 0.02)
