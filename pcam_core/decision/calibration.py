"""Calibration: making a probability mean how often it comes true."""

from typing import Annotated, Literal, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from pcam_core.measures import Labels, Probabilities

Method = Literal["temperature", "isotonic", "none"]
_Share = Annotated[float, Field(ge=0, le=1)]

_SURE = 1e-7  # float32 holds nothing between 1 - 6e-8 and 1, whose logit is infinite
_HOTTEST = 20.0


class Calibrator(BaseModel):
    """A rising curve from a model's probability to a calibrated one.

    Attributes:
        method: "temperature" (Guo et al. 2017, arXiv:1706.04599), "isotonic" (Zadrozny and Elkan,
            "Transforming classifier scores into accurate multiclass probability estimates", 2002)
            or "none".
        temperature: What logits are divided by: above 1 where the model is too sure.
        given: Corners of the isotonic curve: probabilities, rising.
        calibrated: What they become; between corners the curve is straight.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    method: Method
    temperature: float = Field(1.0, gt=0)
    given: tuple[_Share, ...] = ()
    calibrated: tuple[_Share, ...] = ()

    @model_validator(mode="after")
    def _rises(self) -> Self:
        if len(self.given) != len(self.calibrated) or (self.method == "isotonic") != bool(
            self.given
        ):
            raise ValueError("an isotonic curve, and nothing else, has corners: one a probability")
        if (np.diff(self.given) < 0).any() or (np.diff(self.calibrated) < 0).any():
            raise ValueError("the curve falls")
        return self

    def apply(self, probabilities: Probabilities) -> Probabilities:
        """Return the calibrated probabilities, 0..1, in the given shape."""
        if self.method == "isotonic":
            return np.interp(probabilities, self.given, self.calibrated)
        if self.method == "temperature":
            return 1 / (1 + np.exp(-_logits(probabilities) / self.temperature))
        return probabilities

    def to_json(self) -> str:
        """Return text from which `from_json` makes an equal calibrator."""
        return self.model_dump_json(indent=2)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what `to_json` wrote.

        Raises:
            ValueError: The text is something else, or the curve is not one.
        """
        return cls.model_validate_json(text)


def fit_calibrator(labels: Labels, probabilities: Probabilities, method: Method) -> Calibrator:
    """Fit a calibrator to patches that the model was not trained on.

    Args:
        labels: 0 or 1, both present.
        probabilities: What the model gives for them, 0..1.
        method: See `Calibrator`.
    """
    if method == "temperature":
        return Calibrator(method=method, temperature=_temperature(labels, probabilities))
    if method == "isotonic":
        from sklearn.isotonic import IsotonicRegression

        # So few patches cannot tell a smaller chance from none (Laplace's rule of succession).
        least = 1 / (len(labels) + 2)
        curve = IsotonicRegression(y_min=least, y_max=1 - least).fit(probabilities, labels)
        return Calibrator(
            method=method,
            given=tuple(curve.X_thresholds_.tolist()),
            calibrated=tuple(curve.y_thresholds_.tolist()),
        )
    return Calibrator(method=method)


def _temperature(labels: Labels, probabilities: Probabilities) -> float:
    """Return the temperature of the smallest mean cross-entropy.

    Labels stand for slightly unsure ones (Platt, "Probabilistic outputs for support vector
    machines", 1999): a few patches that are all right are no proof of certainty.
    """
    from scipy.optimize import minimize_scalar

    logits, positives = _logits(probabilities), int(labels.sum())
    negatives = len(labels) - positives
    wanted = np.where(labels == 1, (positives + 1) / (positives + 2), 1 / (negatives + 2))

    def loss(log_temperature: float) -> float:
        scaled = logits / np.exp(log_temperature)
        # Cross-entropy of a logit: log(1 + exp(z)) - z * wanted.
        return float((np.logaddexp(0, scaled) - scaled * wanted).mean())

    bound = np.log(_HOTTEST)
    found = minimize_scalar(loss, bounds=(-bound, bound), method="bounded")
    return float(np.exp(found.x))


def _logits(probabilities: Probabilities) -> Probabilities:
    inside = np.clip(probabilities, _SURE, 1 - _SURE)
    return np.log(inside / (1 - inside))
