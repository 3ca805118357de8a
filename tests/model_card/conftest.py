import pytest

from pcam_core.atomic import sha256_of
from pcam_core.decision.calibration import Calibrator
from pcam_core.model_card.description import Estimate, Metrics, ModelDescription, PixelContract

SCORES = (
    "auc", "average_precision", "accuracy", "precision", "recall", "specificity", "f1",
)  # fmt: skip
RECIPE = {
    "name": "demo",
    "network": {"image_size": 32, "weights": "none"},
    "augmentation": {"policy": "tissue"},
    "final": {"training": {"watch": "val_auc", "seed": 42}},
}


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "model.keras"
    path.write_text("weights")
    return path


@pytest.fixture
def description(model):
    scores = dict.fromkeys(SCORES, Estimate(value=0.9, low=0.8, high=0.95))
    return ModelDescription(
        name="demo-0123456789abcdef",
        architecture="custom_cnn",
        parameters=227_265,
        hyperparameters={"learning_rate": 0.001},
        recipe=RECIPE,
        package="0.1.0",
        code={"final": "c" * 64},
        versions={"backend": "tensorflow", "keras": "3.15.0"},
        data_key="d" * 64,
        split_key="e" * 64,
        hold_out=None,
        sha256=sha256_of(model),
        pixels=PixelContract(
            stored_side=128,
            region=32,
            upscaler="lanczos",
            input_range=(0, 255),
            precision="float32",
            store_size=None,
        ),
        threshold=0.4,
        calibrator=Calibrator(method="temperature", temperature=1.5),
        metrics=Metrics(patches=100, groups=20, at_half=scores, at_threshold=scores),
    )
