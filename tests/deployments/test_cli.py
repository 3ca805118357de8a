import subprocess
import sys

import pytest
from typer.testing import CliRunner

from deployments.cli import app

HEAVY = ("tensorflow", "keras", "prefect", "pandas", "sklearn", "great_expectations")


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


@pytest.mark.parametrize("command", ["demo", "train", "synth", "doctor"])
def test_every_command_explains_itself(command):
    done = pcam(command, "--help")
    assert done.exit_code == 0
    assert len(done.output) > 300


def test_synth_writes_a_data_set(tmp_path):
    done = pcam("synth", tmp_path / "new", "--train", 12, "--test", 2, "--seed", 1)
    assert done.exit_code == 0, done.output
    assert len(list((tmp_path / "new" / "train").glob("*.tif"))) == 12


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--recipe", "notbook"], "Did you mean 'notebook'?"),
        (["--set", "final.training.epoch=3"], "Did you mean 'epochs'?"),
        (["--set", "split.test_fraction=7"], "split.test_fraction = 7 is not possible"),
        (["--set", "split.test_fraction"], "sets nothing"),
        ([], "has no train_labels.csv"),
    ],
)
def test_bad_input_is_explained_with_exit_code_2(tmp_path, arguments, message):
    out = tmp_path / "out"
    done = pcam("train", "--data", tmp_path, "--out", out, *arguments)
    assert done.exit_code == 2
    assert message in done.output.replace("\n", " ")
    assert "Traceback" not in done.output
