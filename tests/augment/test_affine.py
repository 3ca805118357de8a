import cv2
import numpy as np
import pytest
from keras import ops
from scipy.ndimage import binary_dilation

from pcam_core.augment.affine import affine_matrix, change


def sampled(xp, pixels, *geometry):
    matrices = affine_matrix(*(np.asarray(part, float) for part in geometry), pixels.shape[1])
    if xp is np:
        return change(pixels, matrices, xp=np)
    return ops.convert_to_numpy(change(ops.convert_to_tensor(pixels), matrices, xp=ops))


@pytest.mark.filterwarnings("ignore:Please import:DeprecationWarning")
@pytest.mark.parametrize("flips", [(1, 1), (-1, 1), (1, -1), (-1, -1)])
@pytest.mark.parametrize(
    ("degrees", "move", "zoom"),
    [
        (0, (0, 0), (1, 1)),
        (17, (0, 0), (1, 1)),
        (0, (3.2, -2.5), (1, 1)),
        (0, (0, 0), (0.92, 1.09)),
        (-13, (-2.1, 3), (1.1, 0.93)),
    ],
)
def test_the_same_place_is_read_as_by_keras_generator(xp, patches, degrees, move, zoom, flips):
    from keras.src.legacy.preprocessing.image import ImageDataGenerator

    horizontal, vertical = (flip < 0 for flip in flips)
    parameters = {"theta": degrees, "tx": move[0], "ty": move[1], "zx": zoom[0], "zy": zoom[1]}
    parameters |= {"flip_horizontal": horizontal, "flip_vertical": vertical}
    generator = ImageDataGenerator(fill_mode="constant", cval=200)
    image = patches[0].astype(np.float32)
    wanted = generator.apply_transform(image, parameters)
    scale = np.multiply(zoom, flips)
    found = sampled(xp, patches[:1], [np.deg2rad(degrees)], [move], [scale])[0]
    # The three differ where a pixel lies half outside. Keras' generator does not round.
    outside = sampled(
        np, np.zeros((1, 32, 32, 3), np.uint8), [np.deg2rad(degrees)], [move], [scale]
    )
    inside = ~binary_dilation(outside[0, ..., 0] == 200, np.ones((5, 5)), border_value=1)
    assert inside.sum() > 350
    assert np.abs(found - wanted)[inside].max() <= 1.01


def test_without_geometry_it_only_mirrors(run, patches):
    changed = run("affine", np.repeat(patches[:1], 64, axis=0), strength=0)
    image = patches[0].astype(np.float32)
    variants = [image, image[::-1], image[:, ::-1], image[::-1, ::-1]]
    near = [(np.abs(changed - variant).max(axis=(1, 2, 3)) < 0.01).sum() for variant in variants]
    assert sum(near) == 64
    assert min(near) >= 4


def test_what_comes_from_outside_is_200(run):
    changed = run("affine", np.zeros((50, 32, 32, 3), np.uint8))
    assert changed.max() == pytest.approx(200)
    assert (changed.max(axis=(1, 2, 3)) > 199).all()
    assert changed[:, 12:20, 12:20].max() == 0
    np.testing.assert_allclose(run("affine", np.full((20, 32, 32, 3), 200, np.uint8)), 200)


def test_ranges_over_many_draws():
    from pcam_core.augment.affine import draw

    (matrices,) = draw(np.random.default_rng(0), 4000, 100, 1.0)
    linear = matrices[:, :, :2]
    zoom = np.linalg.norm(linear, axis=1)
    mirror = np.sign(np.linalg.det(linear))
    cosine = np.abs(linear[:, 0, 0]) / zoom[:, 0]
    degrees = np.rad2deg(np.arccos(np.clip(cosine, -1, 1)))
    middle = matrices @ np.array([49.5, 49.5, 1]) - 49.5
    moved = np.einsum("nji,nj->ni", linear / zoom[:, None], middle)
    assert 0.9 <= zoom.min() < 0.901
    assert 1.099 < zoom.max() <= 1.1
    assert abs(np.corrcoef(zoom.T)[0, 1]) < 0.05  # an axis knows nothing of the other
    assert 19.9 < degrees.max() <= 20
    assert abs(mirror.mean()) < 0.06
    # Uniform: the deviation is the range by the square root of twelve.
    assert np.abs(moved).max() <= 10 + 1e-9
    np.testing.assert_allclose(moved.std(axis=0), 20 / 12**0.5, rtol=0.03)
    np.testing.assert_allclose(zoom.std(axis=0), 0.2 / 12**0.5, rtol=0.03)


def test_it_samples_once(run, patches, xp, monkeypatch):
    calls = []
    owner, name = (cv2, "warpAffine") if xp is np else (ops.image, "affine_transform")
    real = getattr(owner, name)
    monkeypatch.setattr(owner, name, lambda *a, **k: calls.append(1) or real(*a, **k))
    run("affine", patches)
    assert len(calls) == (len(patches) if xp is np else 1)
