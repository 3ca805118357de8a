"""What a run found, in a few lines."""

from typing import Any

from rich.console import Console
from rich.table import Table

from flows.pipeline import Products
from pcam_core.stages.final import MODEL
from pcam_core.stages.predict import SUBMISSION


def summary(products: Products) -> dict[str, Any]:
    """Return the winner, its figures on the held-out test and where the products lie."""
    test = products.evaluation.figures["at_threshold"]
    low, high = test["intervals"]["auc"]
    return {
        "model": products.model.figures["model"],
        "auc": test["scores"]["auc"],
        "auc_interval": [low, high],
        "threshold": test["threshold"],
        "scores": test["scores"],
        "test_patches": products.evaluation.figures["patches"],
        "test_groups": products.evaluation.figures["groups"],
        "report": str(products.report.path / "report.html"),
        "model_file": str(products.model.path / MODEL),
        "submission": str(products.submission.path / SUBMISSION),
        "uploaded": [receipt["address"] for receipt in products.receipts.figures["receipts"]],
    }


def tell(found: dict[str, Any], console: Console) -> None:
    """Print a summary for people."""
    low, high = found["auc_interval"]
    scores = found["scores"]
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    rows = {
        "Model": found["model"],
        "AUC": f"{found['auc']:.3f} (95 % interval {low:.3f} to {high:.3f}) on"
        f" {found['test_patches']:,} held-out patches of {found['test_groups']:,} groups",
        "Threshold": f"{found['threshold']:.3f}: precision {scores['precision']:.3f},"
        f" recall {scores['recall']:.3f}, accuracy {scores['accuracy']:.3f}",
        "Report": found["report"],
        "Model file": found["model_file"],
        "Submission": found["submission"],
        "Uploaded": found["uploaded"][0] if found["uploaded"] else "nothing",
    }
    for name, value in rows.items():
        table.add_row(f"[bold]{name}[/bold]", value, end_section=False)
    console.print(table, soft_wrap=True)
