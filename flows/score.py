"""The scoring flow."""

from prefect import flow
from prefect.runtime import flow_run

from flows.request import ScoreRequest
from pcam_core.errors import InputError, raise_together
from pcam_core.scoring.score import Scored
from pcam_core.writable import check_writable
from tasks.gpu_slot import gpu_slot
from tasks.score import pin_model, score_patches


def _run_name() -> str:
    request = ScoreRequest.model_validate(flow_run.parameters["request"])
    return f"score {', '.join(request.data)}"


@flow(name="score", flow_run_name=_run_name, persist_result=True, result_serializer="json")
def score(request: ScoreRequest) -> Scored:
    """Predict the patches that are new since the last run; see `score_new`.

    The model is pinned first: a promotion meanwhile counts for the next run. What is wrong at one
    address keeps no other from being scored.

    Raises:
        InputError: There is no such data or model, nothing can be written, or patches are too
            unlike those of the training.
    """
    check_writable(request.out)
    pinned = pin_model(request.model, request.out)
    found: list[Scored] = []
    wrong: list[InputError] = []
    with gpu_slot():
        for address in request.data:
            try:
                found.append(score_patches(pinned, address, request.destination, request.drift))
            except InputError as error:
                wrong.append(error)
    raise_together(wrong)
    return Scored(
        batches=tuple(batch for each in found for batch in each.batches),
        unread=sum(each.unread for each in found),
    )
