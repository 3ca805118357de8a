"""Figures of single slides."""

import pandas as pd
from sklearn.metrics import roc_auc_score


def by_slide(table: pd.DataFrame, threshold: float) -> pd.DataFrame:
    """Return a row for each known slide, the least accurate first.

    Args:
        table: Columns slide ("" where it is not known), label (0 or 1) and probability (0..1).
        threshold: From which on a patch counts as positive.

    Returns:
        Columns slide, patches, positive (how many), accuracy (0..1, at the threshold) and auc
        (0..1; NaN where the slide holds one class only).
    """
    known = table[table["slide"] != ""]
    right = (known["probability"] >= threshold) == (known["label"] == 1)
    rows = [
        {
            "slide": slide,
            "patches": len(part),
            "positive": int(part["label"].sum()),
            "accuracy": float(right[part.index].mean()),
            "auc": float(roc_auc_score(part["label"], part["probability"]))
            if part["label"].nunique() == 2
            else float("nan"),
        }
        for slide, part in known.groupby("slide")
    ]
    found = pd.DataFrame(rows, columns=["slide", "patches", "positive", "accuracy", "auc"])
    return found.sort_values(["accuracy", "slide"], ignore_index=True)
