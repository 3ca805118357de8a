"""Settings of the promotion gate."""

from pydantic import Field

from pcam_core.section import Section


class PromotionSettings(Section):
    """What a challenger has to show to become champion, both measured on the same hold-out."""

    margin: float = Field(
        0.0,
        ge=0,
        le=0.5,
        description="AUC by which it must be better: the whole 95 % interval of the difference lies"
        " above this.",
    )
    sensitivity_loss: float = Field(
        0.01,
        ge=0,
        le=1,
        description="Sensitivity, each at its own threshold, that it may lose (0 to 1).",
    )
    calibration_loss: float = Field(
        0.01,
        ge=0,
        le=1,
        description="Expected calibration error, of calibrated probabilities, that it may add"
        " (0 to 1).",
    )
    min_groups: int = Field(
        10,
        ge=2,
        description="Groups (slides or places) of each class that the hold-out needs: with fewer,"
        " the interval of the difference promises too much.",
    )
    bootstrap_draws: int = Field(
        2000, ge=100, le=100_000, description="Bootstrap samples of whole groups."
    )
    seed: int = Field(42, ge=0, description="Seed of the draws.")
