"""The chapters on the trainings: comparison, cross-validation, final model."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any

import pandas as pd

from pcam_core.artifact import Artifact
from pcam_core.report import model_figures as draw
from pcam_core.report.blocks import Block, Chapter, Note, Row, Table, Text, picture
from pcam_core.report.result_figures import roc
from pcam_core.units import duration

_SCORES = ("accuracy", "auc", "precision", "recall", "f1")


def compared(comparison: Artifact) -> Chapter:
    """Show how the candidates did."""
    figures = comparison.figures
    models: dict[str, Any] = figures["models"]
    criterion, winner = figures["criterion"], figures["winner"]
    rows = [
        (
            f"{name}\N{NO-BREAK SPACE}★" if name == winner else name,
            *(spread(found["mean"][score], found["deviation"][score]) for score in _SCORES[:2]),
            "" if name == winner else _lead(found["winners_lead"]),
            f"{found['parameters']:,}",
            duration(found["seconds"]),
            *(spread(found["mean"][score], found["deviation"][score]) for score in _SCORES[2:]),
        )
        for name, found in models.items()
    ]
    folds = len(models[winner]["folds"])
    best = models[winner]["mean"][criterion]
    words = draw.readable(criterion)
    histories = pd.read_csv(comparison.path / "histories.csv")
    shown = "val_auc" if criterion == "auc" else "val_accuracy"
    most = int(histories["epoch"].max())
    return Chapter(
        "comparison",
        "Model comparison",
        [
            Text(
                f"{winner} wins with a mean {words} of {best:.3f} over {folds} folds, a fresh model"
                " in every fold; accuracy is taken at .5, not at each fold's own best threshold."
            ),
            Row(
                [
                    picture(
                        "comparison", "Scores of the candidates", draw.comparison_bars(comparison),
                        f"Bars are means over {folds} folds and dots the folds: {winner} leads in"
                        f" {words} with {best:.3f}.",
                    ),
                    picture(
                        "comparison-curves", "Learning curves",
                        draw.learning_curves(histories, shown, "model"),
                        f"{draw.readable(shown).capitalize()} after each of at most {most}"
                        f" epoch{'s' if most > 1 else ''}, a line a fold.".replace("auc", "AUC"),
                    ),
                ]
            ),
            Table(
                "Means ± deviation over the folds",
                (
                    "Model",
                    *map(_heading, _SCORES[:2]),
                    f"{winner}'s lead in AUC",
                    "Parameters",
                    "Time",
                    *map(_heading, _SCORES[2:]),
                ),
                rows,
                "l" + "r" * 8,
                "Accuracy, precision, recall and F1 at .5. The lead is over the patches of all"
                " folds, with its paired 95 % interval over groups: where that holds 0, the two"
                " cannot be told apart.",
            ),
            *_notes(found["notes"] for found in models.values()),
        ],
    )  # fmt: skip


def folds(crossvalidated: Artifact) -> Chapter:
    """Show the folds of the tuned model."""
    figures = crossvalidated.figures
    rows = [
        (f"fold {n}", *(f"{fold[score]:.3f}" for score in _SCORES))
        for n, fold in enumerate(figures["folds"], start=1)
    ]
    mean, deviation = figures["mean"], figures["deviation"]
    rows.append(("mean ± deviation", *(spread(mean[s], deviation[s]) for s in _SCORES)))
    table = pd.read_csv(crossvalidated.path / "predictions.csv", dtype={"id": str})
    curves = {f"fold {int(f) + 1}": part for f, part in table.groupby("fold", sort=True)}  # type: ignore[arg-type]
    histories = pd.read_csv(crossvalidated.path / "histories.csv")
    areas = [fold["auc"] for fold in figures["folds"]]
    by = "model" if len(figures["models"]) > 1 else "fold"
    return Chapter(
        "crossvalidation",
        "Cross-validation",
        [
            Text(
                f"A fresh {figures['model']} with the best hyperparameters in each of {len(areas)}"
                f" folds, measured on the fold it has not seen.{_averaged(figures)}"
            ),
            Row(
                [
                    picture(
                        "cv-roc", "Out-of-fold ROC", roc(curves),
                        f"The area under the curve lies between {min(areas):.3f} and"
                        f" {max(areas):.3f} from fold to fold.",
                    ),
                    picture(
                        "cv-curves", "Learning curves of the folds",
                        draw.learning_curves(histories, "val_auc", by),
                        "Validation AUC after each epoch; lines far apart mean that the result"
                        " hangs on which groups are left out.",
                    ),
                ]
            ),
            Table(
                "Scores of the folds", ("Fold", *map(_heading, _SCORES)), rows, "lrrrrr",
                "Accuracy, precision, recall and F1 at .5.",
            ),
            *_notes([figures["notes"]]),
        ],
    )  # fmt: skip


def _averaged(figures: Mapping[str, Any]) -> str:
    alone = {name: found["mean"]["auc"] for name, found in figures["models"].items()}
    if len(alone) == 1:
        return ""
    others = " and ".join(list(alone)[1:])
    told = ", ".join(f"{name} {auc:.3f}" for name, auc in alone.items())
    return (
        f" All scores are those of the mean probability with {others}, trained in the same folds."
        f" Mean AUC alone: {told}; together {figures['mean']['auc']:.3f}."
    )


def final_model(model: Artifact, watch: str) -> Chapter:
    """Show what the model that goes into service is made of, and its own training if it has one."""
    figures = model.figures
    blocks: list[Block] = [Text(_made_of(figures))]
    if figures["form"] != "folds":
        history = pd.read_csv(model.path / "history.csv")
        own = history[history["model"] == figures["model"]]
        at_best = own.loc[own["epoch"] == figures["best_epoch"], watch].iloc[0]
        words = draw.readable(watch)
        curve = picture(
            "final", "Learning curve", draw.final_curve(model, watch),
            f"The dashed line marks epoch {figures['best_epoch']} of {figures['epochs']} of"
            f" {figures['model']}, whose weights are kept: {words} {at_best:.3f}.",
        )  # fmt: skip
        blocks.append(Row([curve]))
    return Chapter("final", "Final model", [*blocks, *_notes([figures["notes"]])])


def _made_of(figures: Mapping[str, Any]) -> str:
    names = " and ".join([figures["model"], *figures["others"]])
    folds, single = f"the models of {figures['folds']} folds of {names}", f"{names}, trained once"
    made = {
        "single": single,
        "folds": f"the mean over {folds}",
        "both": f"the mean of two halves: {single}, and {folds}",
    }[figures["form"]]
    text = f"The final model is {made}; {figures['parameters']:,} parameters."
    if figures["others"]:
        text += " The probabilities of different networks are averaged as they are."
    if figures["form"] != "folds":
        patches = figures["patches"]
        text += (
            f" The single training saw {patches['train']:,} patches; {patches['validation']:,}"
            " others chose the epoch."
        )
    if figures["views"] > 1:
        text += (
            f" It looks at a patch {figures['views']} times,"
            f" {'turned' if figures['views'] == 4 else 'flipped and turned'}, and gives the mean"
            " probability."
        )
    return text


def spread(mean: float, deviation: float) -> str:
    """Return a mean and its deviation as text."""
    return f"{mean:.3f} ± {deviation:.3f}"


def number(value: Any) -> str:
    """Return a cell's value as a short text; a dash for none."""
    if value is None or value != value:
        return "-"
    if isinstance(value, float):
        return f"{value:,.0f}" if value.is_integer() and abs(value) < 1e15 else f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def _lead(found: Mapping[str, float]) -> str:
    return f"{found['value']:+.3f} ({found['low']:+.3f} to {found['high']:+.3f})"


def _notes(trainings: Iterable[Sequence[str]]) -> list[Note]:
    """Return what did not go as set in some trainings, each once."""
    return [Note(text) for text in dict.fromkeys(chain.from_iterable(trainings))]


def _heading(score: str) -> str:
    return {"auc": "AUC", "f1": "F1"}.get(score, score.capitalize())
