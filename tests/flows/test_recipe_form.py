import tomllib
from importlib.resources import files

import pytest
from prefect.utilities.schema_tools.validation import ValidationError, validate

from flows.request import TrainRequest
from pcam_core.recipe import shipped_recipes
from pcam_core.runs.comparison import dotted

SCHEMA = TrainRequest.model_json_schema()
FIELDS = SCHEMA["properties"]["changes"]["properties"]


def submitted(**request):
    """Check a request as Prefect's server does on submission."""
    whole = {"type": "object", "properties": {"request": SCHEMA}, "required": ["request"]}
    validate({"request": {"data": ["data"], **request}}, whole, raise_on_error=True)


@pytest.mark.parametrize("recipe", shipped_recipes())
def test_every_field_of_a_shipped_recipe_may_be_changed(recipe):
    text = (files("pcam_core") / "recipes" / f"{recipe}.toml").read_text(encoding="utf-8")
    changes = dict(
        dotted({name: value for name, value in tomllib.loads(text).items() if name != "name"})
    )
    known = {
        field: value
        for field, value in changes.items()
        if not any(field.startswith(f"{other}.") for other in FIELDS)  # inside a table of numbers
    }
    assert known
    submitted(recipe=recipe, changes=known)


@pytest.mark.parametrize(
    ("request_", "named"),
    [
        ({"recipe": "contxt"}, "request.recipe"),
        ({"data": []}, "request.data"),
        ({"chnges": {}}, "chnges"),
        ({"changes": {"final.training.epohs": 1}}, "final.training.epohs"),
        ({"changes": {"final.training.epochs": 0}}, "final.training.epochs"),
        ({"changes": {"prepare.region": 33}}, "prepare.region"),
    ],
)
def test_what_is_wrong_is_refused_by_name(request_, named):
    with pytest.raises(ValidationError, match=named):
        submitted(**request_)


def test_every_field_explains_itself_and_leaves_its_default_to_the_recipe():
    for name, field in FIELDS.items():
        assert field["title"] == name
        assert len(field["description"]) > 10
        assert "default" not in field
    assert FIELDS["final.training.epochs"]["description"].endswith("[from 1 to 1000]")
