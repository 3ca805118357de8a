"""Score what is new, batch by batch."""

import logging
from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import chain, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict

from pcam_core.decision.entropy import entropy
from pcam_core.drift.judgement import Drift, judge
from pcam_core.drift.settings import DriftSettings
from pcam_core.errors import InputError
from pcam_core.progress import Meter
from pcam_core.scoring.incoming import Incoming, candidates, incoming
from pcam_core.scoring.ledger import PREDICTIONS, Ledger, Manifest
from pcam_core.scoring.served import ServedModel
from pcam_core.scoring.source import open_source

logger = logging.getLogger(__name__)

BATCH = 16_384
"""Patches that are published together: of a killed run at most so many are scored again."""

ABSTAINED = "abstained"
REJECTED = "rejected"

COLUMNS = (
    "id", "probability", "calibrated_probability", "prediction", "entropy", "distance", "flags",
    "sha256", "etag",
)  # fmt: skip

_AT_ONCE = 64


class Batch(BaseModel):
    """What became of a batch.

    Attributes:
        manifest: As it was published.
        predictions, drift: Addresses of the table and of the drift report.
        judged: How its patches compare with those of the training.
    """

    model_config = ConfigDict(frozen=True)

    manifest: Manifest
    predictions: str
    drift: str
    judged: Drift


def score_new(
    model: ServedModel,
    source: str,
    destination: str,
    settings: DriftSettings,
    version: int | None = None,
) -> list[Batch]:
    """Score each patch at `source` that has no row below `destination` yet, by id and content.

    `predictions.csv` of a batch has a row a patch. Columns: id; probability, the model's own over
    its views; calibrated_probability; prediction, 1 where the probability reaches the threshold;
    entropy of the calibrated probability, bits; distance of its features from the training's (see
    `Gaussian`); flags; sha256 of the file, and the etag of an object. A patch that is unlike
    anything seen is flagged "abstained" with in what, and has no prediction. A file that is no
    patch is flagged "rejected" with the reason, and has neither number. Another model scores none
    of them again: give it another destination.

    Args:
        model: What predicts.
        source: A folder or "s3://bucket/prefix".
        destination: Likewise.
        settings: Limits of drift.
        version: Of the model in the registry.

    Raises:
        InputError: There is no such source, the destination refuses or is damaged, or a batch is
            too unlike the training patches to be published; batches before it stand.
        ConnectionError: The network failed: try again.
    """
    ledger, files = Ledger(destination), open_source(source)
    ledger.check()
    _, scored = ledger.scored()
    entries = candidates(files, scored)
    if not entries:
        return []
    meter = Meter("Score patches", len(entries))
    patches = incoming(files, entries, scored)
    batches: list[Batch] = []
    with TemporaryDirectory() as folder:
        scorer: _Scorer | None = None
        while some := list(islice(patches, 1)):
            scorer = scorer or _Scorer(model, Path(folder))
            table = scorer.table(chain(some, islice(patches, BATCH - 1)), meter)
            batch = _published(ledger, table, model, source, settings, version)
            if batch:
                batches.append(batch)
    return batches


class _Scorer:
    """Holds the network; prepares patches as the stage `prepare` does."""

    def __init__(self, model: ServedModel, folder: Path) -> None:
        from pcam_core.drift.features import FeatureTap
        from pcam_core.stages.enlarging import Enlarger, Work, identity, survey
        from pcam_core.training.serving import load_model

        settings = model.description.pixels.prepare()
        settings = settings.model_copy(update={"precision": settings.arithmetic})
        work = Work(folder, settings, identity(settings))
        survey(work)
        self._enlarge = Enlarger(work)
        self._region = settings.region
        self._tap = FeatureTap(load_model(model.path))
        self._model = model

    def table(self, patches: Iterable[Incoming], meter: Meter) -> pd.DataFrame:
        """Return columns `COLUMNS` and those that drift is judged by; a row a file."""
        parts, stream = [], iter(patches)
        while some := list(islice(stream, _AT_ONCE)):
            good = [each for each in some if each.pixels is not None]
            bad = [each for each in some if each.pixels is None]
            parts += [self._scored(good)] if good else []
            parts += [_rejected(bad)] if bad else []
            meter.advance(len(some))
        return pd.concat(parts, ignore_index=True)

    def _scored(self, patches: list[Incoming]) -> pd.DataFrame:
        from pcam_core.drift.measures import pixel_measures
        from pcam_core.stages.enlarging import centre

        description, reference = self._model.description, self._model.reference
        raw = np.stack([each.pixels for each in patches if each.pixels is not None])
        stored = self._enlarge(np.stack([centre(patch, self._region) for patch in raw]))
        # A batch of another shape would be compiled anew.
        padding = ((0, _AT_ONCE - len(raw)), (0, 0), (0, 0), (0, 0))
        seen = self._tap.look(np.pad(stored, padding, mode="edge"), description.views)
        probability, features = seen[0][: len(raw)], seen[1][: len(raw)]
        if not np.isfinite(probability).all():
            raise FloatingPointError("The model gives probabilities that are no numbers.")
        table = pd.DataFrame([(each.id, each.sha256, each.etag) for each in patches])
        table.columns = pd.Index(["id", "sha256", "etag"])
        table = pd.concat([table, pixel_measures(raw)], axis="columns")
        table["distance"] = reference.gaussian.distance(features)
        table["probability"] = probability
        table["calibrated_probability"] = description.calibrator.apply(probability)
        table["entropy"] = entropy(table["calibrated_probability"].to_numpy())
        table["unlike"] = reference.unlike(table)
        abstained = table["unlike"] != ""
        table["prediction"] = (probability >= description.threshold).astype(int).astype(str)
        table.loc[abstained, "prediction"] = ""
        table["flags"] = [f"{ABSTAINED}: {what}" if what else "" for what in table["unlike"]]
        return table


def _rejected(patches: list[Incoming]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "id": [each.id for each in patches],
            "sha256": [each.sha256 for each in patches],
            "etag": [each.etag for each in patches],
            "prediction": "",
            "flags": [f"{REJECTED}: {each.fault}" for each in patches],
        }
    )


def _published(
    ledger: Ledger,
    table: pd.DataFrame,
    model: ServedModel,
    source: str,
    settings: DriftSettings,
    version: int | None,
) -> Batch | None:
    """Publish those rows that nobody has published meanwhile; None if there are none."""
    from pcam_core.report.drift_page import drift_page

    unread = table[table["sha256"] == ""]
    for patch_id, flags in zip(unread["id"], unread["flags"], strict=True):
        logger.warning("%s is %s; the next run looks again.", patch_id, flags)
    table = table[table["sha256"] != ""]
    description = model.description
    told = {"name": description.name, "sha256": description.sha256, "version": version}
    while True:
        last, scored = ledger.scored()
        known = set(zip(scored["id"], scored["sha256"], strict=True))
        new = [pair not in known for pair in zip(table["id"], table["sha256"], strict=True)]
        table = table[new].sort_values(["id", "sha256"]).reset_index(drop=True)
        if not len(table):
            return None
        readable = table[~table["flags"].str.startswith(REJECTED)]
        drift = judge(model.reference, readable.reset_index(drop=True), settings)
        files = {
            PREDICTIONS: table.reindex(columns=list(COLUMNS)).to_csv(
                index=False, float_format="%.9g"
            ),
            "drift.json": drift.model_dump_json(indent=2),
            "drift.html": drift_page(drift, model.reference, table, told, source),
        }
        if drift.verdict == "stopped":
            stopped = ledger.publish("stopped", {"drift.html": files["drift.html"]})
            raise InputError(
                f"Nothing of {len(table):,} new patches at {source} was published: they are too"
                f" unlike the training patches ({'; '.join(drift.reasons)}).",
                f"Look at {ledger.address_of(stopped['drift.html'])}. If the patches are as they"
                " should be, raise --drift-stop, or train on such patches.",
            )
        if drift.verdict == "shifted":
            logger.warning("New patches at %s are shifted: %s.", source, "; ".join(drift.reasons))
        stored = ledger.publish("batches", files)
        manifest = Manifest(
            number=last + 1,
            source=source,
            model=told,
            figures=_figures(table, drift),
            finished=datetime.now(UTC).isoformat(timespec="seconds"),
            files=stored,
        )
        if ledger.commit(manifest):
            return Batch(
                manifest=manifest,
                predictions=ledger.address_of(stored[PREDICTIONS]),
                drift=ledger.address_of(stored["drift.html"]),
                judged=drift,
            )


def _figures(table: pd.DataFrame, drift: Drift) -> dict[str, Any]:
    return {
        "patches": len(table),
        "positive": int((table["prediction"] == "1").sum()),
        "negative": int((table["prediction"] == "0").sum()),
        ABSTAINED: drift.unlike,
        REJECTED: len(table) - drift.patches,
        "drift": drift.verdict,
    }
