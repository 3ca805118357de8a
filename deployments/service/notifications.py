"""Telling people, through a webhook, what they want to know."""

from typing import Any

WEBHOOK = "PCAM_WEBHOOK"
"""Address that notifications are posted to, as {"text": ...}; it may hold a secret."""

BLOCK = "pcam-webhook"
"""Prefect's block that keeps the address, encrypted."""

PROMOTED = "pcam.model.promoted"
"""The event of a promotion."""

_RUN = "'The run ' ~ flow_run.name ~ "


def notifications(block: str) -> list[dict[str, Any]]:
    """Return the automations that notify.

    Args:
        block: Id of the webhook block.
    """
    failed = f"{_RUN} ' failed: ' ~ flow_run.state.message"
    crashed = f"{_RUN} ' crashed for the third time and was given up.'"
    promoted = "'Version ' ~ event.payload.version ~ ' is champion now: ' ~ event.payload.reason"
    runs = {"prefect.resource.id": "prefect.flow-run.*"}
    given_up = runs | {"prefect.run-count": ["3"]}
    return [
        _notification("notify of failed runs", "prefect.flow-run.Failed", runs, failed, block),
        _notification("notify of lost runs", "prefect.flow-run.Crashed", given_up, crashed, block),
        _notification("notify of promotions", PROMOTED, {}, promoted, block),
    ]


def _notification(
    name: str, event: str, match: dict[str, Any], text: str, block: str
) -> dict[str, Any]:
    return {
        "name": name,
        "trigger": {
            "type": "event",
            "posture": "Reactive",
            "expect": [event],
            "match": match,
            "for_each": ["prefect.resource.id"],
            "threshold": 1,
        },
        "actions": [
            {
                "type": "call-webhook",
                "block_document_id": block,
                "payload": f'{{"text": {{{{ ({text}) | tojson }}}}}}',
            }
        ],
    }
