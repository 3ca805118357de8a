import importlib
import subprocess
import sys

import pytest

from pcam_core.errors import InputError
from pcam_core.fetch import weights
from pcam_core.superres import hub_download


@pytest.fixture
def known(server, monkeypatch):
    """Small stand-ins for the ImageNet files, on this machine."""
    files = [server.remote(file.name, file.name.encode() * 99) for file in weights.IMAGENET]
    monkeypatch.setattr(weights, "IMAGENET", files)
    return files


@pytest.fixture
def hub(monkeypatch, tmp_path):
    """ESRGAN's place in the cache, filled as tensorflow-hub fills it."""
    folder = tmp_path / "out" / "tfhub" / hub_download._FOLDER
    (folder / "variables").mkdir(parents=True)
    (folder / "saved_model.pb").write_bytes(b"graph")
    (folder / "variables" / "variables.index").write_bytes(b"index")
    return folder


def test_addresses_and_checksums_are_those_of_the_installed_keras():
    keras = {
        "keras.src.applications.resnet": (
            "resnet50",
            "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5",
        ),
        "keras.src.applications.efficientnet": ("b0", "efficientnetb0_notop.h5"),
        "keras.src.applications.efficientnet_v2": ("b0", "efficientnetv2-b0_notop.h5"),
        "keras.src.applications.convnext": ("convnext_tiny", "convnext_tiny_notop.h5"),
    }
    for file, (module, (entry, name)) in zip(weights.IMAGENET, keras.items(), strict=True):
        application = importlib.import_module(module)
        assert file.name == name
        assert file.address == application.BASE_WEIGHTS_PATH + name
        assert file.checksum == application.WEIGHTS_HASHES[entry][1]


def test_everything_lies_where_the_variables_lead(known, hub, tmp_path, server):
    out = tmp_path / "out"
    found = weights.fetch_weights(out)
    assert found.variables == {"KERAS_HOME": out / "keras", "TFHUB_CACHE_DIR": out / "tfhub"}
    assert found.esrgan == hub
    assert len(found.esrgan_sha256) == 64
    for file in known:
        assert (out / "keras" / "models" / file.name).is_file()
    assert weights.fetch_weights(out) == found
    assert len(server.asked) == len(known)


def test_keras_takes_the_file_without_a_connection(known, hub, tmp_path):
    found = weights.fetch_weights(tmp_path / "out")
    code = (
        "import sys; from keras.utils import get_file\n"
        "name, md5 = sys.argv[1:]\n"
        "print(get_file(name, 'http://127.0.0.1:1/none', cache_subdir='models', file_hash=md5))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, known[0].name, known[0].checksum],
        env={"KERAS_HOME": str(found.variables["KERAS_HOME"]), "KERAS_BACKEND": "jax"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == str(tmp_path / "out" / "keras" / "models" / known[0].name)


def test_esrgan_that_cannot_be_had(known, tmp_path, monkeypatch):
    def unreachable(cache):
        raise InputError(f"not into {cache}", "later")

    monkeypatch.setattr(weights, "download_hub_esrgan", unreachable)
    with pytest.raises(InputError, match=r"not into .*tfhub"):
        weights.fetch_weights(tmp_path / "out")


def test_a_kept_esrgan_is_found_without_tensorflow(hub):
    code = (
        "import sys; from pathlib import Path\n"
        "from pcam_core.superres.hub_download import download_hub_esrgan\n"
        "print(download_hub_esrgan(Path(sys.argv[1]))); assert 'tensorflow' not in sys.modules"
    )
    command = [sys.executable, "-c", code, str(hub.parent)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(hub)


def test_tensorflow_hub_names_the_folder_so(tmp_path, monkeypatch, hub):
    import tensorflow_hub

    monkeypatch.setenv("TFHUB_CACHE_DIR", str(hub.parent))
    assert tensorflow_hub.resolve(hub_download.HUB_HANDLE) == str(hub)
