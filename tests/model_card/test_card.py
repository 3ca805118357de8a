import pandas as pd
import pytest

from pcam_core.model_card.card import card

COLUMNS = ["slide", "patches", "positive", "accuracy", "auc"]


def third(name, groups, scores):
    bounds = {"low": 10.0, "high": 99.0}
    return {"third": name, **bounds, "patches": 30, "positive": 9, "groups": groups} | {
        "scores": scores
    }


THIRDS = [
    third("darkest", 25, {"auc": [0.71, 0.6, 0.8], "accuracy": [0.72, 0.61, 0.81]}),
    third("brightest", 3, None),
]


@pytest.fixture
def written(description):
    def write(
        slides=(), thirds=THIRDS, sources=("Kaggle: CC0.",), detected=True, groups=50, leaked=0,
        **made,
    ):  # fmt: skip
        parts = ("train", "validation", "calibration", "test")
        figures = {
            "labels": {"train": 500, "positive": 200},
            "groups": {"groups": 300, "source": "detected overlap", "detected": detected},
            "split": {
                "patches": dict.fromkeys(parts, 125),
                "positive_share": dict.fromkeys(parts, 0.4),
                "groups": dict.fromkeys(parts, 75),
                "leaked": leaked,
            },
            "final": {"epochs": 12, "best_epoch": 7, "folds": 5},
            "threshold": {"rule": "F1", "patches": 125},
            "evaluate": {
                "patches": 125,
                "groups": groups,
                "slides": len(slides),
                "at_threshold": {"confusion": {"tn": 60, "fp": 15, "fn": 10, "tp": 40}},
                "calibration": {
                    "method": "temperature",
                    "after": {"ece": 0.05, "intervals": {"ece": [0.04, 0.06]}},
                },
            },
        }
        model = description.model_copy(update=made)
        return card(model, sources, figures, pd.DataFrame(slides, columns=COLUMNS), thirds)

    return write


def test_a_card_says_what_it_must(written):
    text = written()
    assert text.index("**Not for clinical use.**") < text.index("## Intended use")
    chapters = [line[3:] for line in text.splitlines() if line.startswith("## ")]
    assert chapters == [
        "Intended use", "Figures on the held-out test", "Limits", "Data", "Training recipe",
    ]  # fmt: skip
    assert "| AUC | 0.900 | 0.800 to 0.950 | 0.900 | 0.800 to 0.950 |" in text
    assert "- Kaggle: CC0." in text
    assert "learning_rate 0.001." in text
    assert "d" * 64 in text


def test_figures_by_brightness_stand_with_their_intervals(written):
    text = written()
    row = "| darkest | 10 to 99 | 30 | 9 | 25 | 0.710 | 0.600 to 0.800 | 0.720 | 0.610 to 0.810 |"
    assert row in text.splitlines()
    empty = "| brightest | 10 to 99 | 30 | 9 | 3 | one class only | | | |"
    assert empty in text.splitlines()
    assert "figures by brightness of: brightest. They say little." in text


def test_slides_are_told_where_they_are_known(written):
    assert "does not say which slide" in written()
    assert "slides are not all known" in written()
    slides = [(f"s|{n}", 20, 5, n / 20, float("nan") if n else 0.8) for n in range(15)]
    text = written(slides, detected=False)
    assert "slides are not all known" not in text
    assert "15 slides of the test are known" in text
    assert "least 0.000, median 0.350" in text
    assert "| s&#124;0 | 20 | 5 | 0.000 | 0.800 |" in text.splitlines()
    assert "| s&#124;9 | 20 | 5 | 0.450 | one class only |" in text.splitlines()
    assert "s&#124;10" not in text


def test_few_groups_are_warned_of(written):
    assert "The test has only 4 groups" in written(groups=4)
    assert "The test has only" not in written(groups=40)


def test_a_leak_is_told(written):
    assert "- **Leak:** 1,200 patches of the test share pixels" in written(leaked=1200)
    assert "Leak" not in written()


def test_what_a_source_is_called_is_no_markup(written):
    text = written(sources=["<script>x</script> | `y`\n# z"])
    assert "- &lt;script&gt;x&lt;/script&gt; &#124; &#96;y&#96; # z" in text.splitlines()


def test_every_row_of_a_table_has_its_columns(written):
    slides = [("a", 20, 5, 0.5, 0.8)]
    tables = [block for block in written(slides).split("\n\n") if block.startswith("|")]
    assert len(tables) == 4
    for table in tables:
        assert len({line.count("|") for line in table.splitlines()}) == 1, table


def test_what_the_model_is_made_of_and_how_it_looks(written):
    text = written(form="both", averaged_with=("resnet50",), views=8)
    assert "- Averaged with: resnet50." in text
    assert "- The mean over the models of 5 folds, averaged with a single model." in text
    assert "- Final training: 12 epochs" in text
    assert "- Views: 8 of each patch (flips and quarter turns)" in text
    assert "Final training" not in written(form="folds")
