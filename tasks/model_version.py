"""Every final model as a version in the registry."""

import json
import logging
from pathlib import Path

from pcam_core.promotion.hold_out import HoldOut
from pcam_core.stages.final import MODEL as MODEL_FILE
from tasks.registry import MODEL, new_version, registering
from tasks.tracked_run import TrackedRun

logger = logging.getLogger(__name__)

_DESCRIPTION = 5000  # characters, MLflow's limit


def register_model(run: TrackedRun, hold_out: HoldOut | None) -> int:
    """Make the finished run's model a version, and return its number; the same model is one once.

    Raises:
        InputError: MLflow refuses or cannot be reached.
    """
    run.finish()
    assert run.id is not None
    artifacts, record = run.artifacts, run.record
    # Names model, threshold and what it was measured on.
    key = artifacts["evaluate"].key
    with registering(run.out, "cannot register the model") as client:
        same = client.search_model_versions(f"name = '{MODEL}' and tag.key = '{key}'")
        if same:
            return min(int(version.version) for version in same)
        receipts = artifacts["upload"].figures["receipts"]
        receipt = next(r for r in receipts if Path(r["address"]).name == MODEL_FILE)
        numbers = artifacts["report"].figures["headline"]
        shown = ("auc", "auc_low", "auc_high", "precision", "recall")
        tags = {
            "key": key,
            "address": receipt["address"],
            "sha256": receipt["sha256"],
            "views": str(artifacts["final"].figures["views"]),
            "threshold": repr(numbers["threshold"]),
            "metrics": json.dumps({name: numbers[name] for name in shown}),
            "model": numbers["model"],
            "recipe": record.recipe,
            "data": record.data,
            "data_key": record.data_key or "",
            "split_key": artifacts["split"].key,
            "code": record.code_revision,
            "run": record.id,
        }
        if hold_out:
            tags["hold_out"] = str(hold_out.version)
        card = run.card
        text = card.read_text() if card else f"{numbers['model']}, AUC {numbers['auc']:.3f}"
        text = text[:_DESCRIPTION]
        made = new_version(client, run.uri, MODEL, receipt["address"], run.id, tags, text)
    logger.info("Registered as version %s of %s.", made.version, MODEL)
    return int(made.version)
