import pytest

from pcam_core.datasets.form import Form, files_of, form_of

STEM = "camelyonpatch_level_2_split_"


@pytest.mark.parametrize(
    ("names", "form"),
    [
        (["train_labels.csv", "train", "data.zip", f"{STEM}train_x.h5"], Form.KAGGLE),
        ([f"{STEM}train_x.h5.gz", "data.zip"], Form.PCAM),
        (["notes.txt", "data.zip", ".hidden.zip"], Form.ZIP),
    ],
)
def test_the_form_that_counts(names, form):
    assert form_of(names, "data") is form


@pytest.mark.parametrize("order", [1, -1])
def test_of_packed_and_unpacked_the_latter_is_read(order):
    names = [f"{STEM}train_x.h5", f"{STEM}train_x.h5.gz", f"{STEM}train_y.h5.gz"][::order]
    assert set(files_of(Form.PCAM, names)) == {f"{STEM}train_x.h5", f"{STEM}train_y.h5.gz"}


def test_what_is_not_pcam():
    odd = [f"{STEM}train_mask.h5.gz", f"{STEM}train_x.h5.part", f"x/{STEM}train_x.h5", "train_x.h5"]
    assert files_of(Form.PCAM, [*odd, f"{STEM}valid_meta.csv"]) == [f"{STEM}valid_meta.csv"]
