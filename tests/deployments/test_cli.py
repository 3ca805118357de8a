import re
import subprocess
import sys

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from deployments.cli import app

HEAVY = ("tensorflow", "keras", "prefect", "pandas", "sklearn", "great_expectations")
COMMANDS = get_command(app).commands


def pcam(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_help_loads_nothing_heavy():
    code = (
        "import sys; from deployments.cli import app\n"
        "try: app(['--help'])\n"
        "except SystemExit as end: assert not end.code\n"
        f"print('loaded', sorted(set(sys.modules) & set({HEAVY})))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("loaded []")


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_command_explains_itself(command):
    done = pcam(command, "--help")
    assert done.exit_code == 0
    assert len(done.output) > 300


def words(text):
    return set(re.findall(r"[\w<>/.:-]+", re.sub(r"[`*\\]", "", text)))


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_help_shows_every_word(command):
    """Markdown drops what looks like a tag."""
    fields = [field.help for field in COMMANDS[command].params if getattr(field, "help", None)]
    done = CliRunner().invoke(app, [command, "--help"], env={"COLUMNS": "4000"})
    for text in [COMMANDS[command].help, *fields]:
        assert words(text) <= words(done.output)


def test_synth_writes_a_data_set(tmp_path):
    done = pcam("synth", tmp_path / "new", "--train", 12, "--test", 2, "--seed", 1)
    assert done.exit_code == 0, done.output
    assert len(list((tmp_path / "new" / "train").glob("*.tif"))) == 12


@pytest.mark.parametrize("command", [["demo", "--out"], ["synth"]])
def test_a_place_that_cannot_be_written_is_explained(tmp_path, command):
    (tmp_path / "file").write_text("")
    done = pcam(*command, tmp_path / "file" / "below")
    assert done.exit_code == 2
    assert "cannot be written (Not a directory)." in done.output
    assert "Traceback" not in done.output
