"""A model of the registry: where it lies, and how its probabilities are read."""

import hashlib

from pydantic import BaseModel, ConfigDict

from pcam_core.decision.calibration import Calibrator
from pcam_core.training.views import Views


class RegisteredModel(BaseModel):
    """All that predictions follow from.

    Attributes:
        address: Of the `.keras` file: "s3://bucket/key" or an absolute path.
        sha256: Of that file, 64 hex digits.
        views: Of a patch, over which its probability is averaged.
        threshold: From which probability on a patch counts as positive, 0..1.
        calibrator: From probabilities to calibrated ones.
    """

    model_config = ConfigDict(frozen=True)

    address: str
    sha256: str
    views: Views
    threshold: float
    calibrator: Calibrator

    @property
    def key(self) -> str:
        """Hex sha256 of what decides over predictions; where the file lies does not."""
        content = self.model_dump_json(exclude={"address"})
        return hashlib.sha256(content.encode()).hexdigest()
