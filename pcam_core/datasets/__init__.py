"""Where patches come from: every source as one kind of data set."""

from pcam_core.datasets.dataset import PARTS, Dataset, Part, Tables
from pcam_core.datasets.opening import open_dataset

__all__ = ["PARTS", "Dataset", "Part", "Tables", "open_dataset"]
