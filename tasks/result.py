"""What a run led to, on its page in Prefect."""

from typing import Any

from prefect.artifacts import create_markdown_artifact

from pcam_core.credentials import without_credentials
from pcam_core.report.embedding import png_data_uri
from pcam_core.report.result_figures import roc
from pcam_core.runs.record import KeyFigures
from pcam_core.stages.evaluate import read_held_out
from pcam_core.stages.report import REPORT
from tasks.registry import MODEL
from tasks.tracked_run import TrackedRun


def show_result(run: TrackedRun, version: int) -> None:
    """Show the key figures of a finished run, and where its report, model and files are.

    Args:
        run: Told MLflow of all.
        version: Of its model in the registry.
    """
    found = KeyFigures.model_validate(run.artifacts["report"].figures["headline"])
    receipts = run.artifacts["upload"].figures["receipts"]
    rows = {
        "Model": f"{found.model}, {_version(run, version)}",
        "Threshold": f"{found.threshold:.3f}: precision {found.precision:.3f}, recall"
        f" {found.recall:.3f}",
        "Report": _report(run),
        "Uploaded": "<br>".join(f"`{receipt['address']}`" for receipt in receipts),
    }
    table = "".join(f"| **{name}** | {value} |\n" for name, value in rows.items())
    picture = png_data_uri(roc({"held-out test": read_held_out(run.artifacts["evaluate"])}))
    title = f"AUC {found.auc:.3f} ({found.auc_low:.3f} to {found.auc_high:.3f})"
    create_markdown_artifact(
        f"## {title} on the held-out test\n\n| | |\n|---|---|\n{table}\n![ROC]({picture})",
        key="result",
        description=f"{title}, version {version}",
    )


def show_decision(version: int, hold_out: int, *, promoted: bool, reason: str) -> None:
    """Show whether a version is the champion now, and why."""
    title = f"Version {version} {'is champion' if promoted else 'is not promoted'}"
    create_markdown_artifact(
        f"## {title}\n\nOn version {hold_out} of the hold-out: {reason}.",
        key="promotion",
        description=f"{title}: {reason}",
    )


def _version(run: TrackedRun, version: int) -> str:
    text = f"version {version} of {MODEL}"
    return _link(run, text, f"models/{MODEL}/versions/{version}")


def _report(run: TrackedRun) -> str:
    info: Any = run.client.get_run(str(run.id)).info
    page = f"experiments/{info.experiment_id}/runs/{run.id}"
    link = _link(run, "in MLflow, with curves and settings", f"{page}/artifacts/{REPORT}")
    return f"{link}<br>`{run.artifacts['report'].path / REPORT}`"


def _link(run: TrackedRun, text: str, page: str) -> str:
    """Return a link to a page of MLflow's UI; a database without a server has none."""
    address = without_credentials(run.uri).rstrip("/")
    return f"[{text}]({address}/#/{page})" if address.startswith("http") else text
