import time

import keras
import numpy as np
import pytest
from keras import layers

from pcam_core.superres import plan as module
from pcam_core.superres.plan import Plan, measure_plan
from pcam_core.superres.upscaler import Upscaler, open_upscaler

LEVELS = (0.0, 255.0)


class Device(Upscaler):
    """Takes the time that it is told, and notes the batches and the compile modes."""

    def __init__(self, seconds, *, jit=(False,), memory=10_000):
        super().__init__(1, self.run, "float32")
        object.__setattr__(self, "seconds", seconds)
        object.__setattr__(self, "choices", jit)
        object.__setattr__(self, "memory", memory)
        object.__setattr__(self, "compiled", [])
        object.__setattr__(self, "batches", [])

    def compile(self, jit):
        self.compiled.append(jit)

    def jit_choices(self):
        return self.choices

    def run(self, patches):
        self.batches.append(len(patches))
        if len(patches) > self.memory:
            raise MemoryError
        time.sleep(self.seconds(len(patches), self.compiled[-1]))
        return patches


@pytest.mark.parametrize("source", ["none", "lanczos"])
def test_without_a_network_nothing_is_measured(source, monkeypatch):
    monkeypatch.setattr(module, "_seconds_a_call", None)
    plan = measure_plan(open_upscaler(source, LEVELS), 32)
    assert (plan.precision, plan.jit, plan.device) == ("float32", False, "cpu")


def test_calls_that_cost_ask_for_large_batches():
    device = Device(lambda batch, _: 0.02 + 1e-5 * batch)
    assert measure_plan(device, 2).batch == 512


def test_patches_that_cost_ask_for_small_batches():
    device = Device(lambda batch, _: 1e-3 * batch)
    assert measure_plan(device, 2).batch == 8
    assert max(device.batches) == 128  # 512 would be a long call


def test_slow_networks_are_not_tried_with_large_batches():
    device = Device(lambda batch, _: 0.02 * batch)
    assert measure_plan(device, 2).batch == 8
    assert set(device.batches) == {8}


def test_a_full_device_ends_the_growth():
    device = Device(lambda *_: 0.02, memory=100)
    assert measure_plan(device, 2).batch == 32


def test_other_failures_are_told():
    def seconds(batch, _):
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        measure_plan(Device(seconds), 2)


@pytest.mark.parametrize(("gain", "wanted"), [(2.0, True), (0.5, False)])
def test_xla_is_used_where_it_pays(gain, wanted):
    device = Device(lambda _, jit: 0.02 / (gain if jit else 1), jit=(False, True))
    assert measure_plan(device, 2).jit is wanted
    assert device.compiled[-1] is wanted


def test_what_xla_cannot_compile_runs_without():
    def seconds(batch, jit):
        if jit:
            raise ValueError("no kernel")
        return 0.001

    assert measure_plan(Device(seconds, jit=(False, True)), 2).jit is False


def test_a_real_network(tmp_path):
    path = tmp_path / "model.keras"
    stack = [
        layers.UpSampling2D(2),
        layers.Conv2D(3, 1, kernel_initializer="ones"),
        layers.Rescaling(1 / 3),
    ]
    keras.Sequential([keras.Input((None, None, 3)), *stack]).save(path)
    upscaler = open_upscaler(str(path), LEVELS, precision="bfloat16")
    plan = measure_plan(upscaler, 8)
    assert plan.precision == "bfloat16"
    assert plan.patches_per_s > 0
    assert Plan.model_validate_json(plan.model_dump_json()) == plan
    again = open_upscaler(str(path), LEVELS, precision=plan.precision, jit=plan.jit)
    patches = np.random.default_rng(0).integers(0, 256, (plan.batch, 8, 8, 3), np.uint8)
    np.testing.assert_array_equal(upscaler(patches), again(patches))
