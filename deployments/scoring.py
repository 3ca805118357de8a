"""What `pcam score` does: the flow in this process."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape

from deployments.embedded_prefect import embed_prefect, wait_for_server
from pcam_core.writable import check_writable

if TYPE_CHECKING:
    from pcam_core.scoring.score import Batch, Scored

_STYLES = {"like the training patches": "green", "shifted": "yellow"}


def run_scoring(
    data: Sequence[str],
    model: str,
    to: str,
    runs: Path,
    drift: Mapping[str, float],
    *,
    as_json: bool,
) -> None:
    """Run the flow and say what it published.

    Raises:
        InputError: There is no such data or model, nothing can be written, or the patches are too
            unlike those of the training.
    """
    check_writable(runs)
    embed_prefect(runs / "prefect")
    from deployments.foreground import in_foreground
    from flows.request import ScoreRequest
    from flows.score import score
    from pcam_core.drift.settings import DriftSettings

    # Who asks to stop early need not ask to be warned as early.
    warn_unlike = min(DriftSettings().warn_unlike, drift["stop_unlike"])
    request = ScoreRequest(
        data=list(data),
        model=model,
        to=to,
        out=runs,
        drift=DriftSettings(**drift, warn_unlike=warn_unlike),
    )
    console = Console(stderr=True)

    def work() -> "Scored":
        wait_for_server()
        return score(request)

    scored = in_foreground(work, lambda: None, runs / "native.log", console)
    if as_json:
        print(json.dumps([_told(batch) for batch in scored.batches], indent=2))
        return
    for batch in scored.batches:
        _show(batch, Console())
    if scored.unread:
        print(f"Files not scored, see above: {scored.unread:,}. The next run looks again.")
    elif not scored.batches:
        print("There is nothing new to score.")


def _told(batch: "Batch") -> dict[str, object]:
    manifest = batch.manifest.model_dump()
    return {**manifest, "predictions": batch.predictions, "report": batch.drift}


def _show(batch: "Batch", console: Console) -> None:
    found, style = batch.manifest.figures, _STYLES[batch.judged.verdict]
    console.print(
        f"[bold]Batch {batch.manifest.number}[/bold]  {found['patches']:,} new patches:"
        f" {found['positive']:,} tumour, {found['negative']:,} none, {found['abstained']:,}"
        f" abstained, {found['rejected']:,} rejected; [{style}]{batch.judged.verdict}[/{style}]"
    )
    for reason in batch.judged.reasons:
        console.print(f"  {escape(reason)}")
    console.print(f"  Predictions  {escape(batch.predictions)}", soft_wrap=True, highlight=False)
    console.print(f"  Drift        {escape(batch.drift)}", soft_wrap=True, highlight=False)
