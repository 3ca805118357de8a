"""Score what is new, batch by batch."""

import logging
from collections.abc import Iterable, Iterator
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
from pcam_core.drift.measures import LOOKS
from pcam_core.drift.reference import LIMITED
from pcam_core.drift.settings import DriftSettings
from pcam_core.errors import InputError
from pcam_core.listing import count, listing
from pcam_core.patches import Pixels
from pcam_core.progress import Meter
from pcam_core.scoring.incoming import Incoming, candidates, incoming, pairs
from pcam_core.scoring.ledger import PREDICTIONS, Ledger, Manifest
from pcam_core.scoring.served import ServedModel
from pcam_core.scoring.source import open_source
from pcam_core.scoring.stopped import Stopped, too_unlike

logger = logging.getLogger(__name__)

BATCH = 16_384
"""Patches that are published together: of a killed run at most so many are scored again."""

DRIFT = "drift.json"
PAGE = "drift.html"

ABSTAINED = "abstained"
REJECTED = "rejected"

COLUMNS = (
    "id", "probability", "calibrated_probability", "prediction", "entropy", *LIMITED, "flags",
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


class Scored(BaseModel):
    """What became of new patches.

    Attributes:
        batches: Those that were published.
        unread: How many files could not be read or not be told apart; the next time they are
            looked at again.
    """

    model_config = ConfigDict(frozen=True)

    batches: tuple[Batch, ...] = ()
    unread: int = 0


def score_new(
    model: ServedModel,
    source: str,
    destination: str,
    settings: DriftSettings,
    version: int | None = None,
) -> Scored:
    """Score each patch at `source` that has no row below `destination` yet, by id and content.

    `predictions.csv` of a batch has a row a patch. Columns: id; probability, the model's own over
    its views; calibrated_probability; prediction, 1 where the probability reaches the threshold;
    entropy of the calibrated probability, bits; appearance and embedding, how far its pixels and
    its features lie from those of training patches (see `Neighbours` and `Gaussian`); flags; sha256
    and etag of the file (see `Entry`). A patch that is unlike anything seen is flagged "abstained"
    with in what, and has no prediction. A file that is no patch is flagged "rejected" with the
    reason, and has no numbers. Another model scores none of them again: give it another
    destination.

    What cannot be read, and files that only their endings tell apart, are warned of and left to the
    next time. A batch that is too unlike the training patches is left out, and told at the end. Two
    runs at once share the work; endpoints without conditional PUT want them one after the other
    (see `Ledger`).

    Args:
        model: What predicts.
        source: A folder or "s3://bucket/prefix".
        destination: Likewise.
        settings: Limits of drift.
        version: Of the model in the registry.

    Raises:
        InputError: There is no such source or nothing in it, the destination refuses or is damaged,
            the model gives no numbers, or batches are too unlike the training patches to be
            published; the other batches stand.
        ConnectionError: The network failed: try again.
    """
    ledger, files = Ledger(destination), open_source(source)
    ledger.check()
    _, scored = ledger.scored()
    entries = candidates(files, scored)
    if not entries:
        return Scored()
    meter = Meter("Score patches", len(entries))
    unread: list[str] = []
    patches = _readable(incoming(files, entries, scored), unread, meter)
    batches: list[Batch] = []
    stopped: list[Stopped] = []
    with TemporaryDirectory() as folder:
        scorer: _Scorer | None = None
        while some := list(islice(patches, 1)):
            scorer = scorer or _Scorer(model, Path(folder))
            table = scorer.table(chain(some, islice(patches, BATCH - 1)), meter)
            end = _published(ledger, table, model, source, settings, version)
            if isinstance(end, Stopped):
                stopped.append(end)
            elif end:
                batches.append(end)
    if unread:
        logger.warning(
            "%s at %s cannot be scored: %s. The next run looks again.",
            count(unread, "file"),
            source,
            listing(unread),
        )
    if stopped:
        published = sum(batch.manifest.figures["patches"] for batch in batches)
        raise too_unlike(source, stopped, published)
    return Scored(batches=tuple(batches), unread=len(unread))


def _readable(files: Iterable[Incoming], unread: list[str], meter: Meter) -> Iterator[Incoming]:
    """Yield what could be read, and note the rest: name and reason."""
    for each in files:
        if each.sha256:
            yield each
        else:
            name = each.name if each.name.isprintable() else repr(each.name)
            unread.append(f"{name} ({each.fault})")
            meter.advance()


class _Scorer:
    """Holds the network; prepares patches as the stage `prepare` does."""

    def __init__(self, model: ServedModel, folder: Path) -> None:
        from pcam_core.drift.features import FeatureTap
        from pcam_core.stages.enlarging import Enlarger, Work, identity, survey
        from pcam_core.training.serving import load_model

        settings = model.description.pixels.prepare()
        # More than one call's patches are never enlarged, so that no batch size is measured.
        fixed = {"precision": settings.arithmetic, "batch_size": _AT_ONCE}
        settings = settings.model_copy(update=fixed)
        work = Work(folder, settings, identity(settings))
        survey(work)
        self._enlarge = Enlarger(work)
        self._region = settings.region
        self._tap = FeatureTap(load_model(model.path))
        self._model = model

    def table(self, files: Iterable[Incoming], meter: Meter) -> pd.DataFrame:
        """Return columns `COLUMNS` and those that drift is judged by; a row a file."""
        told, measured, stream = [], [], iter(files)
        while some := list(islice(stream, _AT_ONCE)):
            told += [(each.id, each.sha256, each.etag, each.fault) for each in some]
            raw = [each.pixels for each in some if each.pixels is not None]
            measured += [self._measured(np.stack(raw))] if raw else []
            meter.advance(len(some))
        table = pd.DataFrame(told, columns=["id", "sha256", "etag", "fault"])
        good, bad = table[table["fault"] == ""], table[table["fault"] != ""]
        parts = [bad.assign(prediction="", flags=f"{REJECTED}: " + bad["fault"], unlike="")]
        if measured:
            numbers = pd.concat(measured).set_index(good.index)
            parts.append(self._decided(pd.concat([good, numbers], axis="columns")))
        return pd.concat(parts).sort_index()

    def _measured(self, raw: Pixels) -> pd.DataFrame:
        """Measure a call's patches, uint8 (n, 96, 96, 3), and what the network makes of them."""
        from pcam_core.drift.measures import pixel_measures
        from pcam_core.stages.enlarging import centre

        stored = self._enlarge(np.stack([centre(patch, self._region) for patch in raw]))
        # A call with another shape would be compiled anew.
        padding = ((0, _AT_ONCE - len(raw)), (0, 0), (0, 0), (0, 0))
        views = self._model.description.views
        seen = self._tap.look(np.pad(stored, padding, mode="edge"), views)
        probability, features = seen[0][: len(raw)], seen[1][: len(raw)]
        if not np.isfinite(probability).all():
            name = self._model.description.name
            raise InputError(
                f"The model {name} gives probabilities that are no numbers.",
                "Score with another one, or return to the champion before it with `pcam rollback`.",
            )
        embedding = self._model.reference.gaussian.distance(features)
        return pixel_measures(raw).assign(embedding=embedding, probability=probability)

    def _decided(self, table: pd.DataFrame) -> pd.DataFrame:
        """Add what follows from what was measured."""
        description, reference = self._model.description, self._model.reference
        looks = table[list(LOOKS)].to_numpy()
        table = table.assign(appearance=reference.neighbours.distance(looks))
        unlike, probability = reference.unlike(table), table["probability"].to_numpy()
        calibrated = description.calibrator.apply(probability)
        return table.assign(
            calibrated_probability=calibrated,
            entropy=entropy(calibrated),
            unlike=unlike,
            prediction=[
                "" if what else str(int(value >= description.threshold))
                for what, value in zip(unlike, probability, strict=True)
            ],
            flags=[f"{ABSTAINED}: {what}" if what else "" for what in unlike],
        )


def _published(
    ledger: Ledger,
    table: pd.DataFrame,
    model: ServedModel,
    source: str,
    settings: DriftSettings,
    version: int | None,
) -> Batch | Stopped | None:
    """Publish those rows that nobody has published meanwhile; None if there are none."""
    from pcam_core.report.drift_page import drift_page

    description = model.description
    told = {"name": description.name, "sha256": description.sha256, "version": version}
    while True:
        last, scored = ledger.scored()
        known = pairs(scored, "sha256")
        new = [pair not in known for pair in zip(table["id"], table["sha256"], strict=True)]
        table = table[new].sort_values(["id", "sha256"]).reset_index(drop=True)
        if not len(table):
            return None
        readable = table[~table["flags"].str.startswith(REJECTED)]
        drift = judge(model.reference, readable.reset_index(drop=True), settings)
        report = {
            DRIFT: drift.model_dump_json(indent=2),
            PAGE: drift_page(drift, model.reference, table, told, source),
        }
        if drift.verdict == "stopped":
            page = ledger.address_of(ledger.publish("stopped", report)[PAGE])
            return Stopped(table["id"].tolist(), drift.reasons, page)
        if drift.verdict == "shifted":
            logger.warning("New patches at %s are shifted: %s.", source, "; ".join(drift.reasons))
        rows = table.reindex(columns=list(COLUMNS)).to_csv(index=False, float_format="%.9g")
        stored = ledger.publish("batches", {PREDICTIONS: rows, **report})
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
                drift=ledger.address_of(stored[PAGE]),
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
