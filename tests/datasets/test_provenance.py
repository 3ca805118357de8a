from pcam_core.datasets.dataset import Dataset
from pcam_core.datasets.pcam_files import PcamFiles
from pcam_core.datasets.provenance import provenance
from pcam_core.datasets.union import unite


class Counted(Dataset):
    """A source of so many patches."""

    train: int = 3
    test: int = 2

    def tables(self):
        raise NotImplementedError

    def patch_ids(self, part):
        return [str(n) for n in range(getattr(self, part))]

    def place(self, part, patch_id):
        raise NotImplementedError

    def decode(self, part, patch_id):
        raise NotImplementedError


def test_generated_pictures_say_so():
    (told,) = provenance(Counted(address="synth:train=3,test=2,seed=1", key="a"))
    assert told.startswith("Generated pictures (synth:train=3,test=2,seed=1)")


def test_pcams_own_files_are_cc0():
    (told,) = provenance(PcamFiles(address="/secret", key="a", splits=()))
    assert "licence CC0" in told
    assert "secret" not in told


def test_all_of_kaggles_patches_are_known():
    (told,) = provenance(Counted(address="/secret", key="a", train=220_025, test=57_458))
    assert "Histopathologic Cancer Detection" in told
    assert "CC0" in told


def test_another_source_is_to_be_filled_in():
    (told,) = provenance(Counted(address="/secret", key="a"))
    assert told.startswith("A source of 3 labelled and 2 unlabelled patches")
    assert "fill in" in told
    assert "secret" not in told


def test_every_source_of_a_union_is_told():
    union = unite([Counted(address="synth:x", key="a"), Counted(address="/data", key="b")])
    assert [told.split()[0] for told in provenance(union)] == ["Generated", "A"]
