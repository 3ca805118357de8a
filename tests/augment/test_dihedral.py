import numpy as np


def test_each_of_the_eight_equally_often(run, patches):
    image = patches[0, :8, :8]
    turned = [np.rot90(image, quarter) for quarter in range(4)]
    eight = [*turned, *(picture[:, ::-1] for picture in turned)]
    changed = run("dihedral", np.repeat(image[None], 1600, axis=0))
    counts = [int((changed == variant).all(axis=(1, 2, 3)).sum()) for variant in eight]
    assert sum(counts) == 1600
    # Two hundred each; the deviation is 13.
    assert min(counts) > 140
    assert max(counts) < 260


def test_the_centre_stays_in_the_centre(run):
    images = np.zeros((40, 96, 96, 3), np.uint8)
    images[:, 32:64, 32:64] = 1
    np.testing.assert_array_equal(run("dihedral", images), images)
