import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from pcam_core.datasets.dataset import Dataset
from pcam_core.stages.evaluate import (
    EvaluateSettings,
    evaluate,
    read_errors,
    read_held_out,
    read_slides,
)


class Numbered(Dataset):
    """Every patch has its number in all pixels."""

    def tables(self):
        raise NotImplementedError

    def patch_ids(self, part):
        raise NotImplementedError

    def place(self, part, patch_id):
        return f"{part}/{patch_id}"

    def decode(self, part, patch_id):
        assert part == "train"
        return np.full((96, 96, 3), int(patch_id[1:]), np.uint8)


@pytest.fixture
def evaluated(known, decided, tmp_path):
    def measure(**settings):
        return evaluate.build(
            tmp_path / "evaluations",
            data=Numbered(address="memory", key="memory"),
            labels=known.labels,
            prepared=known.prepared,
            splits=known.splits,
            model=known.model,
            decision=decided(**settings),
            settings=EvaluateSettings(bootstrap_draws=100),
        )

    return measure


def test_only_the_test_part_is_measured(known, evaluated):
    evaluation = evaluated()
    part = known.table[known.table["role"] == "test"]
    assert list(read_held_out(evaluation)["id"]) == list(part["id"])
    figures = evaluation.figures
    assert (figures["patches"], figures["groups"]) == (48, 8)
    auc = roc_auc_score(part["label"], part["probability"])
    assert figures["at_half"]["scores"]["auc"] == pytest.approx(auc)


def test_every_figure_has_an_interval(evaluated):
    figures = evaluated().figures
    for at in (figures["at_half"], figures["at_threshold"]):
        assert set(at["intervals"]) == set(at["scores"])
        for name, (low, high) in at["intervals"].items():
            assert 0 <= low <= at["scores"][name] <= high <= 1, name
    assert [at["sensitivity"] for at in figures["at_sensitivity"]] == [0.9, 0.95, 0.99]
    specificities = [at["specificity"] for at in figures["at_sensitivity"]]
    assert specificities == sorted(specificities, reverse=True)
    for at in figures["at_sensitivity"]:
        low, high = at["interval"]
        assert 0 <= low <= at["specificity"] <= high <= 1
    for errors in (figures["calibration"]["before"], figures["calibration"]["after"]):
        low, high = errors["intervals"]["brier"]
        assert low <= errors["brier"] <= high


def test_slides_are_told_where_they_are_known(known, evaluated):
    evaluation = evaluated()
    slides = read_slides(evaluation)
    part = known.table[known.table["role"] == "test"]
    assert set(slides["slide"]) == set(part["slide"]) - {""}
    assert evaluation.figures["slides"] == len(slides) == 6
    assert slides["accuracy"].is_monotonic_increasing


def test_the_most_confident_errors_come_with_their_pixels(known, evaluated):
    evaluation = evaluated()
    errors, pixels = read_errors(evaluation)
    threshold = evaluation.figures["at_threshold"]["threshold"]
    assert 0 < len(errors) <= 10
    assert ((errors["probability"] >= threshold) != errors["label"]).all()
    assert (errors["probability"] - errors["label"]).abs().is_monotonic_decreasing
    assert pixels.shape == (len(errors), 96, 96, 3)
    assert [f"p{patch[0, 0, 0]:03d}" for patch in pixels] == list(errors["id"])


def test_the_calibrators_curve_is_applied_to_the_test(evaluated):
    table = read_held_out(evaluated(calibration="none"))
    assert (table["calibrated_probability"] == table["probability"]).all()
    table = read_held_out(evaluated(calibration="isotonic"))
    assert (table["calibrated_probability"] != table["probability"]).any()
