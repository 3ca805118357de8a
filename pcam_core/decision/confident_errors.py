"""The errors that a model is surest of."""

import pandas as pd


def confident_errors(table: pd.DataFrame, threshold: float, most: int) -> pd.DataFrame:
    """Return the rows that are wrong at the threshold, the farthest from their label first.

    Args:
        table: At least the columns id, label (0 or 1) and probability (0..1).
        threshold: From which on a patch counts as positive.
        most: Rows to return at most.
    """
    wrong = table[(table["probability"] >= threshold) != (table["label"] == 1)]
    distance = (wrong["probability"] - wrong["label"]).abs()
    ordered = wrong.assign(distance=distance).sort_values(
        ["distance", "id"], ascending=[False, True]
    )
    return ordered.drop(columns="distance").head(most).reset_index(drop=True)
