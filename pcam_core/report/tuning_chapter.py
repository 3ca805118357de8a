"""The chapter on the search for hyperparameters."""

import pandas as pd

from pcam_core.artifact import Artifact
from pcam_core.report import tuning_figures as draw
from pcam_core.report.blocks import Block, Chapter, Note, Row, Table, Text, picture
from pcam_core.report.hyperparameter_importance import Importance, importance, varying
from pcam_core.report.model_chapters import number
from pcam_core.report.model_figures import readable
from pcam_core.stages.tune import read_trials
from pcam_core.training.trial_columns import TOLD
from pcam_core.units import duration

_MAX_TRIALS = 40
_LEAST_FOR_PICTURES = 3


def tuning(tuned: Artifact) -> Chapter:
    """Show the trials, what mattered among them, and what was chosen."""
    figures = tuned.figures
    trials = read_trials(tuned)
    words = readable(figures["objective"])
    own = [name for name in trials.columns if name not in TOLD]
    rows = [
        [
            row["trial"] + (f" ← {row['goes_on_from']}" if row["goes_on_from"] else ""),
            row["status"].lower(),
            number(row["score"]),
            number(row["epochs"]),
            duration(row["seconds"]),
            *(number(row[name]) for name in own),
        ]
        for row in trials.head(_MAX_TRIALS).to_dict("records")
    ]
    left = len(trials) - len(rows)
    best = [(name.replace("_", " "), number(v)) for name, v in figures["hyperparameters"].items()]
    patches = figures["patches"]
    return Chapter(
        "tuning",
        "Tuning",
        [
            Text(
                f"Hyperband drew {figures['trials']} trials in {duration(figures['seconds'])},"
                f" trained on {patches['train']:,} patches and scored on"
                f" {patches['validation']:,} others whose groups they had not seen. The best, a"
                f" {figures['model']}, reached a {words} of {figures['score']:.3f}; its"
                " hyperparameters are used in cross-validation and in the final training."
            ),
            *_failures(trials),
            Table("Best hyperparameters", ("Hyperparameter", "Value"), best, "lr"),
            *_pictures(trials, figures["objective"]),
            Table(
                "All trials, best first" if not left else f"The best {_MAX_TRIALS} trials",
                (
                    "Trial",
                    "Status",
                    words,
                    "Epochs",
                    "Time",
                    *(name.replace("_", " ") for name in own),
                ),
                rows,
                "ll" + "r" * (3 + len(own)),
                "← names the trial of the same hyperparameters that one goes on from."
                + (f" {left} more stand in trials.csv." if left else ""),
            ),
        ],
    )


def _failures(trials: pd.DataFrame) -> list[Block]:
    failed = trials[trials["status"] == "FAILED"]
    reasons = failed["note"].value_counts()
    return [
        Note(f"{count} trial{'s' if count > 1 else ''} failed. {reason}")
        for reason, count in reasons.items()
    ]


def _pictures(trials: pd.DataFrame, objective: str) -> list[Block]:
    completed = trials[trials["score"].notna()]
    longest = completed[~completed["trial"].isin(completed["goes_on_from"])]
    varied = varying(longest)
    if len(longest) < _LEAST_FOR_PICTURES or not varied:
        return [Text("So few trials show nothing about single hyperparameters.")]
    pictures = [
        picture(
            "tuning-lines", "Configurations", draw.parallel_coordinates(longest, varied, objective),
            "Each line is a configuration, from its hyperparameters at the top to its score at the"
            " bottom; where the thick lines run together, good configurations agree.",
        ),
        picture(
            "tuning-slices", "Score by hyperparameter", draw.slices(completed, varied, objective),
            "Each dot is a trial, larger with more epochs; the ring marks the best.",
        ),
    ]  # fmt: skip
    found = importance(trials)
    if found is None:
        return [Row(pictures)]
    bars = picture(
        "tuning-importance", "What mattered", draw.importance_bars(found), _sentence(found)
    )
    return [Row([*pictures, bars])]


def _sentence(found: Importance) -> str:
    first = str(found.values.index[0]).replace("_", " ")
    said = (
        f"{first.capitalize()} mattered most, by {found.method} over the first trials of"
        f" {found.configurations} configurations, their scores taken as ranks among equal epochs"
    )
    if found.explained is None:
        return f"{said}; with so few a chance correlation of .3 is common."
    if found.explained <= 0:
        return f"{said}; but the forest predicts no score that it has not seen (R² of {found.explained:.2f}), so read it as noise."  # noqa: E501
    return f"{said}; the forest explains {found.explained:.0%} of scores that it has not seen."
