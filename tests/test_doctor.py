"""The doctor: what it says, and that nothing which is wrong can make it fall over."""

import errno
import json
import os
import shutil
import socket
import subprocess
import sys
import types
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from pcam_core import doctor, precision
from pcam_core.doctor import Check, Diagnosis, State, examine
from pcam_core.precision import Gpu

H200 = Gpu("NVIDIA H200", (9, 0))
V100 = Gpu("Tesla V100", (7, 0))


@pytest.fixture(autouse=True)
def _plain_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def named(diagnosis: Diagnosis) -> dict[str, Check]:
    return {check.name: check for check in diagnosis.checks}


def test_examines_this_machine(tmp_path: Path) -> None:
    diagnosis = examine(tmp_path / "not" / "yet", str(tmp_path / "store"))
    checks = named(diagnosis)
    assert list(checks) == [
        "pcam",
        "Python",
        "platform",
        "CPUs",
        "memory",
        "Keras",
        "TensorFlow",
        "GPUs",
        "CUDA",
        "precision policy",
        "XLA",
        "disk",
        "object store",
        "Prefect API",
    ]
    assert all(check.value for check in diagnosis.checks)
    assert all(bool(check.remedy) == (check.state != "ok") for check in diagnosis.checks)
    assert checks["object store"].state == "ok"
    assert checks["Prefect API"].value == "embedded (none configured)"


def test_prints_as_json() -> None:
    checks = [Check(name="a", state="warning", value="b", remedy="c")]
    told = json.loads(Diagnosis(checks=tuple(checks)).model_dump_json())
    assert told == {"checks": [checks[0].model_dump()], "healthy": True}


@pytest.mark.parametrize(
    ("state", "healthy"), [("ok", True), ("warning", True), ("problem", False)]
)
def test_only_problems_are_unhealthy(state: State, healthy: bool) -> None:
    checks = (Check(name="a", state="ok", value="b"), Check(name="c", state=state, value="d"))
    assert Diagnosis(checks=checks).healthy is healthy


def test_broken_backend_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: str) -> Check:
        raise RuntimeError("libcudart.so is missing\nand more")

    monkeypatch.setattr(doctor, "_tensorflow", fail)
    *_, last = doctor._arithmetic()
    assert (last.state, last.value) == ("problem", "RuntimeError: libcudart.so is missing")


def test_jax_needs_no_tensorflow() -> None:
    code = (
        "import sys; sys.modules['tensorflow'] = None\n"
        "from pathlib import Path; from pcam_core.doctor import examine\n"
        "print(examine(Path()).model_dump_json())"
    )
    environment = {**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"}
    answer = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    checks = named(Diagnosis(checks=json.loads(answer.stdout)["checks"]))
    assert checks["Keras"].value.endswith("on jax")
    assert checks["XLA"].value == "used"
    assert checks["precision policy"].value == "float32"
    assert "not the backend" in checks["TensorFlow"].value


def test_importing_it_is_light() -> None:
    code = (
        "import sys, pcam_core.doctor\n"
        "print(*{'boto3', 'jax', 'keras', 'prefect', 'tensorflow'}.intersection(sys.modules))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == ""


@pytest.mark.parametrize(
    ("found", "policy"),
    [
        ([], "float32"),
        ([H200], "mixed_bfloat16"),
        ([Gpu("A100", (8, 0))], "mixed_bfloat16"),
        ([V100], "mixed_float16"),
        ([H200, V100], "mixed_float16"),
        ([Gpu("gfx90a", None)], "float32"),
        ([H200, Gpu("gfx90a", None)], "float32"),
    ],
)
def test_precision_follows_the_least_capable_gpu(
    monkeypatch: pytest.MonkeyPatch, found: list[Gpu], policy: str
) -> None:
    monkeypatch.setattr(precision, "gpus", lambda: tuple(found))
    assert precision.precision_policy() == policy


@pytest.mark.parametrize(
    ("backend", "found", "used"),
    [
        ("tensorflow", (), False),
        ("tensorflow", (H200,), True),
        ("jax", (), True),
        ("jax", (H200,), True),
        ("torch", (H200,), False),
    ],
)
def test_xla(
    monkeypatch: pytest.MonkeyPatch, backend: str, found: tuple[Gpu, ...], used: bool
) -> None:
    monkeypatch.setattr("keras.config.backend", lambda: backend)
    monkeypatch.setattr(precision, "gpus", lambda: found)
    assert precision.xla_used() is used


@pytest.mark.parametrize(
    ("told", "capability"), [("9.0", (9, 0)), ("12.1", (12, 1)), ("gfx90a", None), (None, None)]
)
def test_jax_capability(told: str | None, capability: tuple[int, int] | None) -> None:
    assert precision._capability(types.SimpleNamespace(compute_capability=told)) == capability


@pytest.mark.parametrize(
    ("seen", "present", "state", "value"),
    [
        ((), [], "warning", "none"),
        ((), ["V100: 16384 MiB"], "problem", "not seen by jax; V100: 16384 MiB"),
        ((H200,), [], "ok", "1: NVIDIA H200 (compute capability 9.0)"),
        ((Gpu("gfx90a", None),), ["x: 1"], "ok", "1: gfx90a (compute capability ?); x: 1"),
    ],
)
def test_gpus(
    monkeypatch: pytest.MonkeyPatch,
    seen: tuple[Gpu, ...],
    present: list[str],
    state: State,
    value: str,
) -> None:
    monkeypatch.setattr(doctor, "gpus", lambda: seen)
    monkeypatch.setattr(doctor, "_nvidia_smi", lambda: present)
    check = doctor._gpus("jax")
    assert (check.state, check.value) == (state, value)


class TestNvidiaSmi:
    @pytest.fixture
    def program(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        program = tmp_path / "nvidia-smi"
        program.write_text(
            '#!/bin/sh\nshift 2\necho "NVIDIA H200, 143771 MiB, 5 MiB"\necho "$@" >&2\n'
        )
        program.chmod(0o755)
        monkeypatch.setattr(shutil, "which", lambda _: str(program))
        return program

    def test_rows(self, program: Path) -> None:
        assert program.exists()
        assert doctor._nvidia_smi() == ["NVIDIA H200: 143771 MiB, 5 MiB in use"]

    @pytest.mark.parametrize("hidden", ["", "-1"])
    def test_hidden(self, program: Path, monkeypatch: pytest.MonkeyPatch, hidden: str) -> None:
        assert program.exists()
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", hidden)
        assert doctor._nvidia_smi() == []

    def test_failing(self, program: Path) -> None:
        program.write_text("#!/bin/sh\nexit 9\n")
        assert doctor._nvidia_smi() == []


@pytest.mark.parametrize(("free_gib", "state"), [(0.5, "problem"), (10, "warning"), (30, "ok")])
def test_disk(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, free_gib: float, state: State
) -> None:
    usage = types.SimpleNamespace(free=free_gib * doctor.GIB)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    assert doctor._disk(tmp_path / "new").state == state


def test_ailing_disk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(Path, "exists", fail)
    assert doctor._disk(tmp_path).state == "problem"
    assert doctor._object_store(str(tmp_path)).state == "problem"


def test_folder_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert doctor._disk(tmp_path / "file" / "new").state == "problem"


@pytest.mark.parametrize(("free_gib", "state"), [(1, "warning"), (30, "ok")])
def test_memory(monkeypatch: pytest.MonkeyPatch, free_gib: int, state: State) -> None:
    memory = types.SimpleNamespace(available=free_gib * doctor.GIB, total=32 * doctor.GIB)
    monkeypatch.setattr("psutil.virtual_memory", lambda: memory)
    assert doctor._memory().state == state


def test_object_store() -> None:
    assert doctor._object_store(None) == Check(
        name="object store", state="ok", value="not configured"
    )
    check = doctor._object_store("gs://products")
    assert (check.state, bool(check.remedy)) == ("problem", True)


class Prefect(BaseHTTPRequestHandler):
    """Answers "/<status>/<body>/health" accordingly."""

    def do_GET(self) -> None:
        _, status, body, _ = self.path.split("/")
        self.send_response(int(status))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Prefect) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize(
    ("path", "state"),
    [
        ("200/true", "ok"),
        ("200/true/", "ok"),
        ("200/false", "problem"),
        ("200/<html>", "problem"),
        ("401/no", "warning"),
        ("404/no", "problem"),
        ("500/no", "problem"),
    ],
)
def test_prefect_api(server: str, path: str, state: State) -> None:
    assert doctor._prefect_api(f"http://{server}/{path}").state == state


def test_prefect_api_is_down() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    check = doctor._prefect_api(f"http://user:secret@127.0.0.1:{port}/api?key=secret")
    assert (check.state, "secret" in check.value) == ("problem", False)


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "nonsense", "http://[", "http://", "http://a b"]
)
def test_bad_prefect_url(url: str) -> None:
    assert doctor._prefect_api(url).state == "problem"
