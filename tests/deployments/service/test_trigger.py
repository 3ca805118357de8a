"""What `pcam trigger` asks the service for, and how it says no."""

from contextlib import nullcontext

import httpx
import pytest
from prefect.exceptions import PrefectHTTPStatusError

from deployments.service import trigger
from deployments.service.trigger import run_deployment
from pcam_core.errors import InputError


@pytest.fixture
def asked(monkeypatch, tmp_path, well):
    """Give a request to the service, and return its fields as they are sent."""
    monkeypatch.setattr("os.environ", {"PREFECT_API_URL": f"{well}/api", "HOME": str(tmp_path)})
    monkeypatch.setattr("prefect.client.orchestration.get_client", lambda **_: nullcontext())
    monkeypatch.chdir(tmp_path)

    class SentError(Exception):
        pass

    def send(client, name, request, key):
        raise SentError(request)

    monkeypatch.setattr(trigger, "_create", send)

    def fields(**request):
        with pytest.raises(SentError) as sent:
            run_deployment(tmp_path, "score", {"data": ["x"], **request}, None, as_json=False)
        return sent.value.args[0]

    return fields


def test_data_are_those_of_this_folder(asked, tmp_path):
    remote = ["s3://bucket/data", "synth:train=60,test=10,seed=1"]
    assert asked(data=["new", "/data", *remote])["data"] == [
        str(tmp_path / "new"),
        "/data",
        *remote,
    ]
    assert asked(data=[""])["data"] == [""], "the service refuses it"


def test_a_name_is_no_path_although_there_is_such_a_folder(asked, tmp_path):
    for name in ("demo", "champion"):
        (tmp_path / name).mkdir()
    sent = asked(recipe="demo", model="champion")
    assert sent["recipe"] == "demo"
    assert sent["model"] == "champion"
    sent = asked(recipe="my.toml", model="model.keras")
    assert sent["recipe"] == str(tmp_path / "my.toml")
    assert sent["model"] == str(tmp_path / "model.keras")


def test_where_predictions_go_is_the_same_before_it_is_there_and_after(asked, tmp_path):
    before = asked(to="scores")
    (tmp_path / "scores").mkdir()
    assert asked(to="scores") == before
    assert before["to"] == str(tmp_path / "scores")
    assert asked(to="s3://bucket/scores")["to"] == "s3://bucket/scores"


def test_what_is_not_said_is_left_to_the_deployment_and_no_is_said(asked):
    assert asked(recipe=None, changes={}, with_earlier=None).keys() == {"data"}
    assert asked(with_earlier=False)["with_earlier"] is False


@pytest.mark.parametrize(
    ("code", "body", "kind", "words"),
    [
        (401, {"detail": "Unauthorized"}, InputError, "password"),
        (409, {"detail": "request.data: '' should be non-empty"}, InputError, "refuses.*non-empty"),
        (422, "no JSON", InputError, "refuses.*no JSON"),
        (500, "Internal Server Error", PrefectHTTPStatusError, "500"),
        (503, {"exception_message": "busy"}, PrefectHTTPStatusError, "503"),
    ],
)
def test_only_what_the_user_can_mend_is_called_refused(asked, monkeypatch, code, body, kind, words):
    told = {"json": body} if isinstance(body, dict) else {"text": body}
    answer = httpx.Response(code, request=httpx.Request("POST", "http://service/api"), **told)

    def refuse(*_):
        try:
            answer.raise_for_status()
        except httpx.HTTPStatusError as error:
            raise PrefectHTTPStatusError.from_httpx_error(error) from error

    monkeypatch.setattr(trigger, "_create", refuse)
    with pytest.raises(kind, match=words):
        run_deployment(trigger.Path("home"), "score", {"data": ["x"]}, None, as_json=False)
