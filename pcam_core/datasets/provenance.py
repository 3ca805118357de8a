"""Where patches come from and under which licence, as far as their form tells."""

from pcam_core.datasets.dataset import Dataset
from pcam_core.datasets.generated import SCHEME
from pcam_core.datasets.union import DatasetUnion

# The labelled and unlabelled patches of Kaggle's "Histopathologic Cancer Detection".
_KAGGLE = {"train": 220_025, "test": 57_458}

_CC0 = "licence CC0, following that of Camelyon16 (https://github.com/basveeling/pcam#license)"


def provenance(data: Dataset) -> list[str]:
    """Return a sentence for each source: what it is, and its licence.

    Nothing in it depends on where the source lies.
    """
    sources = data.sources if isinstance(data, DatasetUnion) else (data,)
    return [_of(source) for source in sources]


def _of(source: Dataset) -> str:
    from pcam_core.datasets.pcam_files import PcamFiles  # h5py takes a while to import

    counts = {"train": len(source.patch_ids("train")), "test": len(source.patch_ids("test"))}
    if source.address.startswith(SCHEME):
        return (
            f"Generated pictures ({source.address}), made by this software: no licence is needed."
            " They are no tissue, so that no figure below says anything about real slides."
        )
    if isinstance(source, PcamFiles):
        return (
            "PatchCamelyon's own files (Veeling et al. 2018, arXiv:1806.03962), cut from the"
            f" slides of Camelyon16: {_CC0}."
        )
    if counts == _KAGGLE:
        return (
            'Kaggle\'s competition "Histopathologic Cancer Detection", PatchCamelyon without its'
            f" copies: {_CC0}; use is also bound by the competition's rules."
        )
    return (
        f"A source of {counts['train']:,} labelled and {counts['test']:,} unlabelled patches."
        " Origin and licence are not known to this run: fill in."
    )
