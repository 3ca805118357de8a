import csv
import io
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

SAMPLE = Path(__file__).parents[2].parent / "shared" / "pcam_sample"
FOLDS = StratifiedKFold(4, shuffle=True, random_state=0)

# Measured on 13,352 real patches: README of the sample. Rows: label 0, label 1.
REAL_MEAN = np.array([[0.713, 0.579, 0.705], [0.693, 0.506, 0.690]])
REAL_BETWEEN = np.array([[0.164, 0.213, 0.151], [0.107, 0.142, 0.093]])


def auc(classifier, figures, labels):
    # Threads that wait for each other are slower than one where other work goes on.
    with threadpool_limits(1):
        return cross_val_score(classifier, figures, labels, cv=FOLDS, scoring="roc_auc").mean()


def boosting():
    return HistGradientBoostingClassifier(max_iter=60, random_state=0)


def test_means_are_those_of_real_patches(generated, colour_figures):
    figures = colour_figures(generated.images)
    for label in (0, 1):
        own = figures[generated.labels == label]
        np.testing.assert_allclose(own[:, :3].mean(axis=0), REAL_MEAN[label], atol=0.05)
        np.testing.assert_allclose(own[:, :3].std(axis=0), REAL_BETWEEN[label], atol=0.04)
    np.testing.assert_allclose(figures[:, 3:].mean(axis=0), [0.180, 0.201, 0.164], atol=0.03)


def test_colour_alone_does_not_tell_the_classes(generated, colour_figures):
    figures = colour_figures(generated.images)
    assert 0.75 < auc(boosting(), figures, generated.labels) < 0.93


@pytest.fixture(scope="module")
def real():
    if not (SAMPLE / "patches.tar").exists():
        pytest.skip("needs the real PCam sample beside the checkout, ../shared/pcam_sample")
    with (SAMPLE / "patches.csv").open(newline="") as file:
        names = [row["id"] for row in csv.DictReader(file)]
    chosen = set(np.random.default_rng(5).permutation(names)[:1000].tolist())
    images = []
    with tarfile.open(SAMPLE / "patches.tar") as archive:
        for member in archive:
            if Path(member.name).stem in chosen:
                picture = Image.open(io.BytesIO(archive.extractfile(member).read()))
                images.append(np.asarray(picture.convert("RGB")))
    return np.stack(images)


@pytest.mark.parametrize(
    "classifier",
    [boosting(), make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))],
    ids=["boosting", "logistic"],
)
def test_colour_hardly_tells_generated_from_real(real, generated, colour_figures, classifier):
    images = np.concatenate([real, generated.images])
    origin = np.repeat([0, 1], [len(real), len(images) - len(real)])
    assert auc(classifier, colour_figures(images), origin) < 0.75
