"""How much each hyperparameter mattered in a search."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from pcam_core.training.trial_columns import TOLD

_LEAST_FOR_RANKS = 8
_LEAST_FOR_FOREST = 20
_REPEATS = 10
_TREES = 200


@dataclass(frozen=True)
class Importance:
    """The importance of the hyperparameters that varied.

    Attributes:
        values: By hyperparameter, largest first: the loss in R2 when its values are shuffled, or
            the size of its rank correlation with the score, 0..1.
        method: In a few words.
        configurations: How many were looked at.
        explained: R2 of the forest on configurations that its trees had not seen (1 is perfect,
            0 or less no better than the mean); None for rank correlations.
    """

    values: "pd.Series[float]"
    method: str
    configurations: int
    explained: float | None


def importance(trials: pd.DataFrame) -> Importance | None:
    """Return how much each hyperparameter mattered, None where trials are too few to tell.

    Only the first trial of a configuration counts, since later ones are picked by score, and its
    score stands as the rank among first trials of as many epochs. From 20 configurations on, it is
    the permutation importance (Breiman 2001, doi:10.1023/A:1010933404324) of a random forest;
    from 8 on, Spearman's rank correlation with each hyperparameter, which sees neither names
    (backbones) nor anything that is best in the middle.

    Args:
        trials: See `pcam_core.training.search.hyperband`.
    """
    first = trials[(trials["goes_on_from"] == "") & trials["score"].notna()]
    varied = varying(first)
    if len(first) < _LEAST_FOR_RANKS or not varied:
        return None
    by_epochs = first.groupby("epochs")["score"]
    ranks = (by_epochs.rank() - 0.5) / by_epochs.transform("count")
    if len(first) < _LEAST_FOR_FOREST:
        numbers = [name for name in varied if pd.api.types.is_numeric_dtype(first[name])]
        found = {
            name: abs(first[name].corr(ranks, method="spearman"))
            for name in numbers
            if first[name].notna().sum() >= _LEAST_FOR_RANKS
        }
        values = pd.Series(found, dtype=float).dropna().sort_values(ascending=False)
        return Importance(values, "rank correlation", len(first), None) if len(values) else None
    from sklearn.ensemble import RandomForestRegressor
    from sklearn.inspection import permutation_importance

    columns = {
        # A layer that a configuration lacks lies below all that others may have.
        name: first[name].fillna(-1)
        if pd.api.types.is_numeric_dtype(first[name])
        else pd.factorize(first[name])[0]
        for name in varied
    }
    inputs = np.column_stack([np.asarray(column, float) for column in columns.values()])
    forest = RandomForestRegressor(_TREES, oob_score=True, min_samples_leaf=2, random_state=0)
    forest.fit(inputs, ranks)
    lost = permutation_importance(forest, inputs, ranks, n_repeats=_REPEATS, random_state=0)
    values = pd.Series(lost.importances_mean, index=varied).clip(lower=0)
    return Importance(
        values.sort_values(ascending=False),
        "permutation importance of a random forest",
        len(first),
        float(forest.oob_score_),
    )


def varying(trials: pd.DataFrame) -> list[str]:
    """Return the hyperparameters that have at least two values in some trials."""
    return [name for name in trials.columns if name not in TOLD and trials[name].nunique() > 1]
