import json
import shutil

import pandas as pd
import pytest
from typer.testing import CliRunner

from deployments import validation as command
from deployments.cli import app
from flows.request import ValidateRequest
from flows.validate import findings, validate
from pcam_core.errors import InputError


@pytest.fixture
def data(generated, tmp_path):
    return shutil.copytree(generated, tmp_path / "data")


@pytest.fixture
def run(data, tmp_path, prefect_server, no_embedded_server):
    def give(*more):
        words = ["validate", "--data", data, "--out", tmp_path / "out", *more]
        return CliRunner().invoke(app, [str(word) for word in words])

    return give


def damage(data, name):
    (data / f"{name}.tif").write_text("no picture")


def test_good_data(run, data, tmp_path, task_states):
    done = run("--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["errors"] == []
    assert len(told["checks"]) == told["expectations"]
    states = task_states()
    assert {"load labels", "validate data", "insist on good data"} <= set(states)
    # Nothing is computed a second time, and no server is needed for that.
    again = run()
    assert again.exit_code == 0
    assert "This data can be trained on" in again.stdout
    page = next((tmp_path / "out" / "artifacts").glob("validation-*/validation.html")).read_text()
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert "default-src 'none'" in page


def test_what_stops_a_run_is_shown_in_full(run, data, tmp_path):
    damage(data, "train/" + sorted(path.stem for path in (data / "train").iterdir())[0])
    shutil.copy(sorted((data / "test").iterdir())[0], sorted((data / "train").iterdir())[1])
    done = run("--data-docs", tmp_path / "docs")
    assert done.exit_code == 2
    assert "1 unreadable, in quarantine" in done.stdout
    assert "1 also in test, in quarantine" in done.stdout
    assert "but found 1 of 160 otherwise: train/" in done.output
    assert (tmp_path / "docs" / "index.html").is_file()
    (folder,) = (tmp_path / "out" / "artifacts").glob("validation-*")
    assert len(pd.read_csv(folder / "suspects.csv")) >= 2
    page = (folder / "validation.html").read_text()
    assert "Stops a run." in page
    assert "not a TIFF image" in page
    assert "data:image/png" in page
    more = run("--set", "gate.max_unreadable_share=0.01", "--json")
    assert more.exit_code == 0, more.output
    assert json.loads(more.stdout)["quarantined"] == 2


def test_the_flow_fails_and_leaves_what_it_found(data, tmp_path, prefect_server, task_states):
    damage(data, "test/" + sorted(path.stem for path in (data / "test").iterdir())[0])
    request = ValidateRequest(data=data, out=tmp_path / "out")
    assert findings(request) is None
    with pytest.raises(InputError, match=r"test patches .* See .*validation\.html"):
        validate(request)
    assert task_states()["insist on good data"] == "Failed"
    found = findings(request)
    assert found.validation.fault() is None
    before = found.gate.manifest
    with pytest.raises(InputError):
        validate(request)
    assert found.gate.manifest == before


def test_wrong_settings(run):
    done = run("--set", "gate.max_unreadable=1")
    assert done.exit_code == 2
    assert "Did you mean" in done.output


def test_many_suspects_are_shortened(run, data):
    for path in sorted((data / "train").iterdir())[:9]:
        path.write_bytes(b"")
    assert f"... and {9 - command._SHOWN} more" in run().output
