import pytest

from pcam_core import precision

FLAGS = {
    "avx512_bf16": "bfloat16",
    "amx_bf16": "bfloat16",
    "avx512f": "float32",
    "no_avx512_bf16_at_all": "float32",
}


@pytest.fixture
def processor(monkeypatch, tmp_path):
    """Gives the machine, which has no GPU, a processor with one flag."""
    monkeypatch.setattr(precision, "auto_policy", lambda: "float32")
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    cpuinfo = tmp_path / "cpuinfo"
    monkeypatch.setattr(precision, "_CPUINFO", cpuinfo)
    return lambda flag: cpuinfo.write_text(f"model name\t: bf16\nflags\t\t: fpu {flag} sse\n")


@pytest.mark.parametrize("flag", FLAGS)
def test_a_cpu_uses_what_it_multiplies_natively(processor, flag):
    processor(flag)
    assert precision.inference_precision() == FLAGS[flag]


def test_only_tensorflow_knows_how(processor, monkeypatch):
    processor("amx_bf16")
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    assert precision.inference_precision() == "float32"


def test_a_machine_that_does_not_tell(processor):
    assert precision.inference_precision() == "float32"


@pytest.mark.parametrize("half", ["bfloat16", "float16"])
def test_a_gpu_decides_where_there_is_one(processor, monkeypatch, half):
    processor("amx_bf16")
    monkeypatch.setattr(precision, "auto_policy", lambda: f"mixed_{half}")
    assert precision.inference_precision() == half
