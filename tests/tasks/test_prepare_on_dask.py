"""Patches that are prepared by two processes of a Dask cluster."""

import json
import os
import signal
import threading
import time
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path

import pytest
from prefect import flow, tags

from pcam_core import patch_store
from pcam_core.artifact import Artifact
from pcam_core.datasets.kaggle_folder import KaggleFolder
from pcam_core.errors import InputError
from pcam_core.fan_out import employing, workers
from pcam_core.progress import listening
from pcam_core.stages.labels import labels
from pcam_core.stages.prepare import PrepareSettings, prepare
from tasks.dask_workers import dask_workers
from tasks.prepare import prepare_patches

PLAIN = PrepareSettings(region=32, upscaler="none", store_size=48)


@pytest.fixture(autouse=True)
def small_shards(monkeypatch):
    monkeypatch.setattr(patch_store, "SHARD", 16)
    monkeypatch.setattr(patch_store, "_UNSEEN_S", 1)


@contextmanager
def importable():
    """Let this process, and those that it starts, import what lies beside this file."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(Path(__file__).parent))
        yield


@pytest.fixture(scope="module")
def cluster():
    from distributed import LocalCluster

    options = {"host": "127.0.0.1", "dashboard_address": "127.0.0.1:0", "memory_limit": None}
    with (
        importable(),
        LocalCluster(n_workers=2, threads_per_worker=1, **options) as running,
    ):
        yield running.scheduler_address


@pytest.fixture
def data(generated):
    return KaggleFolder(address=str(generated), path=generated, key="raw")


@pytest.fixture
def inputs(tmp_path):
    def of(data, settings):
        (tmp_path / "quarantine.csv").write_text("id,part,reason\n")
        return {
            "data": data,
            "labels": labels.build(tmp_path, data=data),
            "gate": Artifact(stage="gate", key="gate", path=tmp_path),
            "settings": settings,
        }

    return of


def fanned_out(root, address, inputs):
    @flow(name="fanned out")
    def run():
        with tags("recipe"), employing(dask_workers(address)):
            return prepare_patches.run(root, **inputs)

    return run()


def contents(artifact):
    return {
        path.relative_to(artifact.path).as_posix(): path.read_bytes()
        for path in artifact.path.rglob("*")
        if path.is_file() and path.name != "manifest.json"
    }


def kill_who_reads(signals):
    while not (found := list(signals.glob("reads-*"))):
        time.sleep(0.05)
    os.kill(int(found[0].name.removeprefix("reads-")), signal.SIGKILL)
    (signals / "go").touch()


def held_up(data, signals):
    """The data, the last patch of whose fourth shard is read by nobody before "go"."""
    from waiting_folder import WaitingFolder

    ids = [line.split(",")[0] for line in (data.path / "train_labels.csv").read_text().split()]
    fields = data.model_dump()
    return WaitingFolder(**fields, signals=signals, waits_at=ids[1 + 4 * 16 - 1])


@pytest.fixture
def killed(tmp_path, data, inputs, cluster, prefect_server):
    """Make the artifact here, and there with one of the two processes killed in the middle."""

    def run(settings):
        here = prepare.build(tmp_path / "here", **inputs(data, settings))
        signals = tmp_path / "signals"
        signals.mkdir()
        killer = threading.Thread(target=kill_who_reads, args=[signals], daemon=True)
        killer.start()
        told = []
        with listening(lambda progress: told.append(progress.done)):
            there = fanned_out(
                tmp_path / "there", cluster, inputs(held_up(data, signals), settings)
            )
        killer.join(1)
        assert len(list(signals.iterdir())) >= 2, "nobody was killed"
        return here, there, told

    return run


@pytest.mark.slow
def test_a_killed_worker_costs_only_its_shard(killed):
    here, there, told = killed(PLAIN)
    assert contents(here) == contents(there)
    assert here.figures == there.figures
    assert there.fault() is None
    assert told[-1] == 180


@pytest.mark.slow
def test_a_network_gives_the_same_bytes_everywhere(killed, tmp_path):
    import keras

    from pcam_core.superres.rrdb import rrdb_net

    keras.utils.set_random_seed(1)
    rrdb_net(blocks=1, features=8, growth=8).save(tmp_path / "net.keras")
    settings = PrepareSettings(upscaler=str(tmp_path / "net.keras"), batch_size=7)
    here, there, _ = killed(settings)
    assert contents(here) == contents(there)
    assert json.loads((there.path / "plan.json").read_text())["batch"] == 7


def test_what_a_worker_cannot_see_is_told(cluster, data, inputs, tmp_path, prefect_server):
    gone = data.model_copy(update={"path": tmp_path / "elsewhere"})
    given = inputs(data, PLAIN) | {"data": gone}
    with pytest.raises(InputError, match=r"On the worker .*train/.*same paths"):
        fanned_out(tmp_path / "out", cluster, given)


def test_nobody_answers(data, inputs, tmp_path, prefect_server, monkeypatch):
    monkeypatch.setattr("tasks.dask_workers._CONNECT_S", 1)
    with pytest.raises(InputError, match=r"No Dask scheduler answers at tcp://127\.0\.0\.1:9 "):
        fanned_out(tmp_path / "out", "tcp://127.0.0.1:9", inputs(data, PLAIN))


def test_a_process_for_each_gpu(prefect_server, monkeypatch):
    monkeypatch.setattr("tasks.dask_workers._gpus", lambda: ["3", "5"])
    found = []

    @flow
    def run():
        with employing(dask_workers(None)), workers(gpu=True) as employed:
            from waiting_folder import visible

            assert employed.count == 2
            employed.run([visible] * 8, found.append)

    with importable():
        run()
    assert set(found) == {"3", "5"}


def test_a_worker_loads_no_prefect_and_starts_no_server(cluster, prefect_server):
    found = []

    @flow
    def run():
        from waiting_folder import loaded

        with employing(dask_workers(cluster)), workers(gpu=False) as employed:
            employed.run([loaded] * 2, found.append)

    with importable():
        run()
    assert found == [False, False]


def test_without_gpus_and_scheduler_all_is_done_here(monkeypatch):
    monkeypatch.setattr("tasks.dask_workers._gpus", lambda: ["0", "1"])
    with employing(dask_workers(None)), workers(gpu=False) as employed:
        assert employed is None
    monkeypatch.setattr("tasks.dask_workers._gpus", lambda: ["0"])
    with employing(dask_workers(None)), workers(gpu=True) as employed:
        assert employed is None


@pytest.mark.slow
def test_a_killed_process_goes_on_at_its_shard(tmp_path, data, inputs):
    signals = tmp_path / "signals"
    signals.mkdir()
    with importable():
        from waiting_folder import prepare_in_shards_of_16

        given = inputs(held_up(data, signals), PLAIN)
        process = get_context("spawn").Process(
            target=prepare_in_shards_of_16, args=(tmp_path / "out", given)
        )
        process.start()
    while not list(signals.iterdir()):
        time.sleep(0.05)
    process.kill()
    process.join()
    (signals / "go").touch()
    before = {path.name: path.stat().st_mtime_ns for path in tmp_path.glob("out/*/*/train/*.npy")}
    artifact = prepare.build(tmp_path / "out", **given)
    after = {path.name: path.stat().st_mtime_ns for path in artifact.path.glob("train/*.npy")}
    assert before.items() <= after.items()
    assert len(after) == 10
    assert contents(artifact) == contents(prepare.build(tmp_path / "here", **inputs(data, PLAIN)))
