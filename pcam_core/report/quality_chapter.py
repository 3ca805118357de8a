"""The chapter on what the data was checked for."""

import re
from collections.abc import Sequence

from pcam_core.artifact import Artifact
from pcam_core.report.blocks import Badge, Block, Chapter, Note, Specimen, Specimens, Table, Text
from pcam_core.report.embedding import pixels_data_uri
from pcam_core.validation.check import Check, read_checks
from pcam_core.validation.suspects import FILE, REASONS, read_suspects, verdicts
from pcam_core.validation.thumbnails import A_REASON, read_thumbnails

_LONG = re.compile(r"([0-9a-f]{40})(?:\.\w+)?")
_ID = 8  # characters of an id that are shown; 40 would be a line of their own


def quality(gate: Artifact) -> Chapter:
    """Say which expectations the data met, and show every kind of rejected or odd patch."""
    checks = read_checks(gate.path)
    figures = gate.figures
    met = f"{figures['passed']} of {figures['expectations']} expectations hold"
    told = f"{met} for {figures['patches']:,} decoded patches, training and test together."
    blocks: list[Block] = [Text(told)]
    if figures["quarantined"]:
        blocks.append(
            Note(
                f"Training patches in quarantine: {figures['quarantined']:,}. They are left out of"
                " training and everything after it; the files stay as they are."
            )
        )
    blocks += [_table(checks), *suspicious(gate)]
    return Chapter("quality", "Data quality", blocks)


def suspicious(gate: Artifact) -> Sequence[Block]:
    """Return the patches that are rejected or suspicious, by reason, with their pictures."""
    suspects, pictures = read_suspects(gate.path), read_thumbnails(gate.path)
    blocks: list[Block] = []
    for reason, meaning in REASONS.items():
        found = suspects[suspects["reason"] == reason]
        if not len(found):
            continue
        shown = [
            Specimen(
                pixels_data_uri(pictures[row]) if row in pictures else "",
                f"{part}/{_short(patch_id)}",
                _LONG.sub(lambda found: _short(found[1]), detail),
            )
            for row, patch_id, part, detail in found.head(A_REASON)[
                ["id", "part", "detail"]
            ].itertuples()
        ]
        more = len(found) - len(shown)
        blocks.append(
            Specimens(
                f"{reason.capitalize()} ({len(found):,}): {verdicts(found)}",
                meaning,
                shown,
                f"{more:,} more are listed in {FILE}." if more else "",
            )
        )
    return blocks


def _table(checks: Sequence[Check]) -> Table:
    # What failed is what people look for.
    ordered = sorted(checks, key=lambda check: (check.passed, check.severity))
    rows = [(_badge(check), check.meaning, check.observed, check.about) for check in ordered]
    columns = ("Result", "Expected that", "Observed", "Of")
    caption = "Those that do not hold come first; an error stops a run, a warning is shown."
    return Table("Expectations", columns, rows, "llll", caption)


def _badge(check: Check) -> Badge:
    if check.passed:
        return Badge("pass", "good")
    return Badge(check.severity, "warn" if check.severity == "warning" else "bad")


def _short(patch_id: str) -> str:
    return patch_id if len(patch_id) <= _ID + 2 else f"{patch_id[:_ID]}…"
