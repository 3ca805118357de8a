import json
import subprocess
import sys
import threading
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from PIL import Image

from pcam_core import patch_store, precision
from pcam_core.artifact import Artifact
from pcam_core.errors import InputError
from pcam_core.stages import enlarging, prepare_settings
from pcam_core.stages.labels import labels
from pcam_core.stages.prepare import PrepareSettings, open_store, prepare
from pcam_core.superres.rrdb import rrdb_net
from pcam_core.superres.upscaler import Upscaler


@pytest.fixture(autouse=True)
def nothing_is_open():
    enlarging._opened.cache_clear()
    yield
    enlarging._opened.cache_clear()


@pytest.fixture
def stored(tmp_path, kaggle_folder, monkeypatch):
    """Prepare thirteen training patches in shards of five; `data` is where they lie."""
    monkeypatch.setattr(patch_store, "SHARD", 5)
    data = kaggle_folder({f"p{n:02d}": n % 2 for n in range(13)}, ["t"])
    (tmp_path / "quarantine.csv").write_text("id,part,reason\n")

    def run(root="out", **settings):
        return prepare.build(
            tmp_path / root,
            data=data,
            labels=labels.build(tmp_path, data=data),
            gate=Artifact(stage="gate", key="gate", path=tmp_path),
            settings=PrepareSettings(**settings),
        )

    run.data = data
    return run


@pytest.fixture
def small_device(monkeypatch):
    """A network that fails as TensorFlow does where a batch is larger than the memory."""
    import tensorflow as tf

    device = SimpleNamespace(memory=10_000, batches=[], work=lambda: None)

    def enlarge(patches):
        device.work()
        if len(patches) > device.memory:
            raise tf.errors.ResourceExhaustedError(None, None, "failed to allocate memory")
        device.batches.append(len(patches))
        return patches.repeat(2, 1).repeat(2, 2)

    opened = Upscaler(2, enlarge, "float32")
    monkeypatch.setattr(enlarging, "open_upscaler", lambda *_, **__: opened)
    return device


def pixels(artifact, part="train"):
    store = open_store(artifact, part)
    return store.read(np.arange(len(store.ids)))


def centres(data, part="train"):
    return np.stack([data.decode(part, name)[32:64, 32:64] for name in data.patch_ids(part)])


def plan(artifact):
    return json.loads((artifact.path / "plan.json").read_text())


def test_out_of_memory_halves_the_batch_and_is_told(stored, small_device, caplog):
    small_device.memory = 3
    artifact = stored(upscaler="esrgan", batch_size=12)
    np.testing.assert_array_equal(pixels(artifact), centres(stored.data).repeat(2, 1).repeat(2, 2))
    assert "Out of memory on cpu with 12 patches at once: goes on with 6." in caplog.text
    assert (plan(artifact)["batch"], plan(artifact)["planned"]) == (3, 12)
    assert artifact.figures["plan"] == plan(artifact)
    assert set(small_device.batches) == {3}


def test_even_the_smallest_measured_batch_is_too_large(stored, small_device):
    small_device.memory = 2
    assert plan(stored(upscaler="esrgan"))["batch"] == 2


def test_not_even_one_patch(stored, small_device):
    small_device.memory = 0
    with pytest.raises(InputError, match=r"The memory of cpu does not suffice .* 32x32"):
        stored(upscaler="esrgan")


def test_other_failures_are_told_and_free_the_device(stored, small_device):
    def fail():
        raise ValueError("broken")

    small_device.work = fail
    with pytest.raises(ValueError, match="broken"):
        stored(upscaler="esrgan", batch_size=2)
    assert not enlarging._device.locked()


def stop_after(small_device, calls):
    left = iter(range(calls))

    def work():
        if next(left, None) is None:
            raise KeyboardInterrupt

    small_device.work = work


@pytest.mark.parametrize("gpu", [None, precision.Gpu("other", (9, 0))])
def test_a_resumed_run_keeps_the_plan_of_its_kind_of_device(
    stored, small_device, monkeypatch, tmp_path, gpu
):
    stop_after(small_device, 20)  # while it measures, and for the first shards
    with pytest.raises(KeyboardInterrupt):
        stored(upscaler="esrgan", precision="float32")
    (building,) = (tmp_path / "out" / ".building").glob("prepare-*/")
    first = json.loads((building / "plan.json").read_text())
    (building / "plan.json").write_text(json.dumps(first | {"batch": 5, "planned": 5}))
    small_device.work = lambda: None
    monkeypatch.setattr(precision, "gpus", lambda: (gpu,) if gpu else ())
    found = plan(stored(upscaler="esrgan", precision="float32"))
    assert (found["batch"] == 5, found["device"]) == (gpu is None, gpu.name if gpu else "cpu")


def test_the_settings_fix_the_batch(stored, small_device, tmp_path):
    stop_after(small_device, 4)
    with pytest.raises(KeyboardInterrupt):
        stored(upscaler="esrgan", batch_size=2)
    small_device.work = lambda: None
    assert plan(stored(upscaler="esrgan", batch_size=4))["planned"] == 4
    assert set(small_device.batches) == {2, 4}


@pytest.fixture
def network(tmp_path):
    keras.utils.set_random_seed(1)
    rrdb_net(blocks=1, features=8, growth=8).save(tmp_path / "net.keras")
    return str(tmp_path / "net.keras")


def test_plans_agree_within_one_level_and_the_same_plan_in_every_bit(stored, network):
    some, same, other = (
        pixels(stored(f"out{n}", upscaler=network, batch_size=batch))
        for n, batch in enumerate((4, 4, 7))
    )
    np.testing.assert_array_equal(some, same)
    assert np.abs(some.astype(int) - other).max() <= 1
    assert some.std() > 0


def test_a_real_network_is_measured_and_its_plan_kept(stored, network):
    artifact = stored(upscaler=network, precision="bfloat16")
    assert plan(artifact) == artifact.figures["plan"]
    assert (plan(artifact)["precision"], plan(artifact)["device"]) == ("bfloat16", "cpu")
    assert artifact.figures["stored_side"] == 128


def test_another_model_than_where_the_run_was_started_is_refused(stored, network, tmp_path):
    settings = PrepareSettings(upscaler=network, precision="float32")
    work = enlarging.Work(tmp_path, settings, enlarging.identity(settings))
    rrdb_net(blocks=1, features=8, growth=4).save(network)
    with pytest.raises(InputError, match="Another version of upscaler is here"):
        enlarging.survey(work)


def test_without_the_plan_nothing_is_made(tmp_path):
    settings = PrepareSettings(upscaler="none", precision="float32")
    with pytest.raises(InputError, match=r"plan\.json cannot be read here"):
        enlarging.Enlarger(enlarging.Work(tmp_path, settings, enlarging.identity(settings)))


def test_without_a_network_no_worker_loads_keras(tmp_path):
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from pcam_core.stages.enlarging import Enlarged, Work, identity, survey\n"
        "from pcam_core.stages.prepare_settings import PrepareSettings\n"
        "settings = PrepareSettings(upscaler='lanczos', precision='float32')\n"
        "print(survey(Work(Path(sys.argv[1]), settings, identity(settings))).side)\n"
        "print({'keras', 'tensorflow', 'jax'} & set(sys.modules))"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    assert answer.stdout.split("\n")[:2] == ["128", "set()"]


def test_the_last_enlargement_can_be_stored_and_is_pillows(stored):
    found = pixels(stored(upscaler="lanczos", store_size=224))
    for patch, crop in zip(found, centres(stored.data), strict=True):
        image = Image.fromarray(crop)
        for side in (128, 224):
            image = image.resize((side, side), Image.Resampling.LANCZOS)
        np.testing.assert_array_equal(patch, np.asarray(image))


def test_decoding_goes_on_while_the_network_works(stored, small_device, monkeypatch):
    """While the first patch is enlarged, all others are decoded: 1024 ahead, at least."""
    decoded, enough = [], threading.Event()
    decode = type(stored.data).decode

    def counted(self, part, patch_id):
        decoded.append(patch_id)
        if len(decoded) >= 13:
            enough.set()
        return decode(self, part, patch_id)

    waited = []

    def work():
        if decoded:
            waited.append(enough.wait(10))

    small_device.work = work
    monkeypatch.setattr(type(stored.data), "decode", counted)
    stored(upscaler="esrgan", batch_size=1)
    assert waited[0]


def test_the_batch_is_no_part_of_the_content_but_precision_is(monkeypatch):
    monkeypatch.setattr(prepare_settings, "inference_precision", lambda: "float32")
    content = PrepareSettings(upscaler="esrgan").content()
    assert content["precision"] == "float32"
    assert content == PrepareSettings(upscaler="esrgan", batch_size=3).content()
    assert content == PrepareSettings(upscaler="esrgan", trusted_savedmodels=["0" * 64]).content()
    assert content != PrepareSettings(upscaler="esrgan", store_size=224).content()
    half = PrepareSettings(upscaler="esrgan", precision="bfloat16").content()
    assert half != content
    monkeypatch.setattr(prepare_settings, "inference_precision", lambda: "bfloat16")
    assert PrepareSettings(upscaler="esrgan").content() == half
    assert PrepareSettings(upscaler="none").content()["precision"] == "float32"
