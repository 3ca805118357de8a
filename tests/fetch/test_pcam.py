import gzip

from pcam_core.fetch import pcam
from pcam_core.fetch.pcam import fetch_pcam, pcam_files


def test_the_nine_files_are_named_as_published_and_lie_at_zenodo():
    files = pcam_files()
    splits = [f"{split}_{kind}" for split in ("train", "valid", "test") for kind in "xy"]
    assert {file.name for file in files} == {
        *(f"camelyonpatch_level_2_split_{split}.h5.gz" for split in splits),
        *(f"camelyonpatch_level_2_split_{split[:-1]}meta.csv" for split in splits),
    }
    assert all(file.address.startswith("https://zenodo.org/") for file in files)
    assert len({file.checksum for file in files}) == 9
    assert all(len(bytes.fromhex(file.checksum)) == 16 for file in files)
    assert sum(file.size or 0 for file in files) == 8_028_222_167


def test_they_arrive_packed(server, tmp_path, monkeypatch):
    contents = {name: gzip.compress(name.encode()) for name, _, _ in pcam._FILES}
    served = [
        server.remote(f"camelyonpatch_level_2_split_{name}", content)
        for name, content in contents.items()
    ]
    known = [(name, file.checksum, file.size) for name, file in zip(contents, served, strict=True)]
    monkeypatch.setattr(pcam, "_FILES", known)
    monkeypatch.setattr(pcam, "_ADDRESS", server.address)
    paths = fetch_pcam(tmp_path / "data")
    assert [path.read_bytes() for path in paths] == list(contents.values())
    assert fetch_pcam(tmp_path / "data") == paths
    assert len(server.asked) == 9
