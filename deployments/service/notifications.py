"""Telling people, through a webhook, what they want to know."""

from typing import Any

from tasks.promotion import PROMOTED

WEBHOOK = "PCAM_WEBHOOK"
"""Address that notifications are posted to, as {"text": ...}; it may hold a secret."""

BLOCK = "pcam-webhook"
"""Prefect's block that keeps the address, encrypted."""

RETRAINING = "retrain on new data"
"""The automation of `prefect.yaml` that an event starts."""

_CRASHED = "prefect.flow-run.Crashed"
_ACTION_FAILED = "prefect.automation.action.failed"
_TAKEN_UP_S = 30  # the server takes seconds
_RUN = "'The run ' ~ flow_run.name ~ "


def notifications(block: str) -> list[dict[str, Any]]:
    """Return the automations that notify through the webhook.

    Automations that people make in the UI may notify with any other block of Prefect's.

    Args:
        block: Id of the webhook block.
    """
    failed = f"{_RUN} ' failed: ' ~ flow_run.state.message"
    crashed = f"{_RUN} ' crashed and was not taken up again: ' ~ flow_run.state.message"
    promoted = "'Version ' ~ event.payload.version ~ ' is champion now: ' ~ event.payload.reason"
    refused = "'An event started no retraining: ' ~ event.payload.reason"
    runs = {"prefect.resource.id": "prefect.flow-run.*"}
    # Of all automations, else a webhook that fails would be told of that for ever.
    retraining = {"prefect.resource.name": RETRAINING}
    lost: dict[str, Any] = {
        "posture": "Proactive",
        "after": [_CRASHED],
        # With the crash itself, so that a second one starts the time anew.
        "expect": [_CRASHED, "prefect.flow-run.AwaitingRetry", "prefect.flow-run.Scheduled"],
        "within": _TAKEN_UP_S,
    }
    return [
        _notification("notify of failed runs", _at("prefect.flow-run.Failed"), runs, failed, block),
        _notification("notify of lost runs", lost, runs, crashed, block),
        _notification("notify of promotions", _at(PROMOTED), {}, promoted, block),
        _notification("notify of refused events", _at(_ACTION_FAILED), retraining, refused, block),
    ]


def _at(event: str) -> dict[str, Any]:
    return {"posture": "Reactive", "expect": [event]}


def _notification(
    name: str, when: dict[str, Any], match: dict[str, Any], text: str, block: str
) -> dict[str, Any]:
    return {
        "name": name,
        "trigger": {
            "type": "event",
            "match": match,
            "for_each": ["prefect.resource.id"],
            "threshold": 1,
            **when,
        },
        "actions": [
            {
                "type": "call-webhook",
                "block_document_id": block,
                "payload": f'{{"text": {{{{ ({text}) | tojson }}}}}}',
            }
        ],
    }
