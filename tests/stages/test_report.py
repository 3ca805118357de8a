"""The report of a run in miniature, whose artifacts are as the stages would have left them."""

import base64
import html
import re
import shlex
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pcam_core.artifact import Artifact, seal
from pcam_core.decision.confident_errors import confident_errors
from pcam_core.decision.slides import by_slide
from pcam_core.exploration.survey import MEASURES
from pcam_core.measures import confusion, scores
from pcam_core.patch_store import write_patch_store
from pcam_core.recipe import load_recipe
from pcam_core.recipe_changes import parse_changes
from pcam_core.report.embedding import png_data_uri
from pcam_core.report.exploration_figures import classes
from pcam_core.report.verdict import headline, verdict
from pcam_core.stages.explore import COMPARED
from pcam_core.stages.report import REPORT, report
from pcam_core.stages.split import ROLES
from pcam_core.validation.check import Check, write_checks
from pcam_core.validation.thumbnails import write_thumbnails

PATCHES = 48
HOSTILE = '<script>alert("x")</script>.csv'  # file names come from outside
THRESHOLD = 0.4
Fill = Callable[[Path], dict[str, Any]]


@pytest.fixture(scope="module")
def finished_run(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Artifact]:
    """The artifacts of a run by the names of the stage `report`'s arguments."""
    root = tmp_path_factory.mktemp("run")
    fills = {
        "labels": _labels, "gate": _gate, "groups": _groups, "explored": _explored,
        "splits": _splits, "prepared": _prepared, "enlarged": _enlarged,
        "comparison": _comparison, "tuned": _tuned,
        "crossvalidated": _crossvalidated, "model": _model, "decision": _decision,
        "evaluation": _evaluation, "optimism": _optimism, "explanation": _explanation,
        "predictions": _predictions, "submission": _submission,
        "receipts": _receipts,
    }  # fmt: skip
    return {name: make(root, name, fill) for name, fill in fills.items()}


def make(root: Path, name: str, fill: Fill) -> Artifact:
    """Seal what `fill` writes."""
    workshop = root / f"{name}.building"
    workshop.mkdir()
    artifact = Artifact(stage=name, key=name.encode().hex().ljust(64, "0"), path=root / name)
    seal(workshop, artifact, fill(workshop), seconds=len(name) / 2)
    return artifact


def scored(patches: int = PATCHES) -> pd.DataFrame:
    """Return columns id, label, group and probability; the classes overlap a little."""
    rng = np.random.default_rng(1)
    label = np.arange(patches) % 2
    probability = np.clip(0.3 + 0.35 * label + rng.normal(0, 0.18, patches), 0, 1)
    number = np.arange(patches)
    return pd.DataFrame(
        {
            "id": [f"p{n:02d}" for n in number],
            "label": label,
            "group": [f"slide{n // 6}" for n in number],
            "probability": probability,
        }
    )


def _labels(folder: Path) -> dict[str, Any]:
    table = scored()[["id", "label"]].assign(slide="", published="")
    table.to_csv(folder / "train.csv", index=False)
    pd.DataFrame({"id": ["t0", "t1"]}).to_csv(folder / "test.csv", index=False)
    return {"train": PATCHES, "positive": PATCHES // 2, "test": 2, "slides_from": HOSTILE,
            "without_slide": 3, "promised": {}, "errors": []}  # fmt: skip


def _gate(folder: Path) -> dict[str, Any]:
    columns = {f"mean_{c}": np.linspace(120, 200, PATCHES + 2) for c in "rgb"}
    ids, parts = [*scored()["id"], "t0", "t1"], ["train"] * PATCHES + ["test"] * 2
    table = pd.DataFrame({"id": ids, "part": parts, "fault": "", "white": 0.1, **columns})
    table.assign(hash=range(len(ids)), spread=5.0).to_csv(folder / "properties.csv", index=False)
    fine = Check("labels", "every id stands once", "error", passed=True, observed="all")
    blank = Check("patches", "few are blank", "warning", passed=False, observed="1 is")
    write_checks(folder, [fine, blank])
    suspects = pd.DataFrame(columns=["id", "part", "verdict", "reason", "detail"])
    suspects.to_csv(folder / "suspects.csv", index=False)
    suspects[["id", "part", "reason"]].to_csv(folder / "quarantine.csv", index=False)
    write_thumbnails(folder, suspects, lambda *_: np.zeros((96, 96, 3), np.uint8))
    return {"expectations": 2, "passed": 1, "errors": [], "warnings": ["few are blank"],
            "patches": 50, "quarantined": 0, "kept": 0, "suspects": {}}  # fmt: skip


def _groups(folder: Path) -> dict[str, Any]:
    scored()[["id", "group"]].to_csv(folder / "groups.csv", index=False)
    pair = {"first": "p00", "second": "p01", "dy": 16, "dx": -32, "transform": "identity",
            "shared_pixels": 80 * 64}  # fmt: skip
    for name in ("examples", "pairs"):
        pd.DataFrame([pair]).to_csv(folder / f"{name}.csv", index=False)
    np.savez(folder / "examples.npz", patches=np.zeros((1, 2, 96, 96, 3), np.uint8))
    return {"source": f"{HOSTILE} and detected overlap", "detected": True, "groups": 8,
            "largest": 6, "median": 6.0, "sharing": 48, "pairs": 1}  # fmt: skip


def _enlarged(folder: Path) -> dict[str, Any]:
    del folder
    return {"upscaler": "none", "scale": 1, "network": False, "restored": None}


def _explored(folder: Path) -> dict[str, Any]:
    rng = np.random.default_rng(2)
    counts = rng.integers(1, 99, (3, 3, 256))
    means = np.stack([np.full((96, 96, 3), level) for level in (150.0, 170.0)])
    np.savez(folder / "pixels.npz", counts=counts, means=means)
    train = scored()[["id", "label", "group"]].assign(part="train")
    test = pd.DataFrame({"id": ["t0", "t1"], "label": -1, "group": "", "part": "test"})
    table = pd.concat([train, test])
    for column in MEASURES:
        table[column] = rng.normal(0.3, 0.1, len(table))
    table.to_csv(folder / "patches.csv", index=False)
    shown = train.iloc[:4].assign(why=["sample", "sample", "darkest", "brightest"], brightness=150)
    shown.to_csv(folder / "shown.csv", index=False)
    np.savez(folder / "shown.npz", pixels=rng.integers(0, 256, (4, 96, 96, 3)).astype(np.uint8))
    return {"classes": {"0": 24, "1": 24}, "patches": {"train": PATCHES, "test": 2},
            "quarantined": {"train": 0, "test": 0},
            "brightness": {"fences": [90.0, 230.0], "below": 1, "above": 0},
            "shift": {"columns": {name: {"distance": 0.1, "steps": 0.2} for name in COMPARED},
                      "auc": None, "error": None}}  # fmt: skip


def _splits(folder: Path) -> dict[str, Any]:
    roles = np.repeat(ROLES, PATCHES // 4)
    table = scored()[["id", "label", "group"]].assign(role=roles, tune="")
    table.to_csv(folder / "splits.csv", index=False)
    return {"patches": dict(zip(ROLES, (24, 6, 6, 12), strict=True)),
            "positive_share": dict.fromkeys(ROLES, 0.5),
            "groups": dict(zip(ROLES, (4, 1, 1, 2), strict=True)), "tuning_patches": 12,
            "unused": 2, "published": False, "random_leak": 0.25}  # fmt: skip


def _prepared(folder: Path) -> dict[str, Any]:
    ids = list(scored()["id"])
    write_patch_store(folder / "train", ids, lambda _: [np.zeros((PATCHES, 8, 8, 3), np.uint8)])
    return {"patches": {"train": PATCHES, "test": 2}, "region": 32, "upscaler": "none",
            "stored_side": 8}  # fmt: skip


def _folds() -> dict[str, Any]:
    table = scored()
    found = scores(table["label"].to_numpy(), table["probability"].to_numpy(), 0.5)
    return {"folds": [found, found], "mean": found, "deviation": dict.fromkeys(found, 0.0),
            "parameters": 227265, "notes": []}  # fmt: skip


def _history() -> pd.DataFrame:
    names = [f"{part}{name}" for part in ("", "val_") for name in ("loss", "accuracy", "auc", "f1")]
    return pd.DataFrame({"epoch": [1, 2], **{name: [0.5, 0.6] for name in names}})


def _histories(folder: Path, **columns: str) -> None:
    both = [_history().assign(fold=fold, **columns) for fold in (0, 1)]
    pd.concat(both).to_csv(folder / "histories.csv", index=False)


LEAD = {"value": 0.0123, "low": -0.0456, "high": 0.0678}


def _comparison(folder: Path) -> dict[str, Any]:
    _histories(folder, model="custom_cnn")
    return {"winner": "custom_cnn", "criterion": "auc",
            "models": {"custom_cnn": _folds() | {"seconds": 75.0},
                       "resnet50": _folds() | {"seconds": 80.0, "winners_lead": LEAD}}}  # fmt: skip


def _tuned(folder: Path) -> dict[str, Any]:
    trials = {"trial": ["0001", "0000", "0002"], "status": "COMPLETED", "score": [0.8, 0.7, 0.6],
              "epochs": 1, "goes_on_from": "", "seconds": 2.0, "note": "",
              "learning_rate": [1e-3, 1e-4, 1e-2]}  # fmt: skip
    pd.DataFrame(trials).to_csv(folder / "trials.csv", index=False)
    return {"model": "tunable_cnn", "hyperparameters": {"learning_rate": 1e-3},
            "objective": "val_auc", "score": 0.8, "trials": 3, "failed": 0,
            "seconds": 6.0, "patches": {"train": 8, "validation": 4}}  # fmt: skip


def _crossvalidated(folder: Path) -> dict[str, Any]:
    scored().assign(fold=np.arange(PATCHES) // 24).to_csv(folder / "predictions.csv", index=False)
    _histories(folder)
    return {"model": "tunable_cnn", **_folds(), "models": {"tunable_cnn": _folds()}}


def _model(folder: Path) -> dict[str, Any]:
    _history().assign(model="tunable_cnn").to_csv(folder / "history.csv", index=False)
    return {"model": "tunable_cnn", "hyperparameters": {}, "parameters": 3402241, "epochs": 2,
            "best_epoch": 2, "patches": {"train": 30, "validation": 6}, "form": "single",
            "views": 8, "others": [], "folds": 0,
            "notes": ["Batches of 16 from then on."]}  # fmt: skip


def _decision(folder: Path) -> dict[str, Any]:
    scored().to_csv(folder / "predictions.csv", index=False)
    found = _folds()["mean"]
    return {"form": "single", "views": 8, "threshold": THRESHOLD, "interval": [0.35, 0.47],
            "calibrated_threshold": 0.44, "rule": "the highest F1", "patches": 6, "groups": 1,
            "at_half": found, "at_threshold": found, "method": "temperature", "temperature": 1.7,
            "before": {"ece": 0.2, "brier": 0.3}, "after": {"ece": 0.1, "brier": 0.2}}  # fmt: skip


def _evaluation(folder: Path) -> dict[str, Any]:
    table = scored().assign(slide=lambda rows: rows["group"])
    table["calibrated_probability"] = table["probability"]
    table.to_csv(folder / "predictions.csv", index=False)
    by_slide(table, THRESHOLD).to_csv(folder / "slides.csv", index=False)
    errors = confident_errors(table, THRESHOLD, 3)
    errors.to_csv(folder / "errors.csv", index=False)
    np.savez(folder / "errors.npz", pixels=np.zeros((len(errors), 96, 96, 3), np.uint8))
    labels, probabilities = table["label"].to_numpy(), table["probability"].to_numpy()
    figures: dict[str, Any] = {"patches": PATCHES, "groups": 8, "slides": 8}
    for name, at in (("at_half", 0.5), ("at_threshold", THRESHOLD)):
        found = scores(labels, probabilities, at)
        figures[name] = {"threshold": at, "scores": found,
                         "intervals": {score: [0.7531, 0.9642] for score in found},
                         "confusion": confusion(labels, probabilities, at)}  # fmt: skip
    figures["at_sensitivity"] = [
        {"sensitivity": 0.9, "specificity": 0.6789, "interval": [0.5, 0.8]}
    ]
    errors = {"ece": 0.0777, "brier": 0.2, "intervals": {"ece": [0.0, 0.1], "brier": [0.1, 0.3]}}
    figures["calibration"] = {"method": "temperature", "before": errors, "after": errors}
    return figures


def _optimism(folder: Path) -> dict[str, Any]:
    del folder
    found = {"threshold": 0.3, "patches": 12, "scores": _folds()["mean"] | {"accuracy": 0.9876}}
    folds = {"patches": 12, "at_half": _folds()["mean"], "at_own": _folds()["mean"]}
    honest = found | {"scores": _folds()["mean"] | {"accuracy": 0.8765}, "interval": [0.81, 0.91]}
    return {
        **dict.fromkeys(("tuned_on_test", "chose_the_epoch", "trained_on"), found),
        "honest": honest,
        "folds": folds,
        "random_split": found | {"leaking": 0.5, "scores": _folds()["mean"] | {"auc": 0.9654}},
    }


def _explanation(folder: Path) -> dict[str, Any]:
    table = scored().iloc[:2].assign(kind=["true positive", "false negative"], shown=True)
    table.to_csv(folder / "explained.csv", index=False)
    maps = np.linspace(-1, 1, 2 * 8 * 8, dtype=np.float32).reshape(2, 8, 8)
    pixels = np.zeros((2, 8, 8, 3), np.uint8)
    np.savez(folder / "gallery.npz", pixels=pixels, grad_cam=abs(maps), integrated_gradients=maps)
    found = {"mean": 0.25, "interval": [0.2, 0.3], "count": 12}
    untrained = {"correlation": found, "share": found}
    methods = ("grad_cam", "integrated_gradients")
    return {"patches": 12, "groups": 2, "region": 96, "uniform": 1 / 9, "layers": ["last"],
            "centre_pooled": [],
            "map_sides": [4], "shares": {method: {"all": found} for method in methods},
            "completeness_error": 0.03, "untrained":
            dict.fromkeys(methods, untrained) | {"patches": 2, "draws": 3}}  # fmt: skip


def _predictions(folder: Path) -> dict[str, Any]:
    pd.DataFrame({"id": ["t0", "t1"], "probability": [0.1, 0.9], "prediction": [0, 1]}).to_csv(
        folder / "predictions.csv", index=False
    )
    return {"patches": 2, "positive": 1, "expected_positive": 0.9,
            "flags": {"near the threshold": 1}}  # fmt: skip


def _submission(folder: Path) -> dict[str, Any]:
    del folder
    return {"rows": 2, "submit": "probability", "positive": 1}


def _receipts(folder: Path) -> dict[str, Any]:
    del folder
    return {"receipts": [{"address": f"s3://products/{HOSTILE}", "bytes": 31,
                          "sha256": "ab" * 32, "sent": True}]}  # fmt: skip


Run = dict[str, Artifact]


def write(folder: Path, run: Run) -> tuple[dict[str, Any], str]:
    folder.mkdir()
    figures = report.function(folder, recipe=load_recipe("demo"), **run)
    return dict(figures), (folder / REPORT).read_text()


@pytest.fixture(scope="module")
def written(
    tmp_path_factory: pytest.TempPathFactory, finished_run: Run
) -> tuple[dict[str, Any], str]:
    return write(tmp_path_factory.mktemp("report") / "first", finished_run)


def test_page_loads_nothing(written: tuple[dict[str, Any], str]) -> None:
    html = written[1]
    loaded = re.findall(r'(?:src|href|action|poster|data)="([^"]*)"', html)
    assert all(target.startswith(("data:image/png;base64,", "#")) for target in loaded)
    assert not re.search(r"@import|url\((?!#)|<link|<script src|https?://", html)


def test_headline_numbers_stand_on_the_page(written: tuple[dict[str, Any], str]) -> None:
    figures, html = written
    headline = figures["headline"]
    assert figures["bytes"] == len(html.encode())
    assert headline["auc_low"] == 0.7531
    assert headline["test_positive"] == 1
    for name in ("auc", "auc_low", "auc_high", "threshold", "precision", "recall"):
        assert f"{headline[name]:.3f}" in html, name
    assert "of 2 test patches (50.0%)" in html
    assert "Not for clinical use" in html
    assert "s3://products/" in html


def test_equal_artifacts_give_equal_bytes(
    tmp_path: Path, finished_run: Run, written: tuple[dict[str, Any], str]
) -> None:
    assert write(tmp_path / "again", finished_run)[1] == written[1]


def test_ids_are_unique_and_every_reference_resolves(written: tuple[dict[str, Any], str]) -> None:
    html = written[1]
    ids = Counter(re.findall(r'\sid="([^"]+)"', html))
    assert [name for name, count in ids.items() if count > 1] == []
    references = re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)|labelledby="([^"]+)"', html)
    assert {"".join(found) for found in references} <= set(ids)


def test_every_picture_is_described(written: tuple[dict[str, Any], str]) -> None:
    html = written[1]
    assert html.count('<figure class="picture">') == html.count('<svg role="img"')
    assert all(re.findall(r'<img [^>]*alt="([^"]*)"', html))
    assert "#010203" not in html


def test_names_from_outside_are_escaped(written: tuple[dict[str, Any], str]) -> None:
    html = written[1]
    assert HOSTILE not in html
    assert html.count("&lt;script&gt;") >= 3  # verdict, splits, receipt, ...


def test_what_a_random_split_would_have_leaked_is_told(written: tuple[dict[str, Any], str]) -> None:
    html = written[1]
    assert "25.0% of the test would have had a member of its group" in html
    assert "2 labelled patches are unused" in html
    assert "Patches of the same place" in html
    assert "56% shared" in html


def test_the_notebooks_claim_stands_beside_the_honest_figure(
    written: tuple[dict[str, Any], str],
) -> None:
    html = written[1]
    assert "would have claimed accuracy 0.988" in html
    assert "honest is 0.876 (0.810 to 0.910) on the 12 held-out patches." in html
    assert "50.0% have a member of their group among those that train" in html
    assert '<td class="r">0.965</td>' in html


def test_the_command_asks_for_the_settings(tmp_path: Path, finished_run: Run) -> None:
    changes = {"final.others.resnet50": 1e-4, "tune.space.widths": [0.5, 1], "split.seed": 3,
               "tune.training.max_steps": None}  # fmt: skip
    changed = load_recipe("demo", changes)
    report.function(tmp_path, recipe=changed, **finished_run)
    text = html.unescape((tmp_path / REPORT).read_text())
    (command,) = re.findall(r"<code>(.*?)</code>", text, re.DOTALL)
    words = shlex.split(command.replace("\\\n", " "))
    assert words[:4] == ["pcam", "train", "--recipe", "demo"]
    asked = [after for word, after in pairwise(words) if word == "--set"]
    assert load_recipe("demo", parse_changes(asked)) == changed
    assert len(asked) == 4


def test_decision_slides_errors_and_flags_are_told(written: tuple[dict[str, Any], str]) -> None:
    html = written[1]
    for told in (
        "chosen by the highest F1",
        "between 0.350 and 0.470",
        "Specificity at a sensitivity of 0.90",
        "0.679",
        "Expected calibration error",
        "Slides, the worst first",
        "The 3 most confident errors",
        "near the threshold",
        "expected there by calibrated probability",
    ):
        assert told in html, told


def test_the_winners_lead_and_what_did_not_go_as_set_are_told(
    written: tuple[dict[str, Any], str],
) -> None:
    _, html = written
    assert "+0.012 (-0.046 to +0.068)" in html
    assert "Batches of 16 from then on." in html


def test_unknown_slides_are_a_warning_in_the_verdict(finished_run: Run) -> None:
    run = finished_run
    numbers = headline(run["evaluation"], run["predictions"], run["model"])
    trusted = ("groups", "splits", "model", "evaluation")
    found = verdict(numbers, **{name: run[name] for name in trusted})
    assert found.warned
    assert not found.leak
    assert "may be a little optimistic" in found.honesty


def test_a_planted_leak_stands_in_the_verdict(
    tmp_path: Path, finished_run: Run, written: tuple[dict[str, Any], str]
) -> None:
    def everywhere(folder: Path) -> dict[str, Any]:
        figures = _groups(folder)
        ids = scored()["id"]
        pairs = [(a, b) for a in ids for b in ids if a < b]
        found = pd.DataFrame(pairs, columns=["first", "second"])
        found.to_csv(folder / "pairs.csv", index=False)
        return figures

    run = finished_run | {"groups": make(tmp_path, "groups", everywhere)}
    _, html = write(tmp_path / "report", run)
    told = "Leak: 12 of the test part&#39;s patches (100.0%) share pixels with patches that"
    assert html.count(told) == 2  # in the verdict and in the chapter on the splits
    assert told in html.partition("<section")[0]
    assert "Leak:" not in written[1]


def test_png_data_uri_keeps_below_its_limit(finished_run: Run) -> None:
    figure = classes(finished_run["explored"])
    uri = png_data_uri(figure)
    assert base64.b64decode(uri.partition(",")[2]).startswith(b"\x89PNG")
    assert len(png_data_uri(figure, len(uri) - 1)) < len(uri)
    with pytest.raises(ValueError, match="more than 10"):
        png_data_uri(figure, 10)
