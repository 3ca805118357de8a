"""Which model to explain, and how a raw patch becomes what it takes."""

from dataclasses import dataclass
from pathlib import Path

from pcam_core.errors import InputError
from pcam_core.model_card.description import (
    DESCRIPTION,
    description_beside,
    read_model_description,
)
from pcam_core.patches import SIDE
from pcam_core.runs.history import open_history
from pcam_core.stages.final import MODEL
from pcam_core.stages.final_settings import FinalSettings
from pcam_core.stages.prepare_settings import PrepareSettings
from pcam_core.training.views import Views


@dataclass(frozen=True)
class Contract:
    """A model's file, how patches were prepared for it, and how it looks at them.

    Attributes:
        model: A ".keras" file.
        prepare: The settings of the run; None where they are not known.
        views: Of a patch, over which its probability is averaged; 1 where that is not known.
    """

    model: Path
    prepare: PrepareSettings | None
    views: Views = 1

    def insist(self, side: int) -> PrepareSettings:
        """Return how to prepare raw patches for a model that takes `side` pixels.

        Raises:
            InputError: It is not known, and the model does not take raw patches.
        """
        if self.prepare:
            return self.prepare
        if side == SIDE:
            return PrepareSettings(region=96, upscaler="none")
        raise InputError(
            f"{self.model} takes patches of {side}x{side} pixels, and nothing says how they are"
            f" made of {SIDE}x{SIDE}.",
            f"Put the {DESCRIPTION} of its run beside it, as {description_beside(self.model).name},"
            " or name the run in place of the file.",
        )


def find_contract(name: str, runs: Path) -> Contract:
    """Find a model by its file or its run.

    A file's preparation stands in the description beside it; see `read_model_description`.

    Args:
        name: A ".keras" file, or a run: its id, the beginning of one, or "latest".
        runs: Folder of the runs.

    Raises:
        InputError: There is no such file or run, the run has no model, or the description beside
            the file is not its own.
    """
    path = Path(name)
    if name.endswith(".keras"):
        if not path.is_file():
            raise InputError(f"There is no model {path}.", "Give the path of a .keras file.")
        if not description_beside(path).is_file():
            return Contract(path, None)
        described = read_model_description(path)
        return Contract(path, described.pixels.prepare(), described.views)
    record = open_history(runs).find(name)
    made = [artifact.path / MODEL for artifact in record.artifacts if artifact.stage == "final"]
    if not (made and made[0].is_file()):
        raise InputError(
            f"The run {record.id} has no model.", "Choose a run that is done (`pcam runs`)."
        )
    settings = record.settings
    views = FinalSettings.model_validate(settings["final"]).views
    return Contract(made[0], PrepareSettings.model_validate(settings["prepare"]), views)
