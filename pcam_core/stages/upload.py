"""Send final products to object storage."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pcam_core.artifact import Artifact
from pcam_core.object_store import open_store
from pcam_core.progress import Meter
from pcam_core.stage import stage
from pcam_core.units import megabytes


@stage()
def upload(
    folder: Path, *, store: str, prefix: str, products: Mapping[str, Artifact]
) -> dict[str, Any]:
    """Put files of artifacts under `prefix` in an object store.

    Args:
        folder: Stays empty: the figures hold the receipts.
        store: Address, "s3://bucket/prefix" or a local folder.
        prefix: Of every key; one run's own.
        products: File name to the artifact that holds it.

    Raises:
        InputError: The store refuses, or holds something else under a key.
    """
    del folder
    destination = open_store(store)
    meter = Meter("Upload", len(products))
    receipts = []
    for name, artifact in products.items():
        receipt = destination.put(artifact.path / name, f"{prefix}/{name}")
        receipts.append(receipt.model_dump())
        meter.advance(note=f"{name}, {megabytes(receipt.bytes)}")
    return {"receipts": receipts}
