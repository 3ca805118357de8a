"""The P4M CNN with ordinary convolutions: what its equivariance is measured against."""

from keras import Model

from pcam_core.models.architecture import Architecture
from pcam_core.models.p4m_cnn import network, search
from pcam_core.models.settings import Hyperparameters, NetworkSettings


def build(settings: NetworkSettings, hyperparameters: Hyperparameters) -> Model:
    """See `p4m_cnn.network`: as many channels and operations, not equivariant."""
    return network("plain_cnn", settings, hyperparameters, equivariant=False)


ARCHITECTURE = Architecture("plain_cnn", build, search, 2e-3, tuned_as="plain_cnn")
