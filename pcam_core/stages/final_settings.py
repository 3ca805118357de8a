"""Settings of the final model."""

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from pcam_core.artifact import Artifact
from pcam_core.models.settings import Hyperparameters, ModelName
from pcam_core.section import Section
from pcam_core.stages.tune import read_best
from pcam_core.training.settings import TrainingSettings
from pcam_core.training.views import Views

Form = Literal["single", "folds", "both"]


class FinalSettings(Section):
    """What the final model is made of, and how it looks at a patch."""

    form: Form = Field(
        "single",
        description="'single': one training on the part 'train'; 'folds': the mean over the models"
        " of the cross-validation's folds; 'both': the mean of these two.",
    )
    others: dict[ModelName, float] = Field(
        {},
        description="Further registered models, each with its learning rate, that are trained in"
        " the same way and averaged with the tuned one.",
    )
    views: Views = Field(
        1,
        description="Flips and quarter turns of a patch over which its probability is averaged:"
        " 1 (none), 4 (turns) or 8 (both). They decide with the threshold, too.",
    )
    training: TrainingSettings = Field(
        TrainingSettings(epochs=30), description="How the single model is trained."
    )

    @property
    def in_folds(self) -> dict[ModelName, float]:
        """Those of the others that the cross-validation has to train."""
        return {} if self.form == "single" else self.others


def architectures(tuned: Artifact, others: Mapping[ModelName, float]) -> dict[str, Hyperparameters]:
    """Return the hyperparameters of each architecture to train, the tuned one first."""
    name, hyperparameters = read_best(tuned)
    rates = {other: {"learning_rate": rate} for other, rate in others.items() if other != name}
    return {name: hyperparameters} | rates
