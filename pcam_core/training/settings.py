"""Settings of one training."""

import math
from typing import Literal

from pydantic import Field

from pcam_core.section import Section


class TrainingSettings(Section):
    """How a network is trained; the defaults are the source document's."""

    epochs: int = Field(15, ge=1, le=1000, description="Most passes over the training patches.")
    batch_size: int = Field(
        32, ge=1, le=4096, description="Patches a step, shared by all GPUs of the machine."
    )
    max_steps: int | None = Field(
        None, ge=1, description="Most steps an epoch, for small machines; none takes all patches."
    )
    optimizer: Literal["adam", "adamw"] = Field(
        "adam", description="'adamw' is Adam with decoupled weight decay."
    )
    weight_decay: float = Field(
        0.01,
        ge=0,
        le=1,
        description="Share of a weight, times the learning rate, that AdamW takes off it every"
        " step; biases and batch norm are spared.",
    )
    clip_norm: float | None = Field(
        None, gt=0, description="Longest gradient of all weights together; none does not clip."
    )
    ema: float | None = Field(
        None,
        gt=0,
        lt=1,
        description="Momentum, a step, of the running average of the weights that is validated"
        " and served; none takes the weights as they are.",
    )
    class_weights: Literal["none", "balanced"] = Field(
        "none", description="'balanced' gives both classes the same say in the loss."
    )
    schedule: Literal["plateau", "cosine"] = Field(
        "plateau",
        description="'plateau' lowers the rate when the watched figure stalls; 'cosine' lowers"
        " it steadily to zero after a warm-up of one twentieth of the steps.",
    )
    head_epochs: int = Field(
        0,
        ge=0,
        le=1000,
        description="Epochs at the start in which only the head on a pretrained backbone is"
        " trained; networks without a backbone are trained whole from the start.",
    )
    fine_tune_factor: float = Field(
        0.1, gt=0, le=1, description="Factor on the learning rate after the head's epochs."
    )
    watch: Literal["val_loss", "val_f1", "val_auc"] = Field(
        "val_f1", description="Validation figure that stops training and picks the best epoch."
    )
    stop_patience: int = Field(5, ge=1, description="Epochs without a better figure before a stop.")
    plateau_factor: float = Field(0.2, gt=0, lt=1, description="Factor on the rate at a plateau.")
    plateau_patience: int = Field(
        3, ge=1, description="Epochs without a better figure before the rate is lowered."
    )
    min_learning_rate: float = Field(1e-6, gt=0, description="Rate below which it is not lowered.")
    label_smoothing: float = Field(0, ge=0, lt=0.5, description="Share taken off sure labels.")
    seed: int = Field(42, ge=0, description="Seed of weights, order, dropout and augmentation.")

    @property
    def watch_mode(self) -> Literal["min", "max"]:
        """Whether the watched figure should fall or rise."""
        return "min" if self.watch == "val_loss" else "max"

    def patches(self, available: float) -> float:
        """Return how many patches pass through the network in all epochs."""
        steps = math.ceil(available / self.batch_size)
        if self.max_steps:
            steps = min(steps, self.max_steps)
        return self.epochs * min(steps * self.batch_size, available)
