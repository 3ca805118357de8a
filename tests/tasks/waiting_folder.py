"""A folder of patches that a test can hold up; the processes of a cluster import it too."""

import os
import sys
import time
from pathlib import Path

from pcam_core.datasets.kaggle_folder import KaggleFolder


class WaitingFolder(KaggleFolder):
    """Tells who reads one of the patches, and goes on when the file "go" is there."""

    signals: Path
    waits_at: str

    def decode(self, part, patch_id):
        if patch_id == self.waits_at and not (self.signals / "go").exists():
            (self.signals / f"reads-{os.getpid()}").touch()
            while not (self.signals / "go").exists():
                time.sleep(0.02)
        return super().decode(part, patch_id)


def visible():
    time.sleep(0.3)  # so that both have to work
    return os.environ["CUDA_VISIBLE_DEVICES"]


def loaded():
    return "prefect" in sys.modules


def prepare_in_shards_of_16(root, inputs):
    from pcam_core import patch_store
    from pcam_core.stages.prepare import prepare

    patch_store.SHARD = 16
    prepare.build(root, **inputs)
