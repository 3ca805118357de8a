import json

import pytest

from pcam_core.errors import InputError
from pcam_core.model_card.description import read_model_description


def test_what_is_written_is_read(model, description):
    model.with_suffix(".json").write_text(description.model_dump_json(indent=2))
    assert read_model_description(model) == description
    prepare = description.pixels.prepare()
    assert (prepare.region, prepare.upscaler, prepare.arithmetic) == (32, "lanczos", "float32")
    # What a file says of itself cannot make a program trusted.
    assert prepare.trusted_savedmodels == ()


def test_a_model_without_its_own_description_is_refused(model, description):
    with pytest.raises(InputError, match=r"there is no model\.json.*Put the model\.json of its"):
        read_model_description(model)
    model.with_suffix(".json").write_text(description.model_dump_json())
    model.write_text("other weights")
    with pytest.raises(InputError, match="describes another file"):
        read_model_description(model)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"surprise": 1}, "surprise: Extra inputs are not permitted"),
        ({"threshold": 2}, "threshold: Input should be less than or equal to 1"),
        ({"pixels": {"region": 33}}, "pixels.stored_side: Field required"),
        ({"calibrator": {"method": "isotonic"}}, "calibrator: Value error, an isotonic curve"),
    ],
)
def test_a_faulty_description_names_the_field(model, description, change, told):
    text = json.dumps(description.model_dump(mode="json") | change)
    model.with_suffix(".json").write_text(text)
    with pytest.raises(InputError, match=told):
        read_model_description(model)


def test_what_is_no_json_is_refused(model):
    model.with_suffix(".json").write_text("no JSON")
    with pytest.raises(InputError, match=r"describes no model \(the whole: Invalid JSON"):
        read_model_description(model)
