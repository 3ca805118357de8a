"""The text of a model card (Mitchell et al. 2019, "Model Cards for Model Reporting",
arXiv:1810.03993).
"""

import html
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined

from pcam_core.model_card.description import ModelDescription

_FEW = 10  # groups
_WORST = 10  # slides


def card(
    description: ModelDescription,
    sources: Sequence[str],
    figures: Mapping[str, Mapping[str, Any]],
    slides: pd.DataFrame,
    thirds: Sequence[Mapping[str, Any]],
) -> str:
    """Return the card as Markdown. Equal arguments give equal text.

    Args:
        description: What the model's JSON says.
        sources: What `pcam_core.datasets.provenance.provenance` returned.
        figures: Those of the artifacts labels, groups, split, final, threshold and evaluate, by
            these names; and under split `leaked`, see `pcam_core.stages.leak`.
        slides: What `pcam_core.stages.evaluate.read_slides` returned.
        thirds: What `pcam_core.decision.brightness.by_brightness` returned.
    """
    environment = Environment(
        loader=PackageLoader("pcam_core", "model_card"),
        autoescape=False,  # noqa: S701 - Markdown; what users name is escaped by `plain`
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"plain": _plain, "score": _score, "between": _between}
    return environment.get_template("model_card.md.j2").render(
        model=description,
        sources=sources,
        slides=slides.head(_WORST).to_dict("records"),
        spread=slides["accuracy"].quantile([0, 0.5, 1]).tolist(),
        thirds=thirds,
        few=_FEW,
        **figures,
    )


def _plain(text: object) -> str:
    """Take from a text what Markdown or HTML would make of it."""
    return html.escape(" ".join(str(text).split())).replace("|", "&#124;").replace("`", "&#96;")


def _score(name: str) -> str:
    words = {"auc": "AUC", "f1": "F1", "recall": "recall (sensitivity)"}
    told = words.get(name, name.replace("_", " "))
    return told[0].upper() + told[1:]


def _between(bounds: Sequence[float]) -> str:
    low, high = bounds
    return f"{low:.3f} to {high:.3f}"
