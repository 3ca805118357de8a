"""The log of a run, as it grows."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from rich.console import Console
from rich.markup import escape

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient
    from prefect.client.schemas.objects import Log

_MOST = 200
# A run's processes send their lines in batches, each when it likes: so much later than newer ones.
_LATE = timedelta(seconds=60)


class RunLog:
    """A run's log, of which each line is printed once.

    Args:
        client: Of the server.
        run: Whose log it is.
        console: Where the lines go.
    """

    def __init__(self, client: "SyncPrefectClient", run: UUID, console: Console) -> None:
        self._client, self._run, self._console = client, run, console
        self._printed: dict[UUID, datetime] = {}

    def print_new(self) -> bool:
        """Print what has come since the last call; return whether there was any."""
        newest = max(self._printed.values(), default=None)
        since = newest - _LATE if newest else None
        found = [line for line in self._lines(since) if line.id not in self._printed]
        tasks = self._task_names() if any(line.task_run_id for line in found) else {}
        for line in found:
            task = f"{tasks.get(line.task_run_id, 'task')}: " if line.task_run_id else ""
            # Tracebacks stay in the UI; their message is that of the state as well.
            message = escape(line.message.partition("\nTraceback")[0])
            self._console.print(f"{line.timestamp:%X}  {task}{message}", soft_wrap=True)
            self._printed[line.id] = line.timestamp
        self._printed = {
            line: at for line, at in self._printed.items() if since is None or at >= since
        }
        return bool(found)

    def _lines(self, since: datetime | None) -> "list[Log]":
        from prefect.client.schemas.filters import (
            LogFilter,
            LogFilterFlowRunId,
            LogFilterTimestamp,
        )

        chosen = LogFilter(
            flow_run_id=LogFilterFlowRunId(any_=[self._run]),
            timestamp=LogFilterTimestamp(after_=since) if since else None,
        )
        # A line that comes between two pages shifts the others into the second.
        found: dict[UUID, Log] = {}
        offset = 0
        while page := self._client.read_logs(chosen, limit=_MOST, offset=offset):
            found |= {line.id: line for line in page}
            offset += len(page)
        return list(found.values())

    def _task_names(self) -> dict[UUID, str]:
        from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId

        chosen = FlowRunFilter(id=FlowRunFilterId(any_=[self._run]))
        found = self._client.read_task_runs(flow_run_filter=chosen)
        return {task.id: task.name for task in found}
