"""A stage as a Prefect task: cached by content key, retried only where that can help."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prefect import Task, task
from prefect.context import TaskRunContext

from pcam_core.artifact import Artifact
from pcam_core.stage import Stage
from tasks.progress import shown_in_prefect
from tasks.transient import PATIENCE

Publish = Callable[[Artifact], None]


@dataclass(frozen=True)
class StageTask:
    """A stage with its Prefect task.

    Attributes:
        stage: What is computed.
        task: Runs it; called through `run`.
    """

    stage: Stage
    task: Task[[Path, dict[str, Any]], Artifact]

    def plan(self, root: Path, **inputs: Any) -> Artifact:
        """Return the artifact that `run` will return, without computing it."""
        return self.stage.reference(root, self.stage.key(**inputs))

    def run(self, root: Path, **inputs: Any) -> Artifact:
        """Run the task inside a flow; a finished, sound artifact is taken from the cache."""
        # Prefect remembers results without looking whether their files still exist.
        lost = self.stage.find(root, self.stage.key(**inputs)) is None
        return self.task.with_options(refresh_cache=lost)(root, inputs)


def stage_task(
    stage: Stage,
    name: str,
    *,
    publish: Publish,
    timeout_seconds: float | None = None,
) -> StageTask:
    """Make the Prefect task of a stage.

    Args:
        stage: What is computed.
        name: What people see in Prefect's UI.
        publish: Shows the artifact there, once it is made.
        timeout_seconds: Only for work on the network: Prefect cannot interrupt native code.
    """

    def run(root: Path, inputs: dict[str, Any]) -> Artifact:
        with shown_in_prefect(f"{stage.name.replace('_', '-')}-progress"):
            artifact = stage.build(root, **inputs)
        publish(artifact)
        return artifact

    def cache_key(context: TaskRunContext, parameters: dict[str, Any]) -> str:
        del context
        return f"{stage.key(**parameters['inputs'])}-{parameters['root'].as_posix()}"

    run.__doc__ = stage.__doc__
    # No tags: for each run Prefect asks whether they are limited, and again after two seconds where
    # its SQLite has just been written to.
    as_task = task(
        name=name,
        task_run_name=name,
        cache_key_fn=cache_key,
        persist_result=True,
        result_serializer="json",
        **PATIENCE,
        timeout_seconds=timeout_seconds,
    )
    return StageTask(stage, as_task(run))
