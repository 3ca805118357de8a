import numpy as np
import pytest
from PIL import Image

from pcam_core.superres.banded_lanczos import enlarged
from pcam_core.superres.lanczos import LanczosResize


@pytest.mark.parametrize(("before", "after"), [(128, 224), (96, 192), (32, 128), (96, 64), (5, 5)])
def test_as_the_device_and_as_pillow(before, after):
    rng = np.random.default_rng(0)
    patches = rng.integers(0, 256, (3, before, before, 3), dtype=np.uint8)
    patches[1] = patches[1] // 200 * 255  # hard edges
    found = enlarged(patches, after)
    assert (found.shape, found.dtype) == ((3, after, after, 3), np.float32)
    pictures = [Image.fromarray(patch).resize((after, after), 1) for patch in patches]
    for wanted in (np.asarray(LanczosResize(after)(patches)), np.stack(pictures)):
        apart = np.abs(found - wanted)
        assert apart.max() <= 2
        assert (apart > 0).mean() < 5e-3
