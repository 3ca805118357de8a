"""Put the final model together: one file, whatever it is made of."""

import shutil
from pathlib import Path
from typing import Any

from pcam_core.artifact import Artifact
from pcam_core.stage import stage
from pcam_core.stages.single import HISTORY
from pcam_core.stages.tune import read_best
from pcam_core.training.views import Views

MODEL = "model.keras"
SINGLE, FOLDS = "single", "folds"


@stage(numeric=True)
def final(
    folder: Path,
    *,
    tuned: Artifact,
    trained: Artifact | None = None,
    crossvalidated: Artifact | None = None,
    views: Views,
) -> dict[str, Any]:
    """Write `model.keras`, a serving model of stored patches.

    Its probability is the plain mean over architectures; of the form "folds", over the models of
    their folds, too; and of the form "both", half of it is the single models' and half the folds',
    so that a model of one fold can stand for them where the others have seen a patch. The file
    holds all of them by name (see `averaged`): "single", and "folds" with "fold_0" and so on.
    `final_predictions` takes those out that have not seen a patch.

    Args:
        folder: Where.
        tuned: Artifact of `tune`.
        trained: Artifact of `single`; None for the form "folds".
        crossvalidated: Artifact of `crossvalidate`; None for the form "single"; not both None.
        views: Of a patch, over which its probability is averaged.

    Figures: `form` and `views`; the tuned `model` and its `hyperparameters`; `others` that it is
    averaged with; `parameters` of all; `folds`, how many, 0 for the form "single"; of the single
    training of the tuned model `epochs`, `best_epoch` and `patches`, and a copy of `history.csv`,
    unless the form is "folds"; `notes`.
    """
    name, hyperparameters = read_best(tuned)
    figures: dict[str, Any] = {
        "form": "both" if trained and crossvalidated else "single" if trained else "folds",
        "views": views,
        "model": name,
        "hyperparameters": hyperparameters,
        "folds": 0,
        "notes": [],
    }
    names, parameters = list[str](), 0
    if crossvalidated:
        figures["folds"] = len(crossvalidated.figures["folds"])
        names = list(crossvalidated.figures["models"])
        parameters += figures["folds"] * crossvalidated.figures["parameters"]
    if trained:
        found = trained.figures
        names = list(found["models"])
        parameters += sum(model["parameters"] for model in found["models"].values())
        figures |= {key: found[key] for key in ("epochs", "best_epoch", "patches", "notes")}
        shutil.copyfile(trained.path / HISTORY, folder / HISTORY)
    _put_together(folder / MODEL, names, trained, crossvalidated, figures["folds"])
    return figures | {"others": names[1:], "parameters": parameters}


def fold_name(fold: int) -> str:
    """Return the name that the model of a fold has inside the final model."""
    return f"fold_{fold}"


def load_final(artifact: Artifact) -> Any:
    """Load the serving model; see `load_model`."""
    from pcam_core.training.serving import load_model

    return load_model(artifact.path / MODEL)


def _put_together(
    path: Path,
    names: list[str],
    trained: Artifact | None,
    crossvalidated: Artifact | None,
    folds: int,
) -> None:
    import keras

    from pcam_core.training.averaging import averaged
    from pcam_core.training.folds import model_file
    from pcam_core.training.serving import load_model, save_model

    def member(of: Artifact, name: str, fold: int | None = None) -> Any:
        models = [load_model(of.path / model_file(architecture, fold)) for architecture in names]
        return averaged(models, name)

    # Keras counts layers to name them: equal members shall give equal bytes.
    keras.utils.clear_session()
    parts = [member(trained, SINGLE)] if trained else []
    if crossvalidated:
        of_folds = [member(crossvalidated, fold_name(fold), fold) for fold in range(folds)]
        parts.append(averaged(of_folds, FOLDS))
    save_model(parts[0] if len(parts) == 1 else averaged(parts, "both"), path)
