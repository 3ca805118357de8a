"""Explain what the final model looks at, and check that the explanations can be believed."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pydantic import Field

from pcam_core.artifact import Artifact
from pcam_core.explanation.methods import METHODS
from pcam_core.models.catalogue import CATALOGUE
from pcam_core.section import Section
from pcam_core.stage import stage
from pcam_core.stages.evaluate import read_held_out
from pcam_core.stages.final import load_final
from pcam_core.stages.prepare import open_store

KINDS = ("true positive", "false positive", "false negative", "true negative")

_OF_A_KIND = 4
_CHECKED, _DRAWS = 16, 3  # patches and untrained networks of the sanity check
_EXPLAINED, _UNTRAINED, _GALLERY = "explained.csv", "untrained.csv", "gallery.npz"


class ExplainSettings(Section):
    """How much is explained."""

    patches: int = Field(
        200,
        ge=16,
        le=2_000,
        description="Random patches of the held-out test whose attribution is measured.",
    )
    steps: int = Field(
        32,
        ge=4,
        le=256,
        description="Points between empty glass and patch at which integrated gradients look;"
        " more are more exact.",
    )
    seed: int = Field(42, ge=0, description="Seed of the draw of patches and of untrained weights.")


@stage(numeric=True)
def explanation(
    folder: Path,
    *,
    prepared: Artifact,
    model: Artifact,
    decision: Artifact,
    evaluation: Artifact,
    settings: ExplainSettings,
) -> dict[str, Any]:
    """Write heat maps of patches of the held-out test, and how much of them lies in the centre.

    - `explained.csv`: id, label, group, probability, `kind` (one of `KINDS`, at the threshold),
      whether it is `sampled` at random and whether it is `shown`, and the share of the attribution
      in the centre 32x32 px by method (NaN where a map is empty).
    - `gallery.npz`: of those that are shown, at most four of a kind, the stored `pixels` uint8
      (n, side, side, 3), `grad_cam` float32 (n, side, side), 0 or more, and
      `integrated_gradients` float32 (n, side, side), the sum over the channels.
    - `untrained.csv`: id, group, draw, and by method the share and the `_correlation`, Spearman's,
      of the map with that of an untrained network of the same build.

    Figures: `patches`, `groups`, `region`; `centre_pooled`, those networks of the model whose head
    gets the centre apart; the `layers` and their `map_sides` that Grad-CAM looks
    at; `uniform`, the share that a map has which is the same everywhere; `shares` by method and
    label ("all", "0", "1"; see `mean_with_interval`); `completeness_error`, by which integrated
    gradients miss the difference that they should add up to, as a share of it; and `untrained`: how
    many `patches` and `draws`, and by method the `share` and the size of the `correlation`.
    """
    from pcam_core.explanation.centre_share import (
        centre_shares,
        mean_with_interval,
        uniform_share,
    )
    from pcam_core.explanation.maps import heat_maps
    from pcam_core.explanation.randomised import untrained
    from pcam_core.explanation.tapped import TappedModel

    region = prepared.figures["region"]
    names = {model.figures["model"], *model.figures["others"]}
    table = _chosen(evaluation, decision.figures["threshold"], settings)
    store = open_store(prepared, "train")
    pixels = store.read(store.rows(table["id"]))
    network = load_final(model)
    tapped = TappedModel(network)
    found = heat_maps(tapped, pixels, settings.steps)
    for method in METHODS:
        table[method] = centre_shares(found.maps[method], region)
    table.to_csv(folder / _EXPLAINED, index=False)
    shown = table["shown"].to_numpy()
    np.savez(
        folder / _GALLERY,
        pixels=pixels[shown],
        **{method: found.maps[method][shown] for method in METHODS},
    )

    checked = table.iloc[:_CHECKED]  # the sample comes first
    by_draw = pd.concat(
        [
            _compared(checked, found.maps, theirs.maps, region).assign(draw=draw)
            for draw, other in enumerate(untrained(network, settings.seed, _DRAWS))
            for theirs in [heat_maps(TappedModel(other), pixels[:_CHECKED], settings.steps)]
        ]
    )
    by_draw.to_csv(folder / _UNTRAINED, index=False)

    sample = table[table["sampled"]]
    by_label = {"all": sample} | {str(label): rows for label, rows in sample.groupby("label")}
    return {
        "patches": len(sample),
        "groups": int(sample["group"].nunique()),
        "region": region,
        "centre_pooled": [e.name for e in CATALOGUE if e.centre_pooled and e.name in names],
        "uniform": uniform_share(region),
        "layers": [each.layer for each in tapped.maps],
        "map_sides": [each.grid.count for each in tapped.maps],
        "shares": {
            method: {
                label: mean_with_interval(rows[method], rows["group"])
                for label, rows in by_label.items()
            }
            for method in METHODS
        },
        "completeness_error": found.completeness_error,
        "untrained": {
            "patches": len(checked),
            "draws": _DRAWS,
            **{
                method: {
                    "share": mean_with_interval(by_draw[method], by_draw["group"]),
                    "correlation": mean_with_interval(
                        by_draw[f"{method}_correlation"].abs(), by_draw["group"]
                    ),
                }
                for method in METHODS
            },
        },
    }


def read_gallery_maps(artifact: Artifact) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Return the patches that are shown, and their pixels and maps.

    Returns:
        The rows of `explained.csv`, and the arrays of `gallery.npz` in the same order; see
        `explanation`.
    """
    table = pd.read_csv(
        artifact.path / _EXPLAINED,
        dtype={"id": str, "group": str},
        keep_default_na=False,
        na_values=dict.fromkeys(METHODS, ""),
    )
    with np.load(artifact.path / _GALLERY) as arrays:
        return table[table["shown"]].reset_index(drop=True), dict(arrays)


def _chosen(evaluation: Artifact, threshold: float, settings: ExplainSettings) -> pd.DataFrame:
    """Draw the sample, and after it whatever else the gallery shows of each kind."""
    table = read_held_out(evaluation)[["id", "label", "group", "probability"]]
    table = table.sample(frac=1, random_state=settings.seed).reset_index(drop=True)
    called = table["probability"] >= threshold
    right = called == (table["label"] == 1)
    names = {(True, True): KINDS[0], (False, True): KINDS[1], (False, False): KINDS[2]}
    table["kind"] = [names.get(both, KINDS[3]) for both in zip(right, called, strict=True)]
    table["sampled"] = table.index < settings.patches
    table["shown"] = table.groupby("kind").cumcount() < _OF_A_KIND
    return table[table["sampled"] | table["shown"]].reset_index(drop=True)


def _compared(
    checked: pd.DataFrame, ours: dict[str, Any], theirs: dict[str, Any], region: int
) -> pd.DataFrame:
    from pcam_core.explanation.centre_share import centre_shares
    from pcam_core.explanation.randomised import rank_correlations

    table = checked[["id", "group"]].copy()
    for method, maps in theirs.items():
        table[method] = centre_shares(maps, region)
        table[f"{method}_correlation"] = rank_correlations(ours[method][: len(maps)], maps)
    return table
