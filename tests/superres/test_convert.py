import numpy as np
import pytest

from pcam_core.errors import InputError
from pcam_core.superres import convert
from pcam_core.superres.convert import save_converted
from pcam_core.superres.hub_weights import load_hub_esrgan
from pcam_core.superres.rrdb import rrdb_net
from pcam_core.superres.upscaler import digest, open_upscaler

UNIT = (0.0, 1.0)

WITHOUT_TENSORFLOW = """
import sys

class Missing:
    @staticmethod
    def find_spec(name, *_):
        if name.partition(".")[0] == "tensorflow":
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Missing)
import numpy as np
from pcam_core.superres.upscaler import open_upscaler

for precision in ("float32", "bfloat16"):
    upscaler = open_upscaler(sys.argv[1], (0.0, 1.0), precision=precision)
    np.save(f"{sys.argv[3]}/{precision}.npy", upscaler.enlarge(np.load(sys.argv[2])))
"""


@pytest.fixture
def small(monkeypatch):
    """A small network in place of the one that would be read."""
    model = rrdb_net(blocks=1, features=4, growth=2, kernel_initializer="zeros")
    rng = np.random.default_rng(0)
    model.set_weights([rng.normal(0, 0.2, weight.shape) for weight in model.weights])
    monkeypatch.setattr(convert, "load_hub_esrgan", lambda _: model)
    return model


@pytest.fixture
def batch(tissue):
    # The shape that opening tries too: JAX compiles each for seconds.
    return np.stack([tissue(32, seed) for seed in range(3)]).astype(np.float32)


def test_gives_equal_pictures(small, batch, tmp_path):
    sha256 = save_converted(tmp_path, tmp_path / "net.keras")
    upscaler = open_upscaler(str(tmp_path / "net.keras"), UNIT)
    assert (upscaler.scale, digest(str(tmp_path / "net.keras"))) == (4, sha256)
    wanted = np.asarray(small(batch))
    np.testing.assert_allclose(upscaler.enlarge(batch), wanted, rtol=0, atol=1e-3)


def test_leaves_two_files(small, tmp_path):
    sha256 = save_converted(tmp_path, tmp_path / "new" / "net.keras")
    names = sorted(path.name for path in (tmp_path / "new").iterdir())
    assert names == ["net.keras", "net.keras.sha256"]
    assert (tmp_path / "new" / names[1]).read_text() == f"{sha256}  net.keras\n"


def test_damage_is_seen(small, tmp_path):
    save_converted(tmp_path, tmp_path / "net.keras")
    with (tmp_path / "net.keras").open("ab") as file:
        file.write(b"x")
    with pytest.raises(InputError, match="checksum"):
        open_upscaler(str(tmp_path / "net.keras"), UNIT)


def test_replaces_an_older_file(small, tmp_path):
    (tmp_path / "net.keras").write_bytes(b"old")
    (tmp_path / "net.keras.sha256").write_text("old")
    save_converted(tmp_path, tmp_path / "net.keras")
    assert open_upscaler(str(tmp_path / "net.keras"), UNIT).scale == 4


def test_other_endings_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"end in \.keras"):
        save_converted(tmp_path, tmp_path / "net.h5")


def test_needs_no_tensorflow(small, batch, run_under_jax, tmp_path):
    save_converted(tmp_path, tmp_path / "net.keras")
    np.save(tmp_path / "in.npy", batch)
    run_under_jax(WITHOUT_TENSORFLOW, tmp_path / "net.keras", tmp_path / "in.npy", tmp_path)
    wanted = np.asarray(small(batch))
    found, half = (np.load(tmp_path / f"{name}.npy") for name in ("float32", "bfloat16"))
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-3)
    assert 45 <= 10 * np.log10(255**2 / np.mean((half - wanted) ** 2)) < 100


def test_the_published_graph(hub_folder, tmp_path):
    save_converted(hub_folder, tmp_path / "net.keras")
    found = open_upscaler(str(tmp_path / "net.keras"), UNIT).model.get_weights()
    wanted = load_hub_esrgan(hub_folder).get_weights()
    assert len(found) == 342
    assert all(np.array_equal(*pair) for pair in zip(found, wanted, strict=True))
