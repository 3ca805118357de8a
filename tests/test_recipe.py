from importlib.resources import files
from pathlib import Path

import pytest

from pcam_core.errors import InputError
from pcam_core.models.settings import NetworkSettings, SearchSpace
from pcam_core.recipe import Recipe, load_recipe, shipped_recipes
from pcam_core.recipe_changes import parse_changes
from pcam_core.training.settings import TrainingSettings

FOLDER = Path(str(files("pcam_core"))) / "recipes"
LONG = {
    "batch_size": 32,
    "watch": "val_f1",
    "schedule": "plateau",
    "stop_patience": 5,
    "plateau_factor": 0.2,
    "plateau_patience": 3,
    "min_learning_rate": 1e-6,
    "label_smoothing": 0,
    "max_steps": None,
}


def test_shipped():
    assert shipped_recipes() == ["context", "demo", "notebook"]


@pytest.mark.parametrize("name", shipped_recipes())
def test_every_shipped_recipe_loads_and_has_a_header(name):
    recipe = load_recipe(name)
    assert recipe.name == name
    text = (FOLDER / f"{name}.toml").read_text()
    assert text.startswith("# ")
    assert f"#     pcam {'demo' if name == 'demo' else f'train --recipe {name}'}" in text
    assert Recipe.model_validate(recipe.model_dump()) == recipe


@pytest.mark.parametrize("name", shipped_recipes())
def test_every_section_has_content(name):
    recipe = load_recipe(name, {"prepare.upscaler": "none"})
    content = recipe.content()
    assert set(content) == set(Recipe.model_fields)
    assert content["network"]["precision"] != "auto"


def test_every_field_explains_itself():
    def check(section):
        for name, field in section.model_fields.items():
            inner = field.annotation
            if hasattr(inner, "model_fields"):
                check(inner)
            else:
                assert field.description, f"{section.__name__}.{name}"

    check(Recipe)


def test_the_notebooks_numbers():
    recipe = load_recipe("notebook")
    assert recipe.split.model_dump() == {
        "test_fraction": 0.2,
        "validation_fraction": 0.05,
        "calibration_fraction": 0.05,
        "compare_folds": 2,
        "tune_fraction": 0.2,
        "tune_validation_fraction": 0.2,
        "cv_folds": 3,
        "seed": 42,
    }
    assert (recipe.prepare.region, recipe.prepare.upscaler) == (32, "esrgan")
    assert (recipe.network.image_size, recipe.network.trained_blocks) == (224, 0)
    assert recipe.network.weights == "imagenet"
    assert recipe.augmentation.policy == "notebook"
    assert recipe.predict.submit == "label"


def test_the_notebooks_trainings():
    recipe = load_recipe("notebook")
    assert recipe.compare.models == ("custom_cnn", "resnet50", "efficientnet_b0")
    assert recipe.compare.criterion == "accuracy"
    # The code's patience counts, not the prose's.
    short = {"epochs": 2, "batch_size": 128, "watch": "val_loss", "stop_patience": 3}
    assert recipe.compare.training == TrainingSettings(**{**LONG, **short, "plateau_patience": 2})
    assert recipe.crossvalidate.training == TrainingSettings(**LONG, epochs=15)
    assert recipe.final.training == TrainingSettings(**LONG, epochs=30)
    tune = recipe.tune
    assert (tune.model, tune.objective) == ("custom_cnn", "val_f1")
    assert (tune.max_epochs, tune.factor) == (20, 3)
    assert {**tune.training.model_dump(), **LONG} == tune.training.model_dump()
    assert tune.space == SearchSpace(
        conv_layers=(2, 4),
        filters=(32, 64, 128, 256),
        kernels=(3, 5, 7),
        dense_units=(64, 512),
        dropout=(0.2, 0.6),
        learning_rate=(1e-4, 1e-2),
    )


def test_what_a_recipe_leaves_out_is_the_notebooks(tmp_path):
    (tmp_path / "empty.toml").write_text("")
    own = load_recipe(str(tmp_path / "empty.toml"))
    assert own.name == "empty"
    notebook = load_recipe("notebook", {"predict.submit": "probability"})
    assert own.model_copy(update={"name": "notebook"}) == notebook


def test_changes_reach_their_field_only():
    changed = load_recipe("demo", {"final.training.epochs": 3, "tune.space.kernels": [5]})
    assert (changed.final.training.epochs, changed.tune.space.kernels) == (3, (5,))
    plain = load_recipe("demo")
    assert changed.compare == plain.compare
    assert changed.final.training.batch_size == plain.final.training.batch_size
    assert plain.final.training.epochs != 3


@pytest.mark.parametrize(
    ("field", "value", "named"),
    [
        ("finale.training.epochs", 3, ["'finale'", "Did you mean 'final'?"]),
        ("final.trainings", 3, ["Did you mean 'training'?"]),
        ("tune.space.filter", [3], ["'tune.space.filter'", "Did you mean 'filters'?"]),
        ("gate.zzz", 3, ["'gate.zzz'", "min_positive_share"]),
        ("final.training.epochs", 0, ["final.training.epochs = 0", "greater than or equal to 1"]),
        ("final.training.epochs", "many", ["final.training.epochs = 'many'", "integer"]),
        ("split.test_fraction", 0.6, ["split.test_fraction = 0.6", "0.5"]),
        ("split.test_fraction", float("nan"), ["split.test_fraction = nan"]),
        ("prepare.region", 48, ["prepare.region = 48", "32, 64 or 96"]),
        ("augmentation.policy", "x", ["'none', 'notebook'"]),
        ("compare.learning_rates", {"resnet": 1}, ["compare.learning_rates.resnet", "'resnet50'"]),
        ("tune.model", "winer", ["tune.model = 'winer'", "Did you mean 'winner'?"]),
        ("tune.space.dropout", [0.6, 0.2], ["tune.space.dropout", "lower bound comes first"]),
        ("compare.models", [], ["compare.models", "at least 1"]),
        ("network.trained_blocks", -1, ["network.trained_blocks = -1", "a number of blocks"]),
        ("network.trained_blocks", True, ["network.trained_blocks = True"]),
        ("network.trained_blocks", "most", ["network.trained_blocks = 'most'", "or 'all'"]),
        ("final", 3, ["final = 3"]),
        ("compare.criterion.x", 3, ["'criterion' has no fields", "'auc'"]),
    ],
)
def test_what_is_wrong_is_named(field, value, named):
    with pytest.raises(InputError) as caught:
        load_recipe("demo", {field: value})
    assert all(part in str(caught.value) for part in named), str(caught.value)


@pytest.mark.parametrize(
    ("name", "named"),
    [
        ("zzz", "context, demo, notebook"),
        ("missing.toml", "missing"),
        ("", "context, demo, notebook"),
    ],
)
def test_no_such_recipe(name, named):
    with pytest.raises(InputError, match=named):
        load_recipe(name)


def test_a_byte_order_mark_is_no_trouble(tmp_path):
    (tmp_path / "own.toml").write_bytes(b"\xef\xbb\xbf[split]\nseed = 7\n")
    assert load_recipe(str(tmp_path / "own.toml")).split.seed == 7


@pytest.mark.parametrize("content", [b"a = ", b"\xff", b"[split]\n[split]\n"])
def test_files_that_are_no_toml(tmp_path, content):
    (tmp_path / "own.toml").write_bytes(content)
    with pytest.raises(InputError, match=r"own\.toml is not valid TOML"):
        load_recipe(str(tmp_path / "own.toml"))


def test_changes_are_parsed():
    texts = [
        "final.training.epochs=3",
        "tune.model=winner",
        'tune.model="winner"',
        " split.seed = 7 ",
        "compare.models=['custom_cnn', \"resnet50\"]",
        "network.trained_blocks=all",
        "network.weights=/a=b/c.h5",
        "tune.space.dropout=[0.1, 0.2]",
        "predict.submit=",
    ]
    assert parse_changes(texts) == {
        "final.training.epochs": 3,
        "tune.model": "winner",
        "split.seed": 7,
        "compare.models": ["custom_cnn", "resnet50"],
        "network.trained_blocks": "all",
        "network.weights": "/a=b/c.h5",
        "tune.space.dropout": [0.1, 0.2],
        "predict.submit": None,
    }


@pytest.mark.parametrize("text", ["", "a: b"])
def test_changes_that_set_nothing(text):
    with pytest.raises(InputError, match="sets nothing"):
        parse_changes([text])


def test_a_value_cannot_smuggle_in_more_lines():
    (value,) = parse_changes(["a=1\nb = 2"]).values()
    assert value in (1, "1\nb = 2")


def test_weights_files_count_by_content(tmp_path):
    one, two = tmp_path / "one.h5", tmp_path / "two.h5"
    one.write_bytes(b"1")
    two.write_bytes(b"1")
    first = NetworkSettings(weights=str(one)).content()
    assert first == NetworkSettings(weights=str(two)).content()
    two.write_bytes(b"2")
    assert first != NetworkSettings(weights=str(two)).content()
    with pytest.raises(InputError, match="does not exist"):
        NetworkSettings(weights=str(tmp_path / "none.h5")).content()
