import numpy as np
import pandas as pd
import pytest

from pcam_core.patch_store import write_patch_store
from pcam_core.stages.explanation import KINDS, ExplainSettings, explanation, read_gallery_maps

SIDE, PATCHES = 32, 40
METHODS = ("grad_cam", "integrated_gradients")


@pytest.fixture
def inputs(artifact):
    """A finished run around an untrained network; ten patches of every kind."""
    import keras

    from pcam_core.models.registry import build_network
    from pcam_core.models.settings import NetworkSettings
    from pcam_core.training.serving import save_model, serving_model

    rng = np.random.default_rng(0)
    number = np.arange(PATCHES)
    table = pd.DataFrame(
        {
            "id": [f"p{n:02d}" for n in number],
            "label": number % 2,
            "group": [f"s{n // 5}" for n in number],
            "slide": "",
            "probability": 0.2 + 0.6 * (number // 2 % 2),
        }
    )

    def store(folder):
        pixels = rng.integers(0, 256, (PATCHES, SIDE, SIDE, 3)).astype(np.uint8)
        write_patch_store(folder / "train", list(table["id"]), lambda _: [pixels])
        return {"region": 96}

    def network(folder):
        keras.utils.set_random_seed(3)
        settings = NetworkSettings(image_size=32, weights="none", precision="float32")
        model = serving_model(build_network("centre_cnn", settings), SIDE)
        save_model(model, folder / "model.keras")
        return {"model": "centre_cnn", "others": []}

    def predicted(folder):
        table.to_csv(folder / "predictions.csv", index=False)
        return {}

    return {
        "prepared": artifact("prepared", store),
        "model": artifact("model", network),
        "decision": artifact("decision", lambda _: {"threshold": 0.8}),
        "evaluation": artifact("evaluation", predicted),
        "settings": ExplainSettings(patches=16, steps=4),
    }


def test_what_is_sampled_shown_and_measured_and_that_equal_inputs_give_equal_bytes(
    inputs, tmp_path
):
    made = explanation.build(tmp_path / "artifacts", **inputs)
    figures = made.figures
    table = pd.read_csv(made.path / "explained.csv", dtype={"id": str})
    assert table["sampled"].sum() == figures["patches"] == 16
    assert table["id"].is_unique
    assert (table["sampled"] | table["shown"]).all()

    shown, arrays = read_gallery_maps(made)
    assert dict(shown["kind"].value_counts()) == dict.fromkeys(KINDS, 4)
    positive = shown["kind"].isin(["true positive", "false positive"])
    assert ((shown["probability"] >= 0.8) == positive).all()
    right = shown["kind"].isin(["true positive", "true negative"])
    assert ((shown["label"] == 1) == (positive == right)).all()
    assert arrays["pixels"].shape == (16, SIDE, SIDE, 3)

    assert figures["centre_pooled"] == ["centre_cnn"]
    assert figures["uniform"] == pytest.approx(1 / 9)
    sample = table[table["sampled"]]
    for method in METHODS:
        assert arrays[method].shape == (16, SIDE, SIDE)
        assert table[method].dropna().between(0, 1).all()
        share = figures["shares"][method]["all"]
        assert share["mean"] == pytest.approx(sample[method].mean())
        low, high = share["interval"]
        assert low <= share["mean"] <= high
        assert figures["untrained"][method]["share"]["count"] <= 16 * 3

    again = explanation.build(tmp_path / "again", **inputs)
    assert again.manifest["files"] == made.manifest["files"]
    assert again.figures == figures
