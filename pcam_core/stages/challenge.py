"""Decide whether a challenger is better than the champion."""

from pathlib import Path
from typing import Any

from pcam_core.artifact import Artifact
from pcam_core.promotion.gate import Measured, judge
from pcam_core.promotion.settings import PromotionSettings
from pcam_core.stage import stage
from pcam_core.stages.evaluate import read_held_out


@stage(numeric=True)
def challenge(
    folder: Path, *, challenger: Artifact, champion: Artifact, settings: PromotionSettings
) -> dict[str, Any]:
    """Compare two artifacts of `evaluate` on the same hold-out; see `judge`.

    The folder stays empty.

    Figures: `better`; `objections`, why not; `difference` in AUC with its 95 % `interval`; `auc`,
    `sensitivity` and `calibration_error` of "challenger" and "champion"; patches and groups.
    """
    del folder
    models = {"challenger": challenger, "champion": champion}
    measured = {name: _measured(artifact) for name, artifact in models.items()}
    found = judge(measured["challenger"], measured["champion"], settings)
    return {
        "better": not found.objections,
        "objections": list(found.objections),
        "difference": found.difference.value,
        "interval": [found.difference.low, found.difference.high],
        "patches": challenger.figures["patches"],
        "groups": challenger.figures["groups"],
        **{
            name: {
                "auc": artifact.figures["at_threshold"]["scores"]["auc"],
                "sensitivity": measured[name].sensitivity,
                "calibration_error": measured[name].calibration_error,
            }
            for name, artifact in models.items()
        },
    }


def _measured(evaluation: Artifact) -> Measured:
    figures = evaluation.figures
    return Measured(
        read_held_out(evaluation),
        figures["at_threshold"]["scores"]["recall"],
        figures["calibration"]["after"]["ece"],
    )
