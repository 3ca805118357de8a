import subprocess
import sys

CODE = """
import os, sys
from pathlib import Path
from deployments.terminal import native_messages_in

with native_messages_in(Path(sys.argv[1])):
    os.write(2, b"native\\n")
    print("told", file=sys.stderr)
print("after", file=sys.stderr)
os.write(2, b"native again\\n")
"""


def test_native_messages_go_to_the_file_and_pythons_to_the_terminal(tmp_path):
    file = tmp_path / "new" / "native.log"
    command = [sys.executable, "-c", CODE, file]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert file.read_text() == "native\n"
    assert done.stderr == "told\nafter\nnative again\n"
