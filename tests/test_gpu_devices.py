import pytest

from pcam_core.gpu_devices import gpu_devices


@pytest.fixture
def nvidia_smi(tmp_path, monkeypatch):
    """Put an nvidia-smi with a given answer on the path."""
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")

    def answering(script):
        program = tmp_path / "nvidia-smi"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)

    return answering


def test_cards_are_named_by_uuid(nvidia_smi):
    nvidia_smi("echo GPU-1; echo GPU-2")
    assert gpu_devices() == ["GPU-1", "GPU-2"]


def test_a_driver_that_fails_means_none(nvidia_smi):
    nvidia_smi("echo 'No devices were found'; exit 6")
    assert gpu_devices() == []


@pytest.mark.parametrize(
    ("visible", "devices"), [("0,2", ["0", "2"]), ("GPU-7", ["GPU-7"]), ("", []), ("-1", [])]
)
def test_what_is_set_wins(nvidia_smi, monkeypatch, visible, devices):
    nvidia_smi("echo GPU-1")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert gpu_devices() == devices
