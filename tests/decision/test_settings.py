import pytest
from pydantic import ValidationError

from pcam_core.decision.settings import DecisionSettings
from pcam_core.errors import InputError
from pcam_core.recipe import load_recipe


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"threshold": "sensitivity"}, ["'sensitivity' needs decision.target", "decision.target="]),
        ({"threshold": "specificity"}, ["'specificity' needs decision.target"]),
        ({"threshold": "cost"}, ["'cost' needs decision.miss_cost", "--set decision.miss_cost=5"]),
        ({"target": 0.9}, ["decision.target = 0.9 has no effect", "'sensitivity' or"]),
        ({"threshold": "cost", "miss_cost": 2, "target": 0.9}, ["decision.target", "'cost'"]),
        ({"threshold": "youden", "miss_cost": 2}, ["decision.miss_cost = 2.0 has no effect"]),
    ],
)
def test_rules_and_their_numbers_belong_together(fields, named):
    with pytest.raises(InputError) as caught:
        load_recipe("demo", {f"decision.{name}": value for name, value in fields.items()})
    assert all(part in str(caught.value) for part in named), str(caught.value)


@pytest.mark.parametrize(
    "fields",
    [
        {"threshold": "sensitivity", "target": 0},
        {"threshold": "sensitivity", "target": 1.01},
        {"threshold": "cost", "miss_cost": 0},
        {"threshold": "cost", "miss_cost": float("inf")},
        {"threshold": "half"},
        {"calibration": "platt"},
    ],
)
def test_ranges(fields):
    with pytest.raises(ValidationError):
        DecisionSettings(**fields)


def test_the_source_documents_rule_is_the_default():
    assert load_recipe("notebook").decision.threshold == "f1"
