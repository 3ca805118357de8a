"""The plan of a run that enlarges patches: made before the first shard, kept beside them."""

from pathlib import Path

from pydantic import Field, ValidationError

from pcam_core.atomic import replacing
from pcam_core.errors import InputError
from pcam_core.stages.prepare_settings import PrepareSettings
from pcam_core.superres.device_memory import is_out_of_memory
from pcam_core.superres.plan import Plan, measure_plan
from pcam_core.superres.upscaler import Upscaler

PLAN = "plan.json"
_SMALL = 4  # where the smallest batch that is measured is too large


class RunPlan(Plan):
    """A plan, and what became of it."""

    planned: int = Field(
        ge=1, description="Patches in one call before the memory turned out too small for them."
    )

    @property
    def sentence(self) -> str:
        """The plan for people."""
        xla = ", compiled with XLA" if self.jit else ""
        return f"{self.batch} at once in {self.precision} on {self.device}{xla}"


def read_plan(folder: Path) -> RunPlan:
    """Read a folder's plan.

    Raises:
        InputError: It cannot be read here.
    """
    try:
        return RunPlan.model_validate_json((folder / PLAN).read_text())
    except (OSError, ValidationError) as error:
        raise InputError(
            f"{folder / PLAN} cannot be read here.",
            "Mount the same --out at the same path on every worker.",
        ) from error


def write_plan(folder: Path, plan: RunPlan) -> None:
    """Write a folder's plan, whole or not at all."""
    with replacing(folder / PLAN) as path:
        path.write_text(plan.model_dump_json(indent=2))


def take_or_make_plan(folder: Path, upscale: Upscaler, settings: PrepareSettings) -> RunPlan:
    """Return the folder's plan if it fits the device and the settings; else make and write one.

    Args:
        folder: The stage's.
        upscale: What it is for.
        settings: May fix the size of a batch.
    """
    if (folder / PLAN).exists():
        plan = read_plan(folder)
        same_device = plan.device == _device(settings)
        if same_device and settings.batch_size in (None, plan.planned):
            return plan
    plan = _new_plan(upscale, settings)
    write_plan(folder, plan)
    return plan


def _new_plan(upscale: Upscaler, settings: PrepareSettings) -> RunPlan:
    batch = settings.batch_size
    if batch is None:
        try:
            measured = measure_plan(upscale, settings.region)
            return RunPlan(**measured.model_dump(), planned=measured.batch)
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            batch = _SMALL
    return RunPlan(
        batch=batch,
        planned=batch,
        precision=upscale.precision or "float32",
        jit=upscale.jit_choices()[0],
        device=_device(settings),
    )


def _device(settings: PrepareSettings) -> str:
    """Return the kind of device as `Plan` calls it."""
    if not settings.network:
        return "cpu"
    from pcam_core.precision import gpus

    found = gpus()
    return found[0].name if found else "cpu"
