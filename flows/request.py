"""What a run is asked for."""

import os
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from flows.recipe_form import RecipeChanges, RecipeChoice, RecipeOrChampion
from pcam_core.drift.settings import DriftSettings
from pcam_core.recipe import Recipe, load_recipe, shipped_recipes
from pcam_core.section import Section
from pcam_core.writable import check_writable

NonEmpty = Annotated[str, Field(min_length=1)]


def _listed(value: Any) -> Any:
    return [str(value)] if isinstance(value, str | Path) else value


class ValidateRequest(Section):
    """One look at data; the same request over the same data is computed only once."""

    data: Annotated[list[NonEmpty], BeforeValidator(_listed)] = Field(
        min_length=1, description="Addresses of the patches; of several the union is taken."
    )
    recipe: Annotated[str, RecipeChoice] = Field(
        "notebook",
        description=f"{', '.join(shipped_recipes())}, or the path of a .toml file.",
    )
    out: Path = Field(
        Path("pcam-runs"), description="Folder of all artifacts; every worker must mount it."
    )
    changes: Annotated[dict[str, Any], RecipeChanges] = Field(
        {}, description='Changed fields of the recipe, as {"final.training.epochs": 3}.'
    )

    def load(self) -> Recipe:
        """Load the recipe with its changes; see `load_recipe`."""
        return load_recipe(self.recipe, self.changes)

    def check_out(self) -> None:
        """Make sure that `out` can be written; see `check_writable`."""
        for folder in (self.out, self.artifacts):
            check_writable(folder)

    @property
    def artifacts(self) -> Path:
        """Folder of the artifacts."""
        return self.out.absolute() / "artifacts"

    @property
    def cache(self) -> Path:
        """Folder of what is kept of the data between runs; see `open_dataset`."""
        return self.out.absolute() / "cache"


class TrainRequest(ValidateRequest):
    """One training run; the same request over the same data is computed only once."""

    store: str | None = Field(
        None,
        description="Object storage for the products: s3://bucket/prefix or a folder;"
        " none takes the worker's PCAM_OBJECT_STORE, or else `object-store` in `out`.",
    )
    dask: str | None = Field(
        None,
        description="Dask scheduler whose workers share the preparation of patches and the folds of"
        " comparison and cross-validation, as tcp://host:8786; they see the data and `out` at the"
        " same paths. None takes this machine with all its GPUs.",
    )

    @property
    def destination(self) -> str:
        """Address of the object store."""
        default = os.environ.get("PCAM_OBJECT_STORE") or str(self.out.absolute() / "object-store")
        return self.store or default


class RetrainRequest(TrainRequest):
    """A training on old and new data, whose model then competes with the champion."""

    recipe: Annotated[str, RecipeOrChampion] = Field(
        "champion",
        description="'champion' (what that model was trained by; `hold_out` and `promotion` are as"
        " shipped), a shipped recipe or the path of a .toml file; where there is no champion yet,"
        " name one.",
    )
    with_earlier: bool = Field(
        True,
        description="Whether to add the data that earlier retrainings were given; without it,"
        " `data` must hold the hold-out.",
    )


class ScoreRequest(Section):
    """A prediction of all patches that are new since the last one."""

    data: Annotated[list[NonEmpty], BeforeValidator(_listed)] = Field(
        min_length=1,
        description="Folders or s3://bucket/prefix with patches (.tif, .png of 96x96 pixels).",
    )
    model: str = Field(
        "champion",
        min_length=1,
        description="'champion' (as it is at the run's start), a .keras file, or a folder or"
        " s3:// prefix with model.keras, model.json and model.npz.",
    )
    to: str | None = Field(
        None,
        min_length=1,
        description="Where predictions go, and what has been scored is known from:"
        " s3://bucket/prefix or a folder; none takes `scores` in `out`.",
    )
    out: Path = Field(
        Path("pcam-runs"), description="Folder of the runs, and of the registry by default."
    )
    drift: DriftSettings = Field(
        DriftSettings(),
        title="Drift",
        description="From when on a difference from the training patches counts.",
    )

    @property
    def destination(self) -> str:
        """Address that predictions go to."""
        return self.to or str(self.out.absolute() / "scores")
