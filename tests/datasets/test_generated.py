import pytest

from pcam_core.datasets.generated import generated
from pcam_core.datasets.opening import open_dataset
from pcam_core.errors import InputError
from pcam_core.synth import write_dataset


def test_is_what_synth_writes(cache, tmp_path, same):
    write_dataset(tmp_path / "data", train=12, test=3, seed=5)
    data = open_dataset(["synth:train=12,test=3,seed=5"], cache)
    assert data.address == "synth:train=12,test=3,seed=5"
    written = open_dataset([str(tmp_path / "data")], cache)
    assert data.key == written.key
    assert same(data, written)


@pytest.mark.parametrize(
    "address",
    [
        "synth:",
        "synth:train=12",
        "synth:train=0,test=3,seed=5",
        "synth:train=12,test=0,seed=5",
        "synth:train=-1,test=3,seed=5",
        "synth:train=12,test=3,seed=5,x=../..",
        "synth:train=123456789,test=3,seed=5",
    ],
)
def test_other_addresses(address, cache):
    with pytest.raises(InputError, match="Write synth:train=800,test=160,seed=42"):
        generated(address, cache)
    assert not cache.exists()
