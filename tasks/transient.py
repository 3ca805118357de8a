"""Which failures are worth a second try."""

from inspect import isawaitable
from typing import Any

from botocore.exceptions import ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as BotoConnectionError
from prefect.client.schemas.objects import State, TaskRun
from prefect.states import get_state_exception
from prefect.tasks import Task, exponential_backoff

_PASSING = {"SlowDown", "Throttling", "ThrottlingException", "RequestTimeout", "InternalError"}
_PASSING |= {"ConditionalRequestConflict", "OperationAborted"}  # 409: another one is at it


async def may_pass(task: Task[Any, Any], run: TaskRun, state: State[Any]) -> bool:
    """Decide for Prefect whether a failed task is tried again: never for bad input."""
    del task, run
    error = get_state_exception(state)
    return is_transient(await error if isawaitable(error) else error)


def is_transient(error: BaseException) -> bool:
    """Return whether the network or the server, not the input, made this failure."""
    if isinstance(error, ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return status >= 500 or error.response["Error"].get("Code") in _PASSING
    network = (ConnectionError, TimeoutError, BotoConnectionError, HTTPClientError)
    return isinstance(error, network)


PATIENCE: dict[str, Any] = {
    "retries": 3,
    "retry_delay_seconds": exponential_backoff(backoff_factor=2),
    "retry_jitter_factor": 0.5,
    "retry_condition_fn": may_pass,
}
"""A task's options: tried again where the network or a server failed, and only then."""
