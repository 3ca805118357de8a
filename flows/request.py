"""What a training run is asked for."""

from pathlib import Path
from typing import Any

from pydantic import Field

from pcam_core.recipe import Recipe, load_recipe
from pcam_core.section import Section
from pcam_core.writable import check_writable


class TrainRequest(Section):
    """One training run; the same request over the same data is computed only once."""

    data: Path = Field(description="Folder of patches in Kaggle's layout.")
    recipe: str = Field("notebook", description="A shipped recipe or the path of a .toml file.")
    out: Path = Field(
        Path("pcam-runs"), description="Folder of all artifacts; every worker must mount it."
    )
    store: str | None = Field(
        None,
        description="Object storage for the products: s3://bucket/prefix or a folder;"
        " none takes <out>/object-store.",
    )
    changes: dict[str, Any] = Field(
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
    def destination(self) -> str:
        """Address of the object store."""
        return self.store or str(self.out.absolute() / "object-store")
