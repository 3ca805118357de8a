import json

import pytest

from pcam_core.artifact import Artifact, seal
from pcam_core.errors import InputError
from pcam_core.validation.check import Check, write_checks
from tasks import gate, validation

GOOD = Check("labels", "a", "error", passed=True, observed="all 3")
BAD = Check("labels", "b", "error", False, "1 of 3 otherwise", "b is wrong.", "Mend it.", ["x"])


@pytest.fixture
def artifact(tmp_path):
    made = Artifact(stage="gate", key="k", path=tmp_path / "gate-k")
    folder = tmp_path / "work"
    folder.mkdir()
    write_checks(folder, [GOOD, BAD])
    rows = "".join(f"p{n},train,kept,exact copy,as q\n" for n in range(201))
    (folder / "suspects.csv").write_text("id,part,verdict,reason,detail\n" + rows)
    checks = [json.loads(json.dumps(vars(check))) for check in (GOOD, BAD)]
    (folder / "validation.json").write_text(json.dumps({"checks": checks}))
    seal(folder, made, {}, 0)
    return made


def test_checks_and_suspects_are_tables(artifact, monkeypatch):
    shown = []
    monkeypatch.setattr(gate, "show_table", lambda *table: shown.append(table))
    gate._publish(artifact)
    (checks, _, rows), (suspects, title, listed) = shown
    assert (checks, suspects) == ("validation", "suspects")
    assert [row["passed"] for row in rows] == [True, False]
    assert rows[1]["observed"] == "1 of 3 otherwise"
    assert len(listed) == 200
    assert "1 more are listed in" in title


def test_errors_stop_the_task_once_everything_is_written(artifact):
    with pytest.raises(InputError, match=r"b is wrong\. Mend it\. See .*validation\.html"):
        validation._publish(artifact)
