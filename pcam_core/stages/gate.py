"""Stop bad data before anything is trained on it, with Great Expectations."""

import json
import logging
import os
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
from pydantic import Field

from pcam_core.artifact import Artifact
from pcam_core.datasets import Dataset, Part
from pcam_core.errors import InputError
from pcam_core.listing import listing
from pcam_core.patches import BITS, MODE, SIDE, Pixels, in_parallel
from pcam_core.progress import track
from pcam_core.section import Section
from pcam_core.stage import stage
from pcam_core.stages.labels import read_ids

WHITE = 204  # 80 % of 255


class GateSettings(Section):
    """What the data must look like."""

    min_positive_share: float = Field(
        0.05, ge=0, le=1, description="Smallest plausible share of positive labels (0 to 1)."
    )
    max_positive_share: float = Field(
        0.95, ge=0, le=1, description="Largest plausible share of positive labels (0 to 1)."
    )
    max_uniform_share: float = Field(
        0.01, ge=0, le=1, description="Warn above this share of patches of one colour (0 to 1)."
    )


@stage()
def gate(
    folder: Path, *, data: Dataset, labels: Artifact, settings: GateSettings
) -> dict[str, Any]:
    """Decode and measure every patch, then check labels and measurements.

    Writes `properties.csv` (id, part, fault, then per patch the mean and deviation of each
    channel, 0..255, and the share of pixels brighter than 80 %) and `expectations.json`.

    Raises:
        InputError: An expectation of severity "critical" fails; every item is named.
    """
    train, test = read_ids(labels, "train"), read_ids(labels, "test")
    parts = pd.concat([train[["id"]].assign(part="train"), test.assign(part="test")])
    patches = list(zip(parts["part"], parts["id"], strict=True))

    def measure(patch: tuple[Part, str]) -> dict[str, Any]:
        try:
            return {"fault": ""} | _statistics(data.decode(*patch))
        except ValueError as error:
            return {"fault": str(error)}

    measured = track(in_parallel(measure, patches, 1024), "Check patches", len(patches))
    with warnings.catch_warnings():
        # Pillow warns of damaged files too, in words for programmers.
        warnings.filterwarnings("ignore", module=r"PIL\.")
        figures = pd.DataFrame(list(measured))
    properties = pd.concat([parts.reset_index(drop=True), figures], axis="columns")
    properties.to_csv(folder / "properties.csv", index=False, float_format="%.4f")

    pd.DataFrame(columns=["id", "part", "reason"]).to_csv(folder / "quarantine.csv", index=False)
    checks = _validate(train, _label_expectations(settings))
    checks += _validate(properties, _patch_expectations(settings))
    (folder / "expectations.json").write_text(json.dumps(checks, indent=2))
    failed = [check for check in checks if not check["passed"]]
    critical = [check for check in failed if check["severity"] == "critical"]
    if critical:
        raise _explained(critical, properties)
    return {
        "expectations": len(checks),
        "passed": len(checks) - len(failed),
        "warnings": [check["meaning"] for check in failed],
        "patches": len(properties),
    }


def accepted(labels: Artifact, gate: Artifact, part: Part) -> pd.DataFrame:
    """Return the rows of a part (see `read_ids`) that the gate has not put in quarantine."""
    quarantined = read_quarantine(gate)
    table = read_ids(labels, part)
    return table[~table["id"].isin(quarantined.loc[quarantined["part"] == part, "id"])]


def read_quarantine(artifact: Artifact) -> pd.DataFrame:
    """Return the table (id, part, reason) of the patches that take no part in training."""
    return pd.read_csv(artifact.path / "quarantine.csv", dtype=str, keep_default_na=False)


def read_properties(artifact: Artifact) -> pd.DataFrame:
    """Return the table that `gate` wrote; in it every patch could be read."""
    types = {"id": str, "fault": str}
    return pd.read_csv(artifact.path / "properties.csv", dtype=types, keep_default_na=False)


def _statistics(pixels: Pixels) -> dict[str, float]:
    flat = pixels.reshape(-1, 3)
    figures = {}
    for channel, values in zip("rgb", flat.T, strict=True):
        figures[f"mean_{channel}"] = float(values.mean())
        figures[f"std_{channel}"] = float(values.std())
    figures["white"] = float((flat.min(axis=1) > WHITE).mean())
    figures["spread"] = float(np.ptp(flat, axis=0).max())
    return figures


def _label_expectations(settings: GateSettings) -> list[tuple[str, dict[str, Any], str, str]]:
    low, high = settings.min_positive_share, settings.max_positive_share
    return [
        ("ExpectColumnValuesToBeUnique", {"column": "id"}, "critical", "every id stands once"),
        ("ExpectColumnValuesToNotBeNull", {"column": "label"}, "critical", "no label is empty"),
        (
            "ExpectColumnDistinctValuesToEqualSet",
            {"column": "label", "value_set": [0, 1]},
            "critical",
            "labels are 0 and 1, and both occur",
        ),
        (
            "ExpectColumnMeanToBeBetween",
            {"column": "label", "min_value": low, "max_value": high},
            "critical",
            f"between {low:.0%} and {high:.0%} of the labels are positive",
        ),
    ]


def _patch_expectations(settings: GateSettings) -> list[tuple[str, dict[str, Any], str, str]]:
    return [
        (
            "ExpectColumnValuesToBeInSet",
            {"column": "fault", "value_set": [""]},
            "critical",
            f"every patch is one readable {BITS}-bit {MODE} TIFF of {SIDE}x{SIDE} pixels",
        ),
        (
            "ExpectColumnValuesToBeBetween",
            {"column": "spread", "min_value": 1, "mostly": 1 - settings.max_uniform_share},
            "warning",
            f"at most {settings.max_uniform_share:.0%} of the patches are of one colour",
        ),
        (
            "ExpectColumnValuesToBeBetween",
            {"column": "white", "max_value": 0.99, "mostly": 0.95},
            "warning",
            "at most 5% of the patches are blank glass",
        ),
        (
            "ExpectColumnMeanToBeBetween",
            {"column": "mean_g", "min_value": 64, "max_value": 230},
            "warning",
            "green brightness is on average between 64 and 230, as in stained tissue",
        ),
    ]


def _validate(
    table: pd.DataFrame, expectations: Iterable[tuple[str, dict[str, Any], str, str]]
) -> list[dict[str, Any]]:
    os.environ["GX_ANALYTICS_ENABLED"] = "false"  # read at import
    import great_expectations as gx

    logging.getLogger("great_expectations").setLevel(logging.WARNING)
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    asset = context.data_sources.add_pandas("tables").add_dataframe_asset("table")
    batch = asset.add_batch_definition_whole_dataframe("all").get_batch({"dataframe": table})
    form = {"result_format": "COMPLETE", "unexpected_index_column_names": ["id"]}
    checks = []
    for name, arguments, severity, meaning in expectations:
        expectation = getattr(gx.expectations, name)(**arguments, severity=severity)
        result = batch.validate(expectation, result_format=form)
        found = cast("dict[str, Any]", result.result)
        unexpected = found.get("unexpected_index_list") or []
        checks.append(
            {
                "meaning": meaning,
                "severity": severity,
                "passed": bool(result.success),
                "observed": _observed(found, len(table)),
                "ids": [item["id"] for item in unexpected],
            }
        )
    return checks


def _observed(result: dict[str, Any], rows: int) -> str:
    if "unexpected_count" in result:
        return f"{result['unexpected_count']:,} of {rows:,} otherwise"
    value = result.get("observed_value")
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _explained(critical: list[dict[str, Any]], properties: pd.DataFrame) -> InputError:
    patches = properties.set_index("id")
    sentences, items = [], []
    for check in critical:
        found = patches.loc[check["ids"], ["part", "fault"]].itertuples()
        named = [f"{part}/{i} ({fault or 'readable'})" for i, part, fault in found]
        observed = f"{check['observed']}: {listing(named)}" if named else check["observed"]
        sentences.append(f"Expected that {check['meaning']}, but found {observed}.")
        items += named
    remedy = (
        "Mend or remove them (with their rows in the label table), then run again."
        if items
        else "Mend the labels, or change what the recipe's section [gate] expects."
    )
    return InputError(" ".join(sentences), remedy, items)
