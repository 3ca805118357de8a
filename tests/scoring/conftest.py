"""A small model with everything beside it, and patches to score."""

from pathlib import Path

import numpy as np
import pytest

from pcam_core.atomic import sha256_of
from pcam_core.decision.calibration import Calibrator
from pcam_core.model_card.description import Metrics, ModelDescription, PixelContract


@pytest.fixture(scope="session")
def model_folder(generated, tmp_path_factory):
    """model.keras, model.json and model.npz, whose reference are generated patches."""
    import keras

    from pcam_core.drift.features import FeatureTap
    from pcam_core.drift.gaussian import fit_gaussian
    from pcam_core.drift.measures import LOOKS, pixel_measures
    from pcam_core.drift.neighbours import fit_neighbours
    from pcam_core.drift.reference import summarise
    from pcam_core.models.registry import build_network
    from pcam_core.models.settings import NetworkSettings
    from pcam_core.patches import read_patch
    from pcam_core.training.serving import load_model, save_model, serving_model

    folder = tmp_path_factory.mktemp("served")
    path = folder / "model.keras"
    keras.utils.set_random_seed(3)
    settings = NetworkSettings(image_size=32, weights="none", precision="float32")
    save_model(serving_model(build_network("centre_cnn", settings), 96), path)
    named = dict.fromkeys(("name", "architecture", "package", "data_key", "split_key"), "x")
    noted = {name: {} for name in ("hyperparameters", "recipe", "code", "versions")}
    pixels = PixelContract(
        input_range=(0, 255),
        precision="float32",
        store_size=None,
        stored_side=96,
        region=96,
        upscaler="none",
    )
    description = ModelDescription(
        **named,
        **noted,
        parameters=1,
        hold_out=None,
        sha256=sha256_of(path),
        pixels=pixels,
        views=4,
        threshold=0.5,
        calibrator=Calibrator(method="temperature", temperature=2),
        metrics=Metrics(patches=0, groups=0, at_half={}, at_threshold={}),
    )
    (folder / "model.json").write_text(description.model_dump_json())
    patches = np.stack([read_patch(file) for file in sorted((generated / "train").iterdir())])
    probabilities, features = FeatureTap(load_model(path)).look(patches, 4)
    gaussian = fit_gaussian(features[:80])
    measured = pixel_measures(patches)
    looks = measured[list(LOOKS)].to_numpy()
    neighbours = fit_neighbours(looks[:80])
    values = {name: column.to_numpy() for name, column in measured.items()}
    values |= {"appearance": neighbours.distance(looks[80:]), "probability": probabilities}
    values |= {"embedding": gaussian.distance(features[80:])}
    summarise(sha256_of(path), values, neighbours, gaussian).write(folder / "model.npz")
    return folder


@pytest.fixture
def patches(generated, tmp_path):
    """Twelve patches that are like those of the reference."""
    folder = tmp_path / "incoming"
    folder.mkdir()
    for file in sorted((generated / "train").iterdir())[:12]:
        (folder / file.name).write_bytes(file.read_bytes())
    return folder


@pytest.fixture
def rows():
    """Read all rows that manifests below a folder name."""
    import json

    import pandas as pd

    def read(out: Path):
        manifests = [json.loads(path.read_text()) for path in sorted(out.glob("manifests/*.json"))]
        tables = []
        for manifest in manifests:
            told = manifest["files"]["predictions.csv"]
            assert sha256_of(out / told["key"]) == told["sha256"]
            tables.append(
                pd.read_csv(
                    out / told["key"], dtype=dict.fromkeys(("id", "prediction", "flags"), str)
                )
            )
        return pd.concat(tables, ignore_index=True).fillna(
            dict.fromkeys(("prediction", "flags"), "")
        )

    return read
