"""How long, how fast and how carefully to learn: one phase's settings and its learning rate."""

from __future__ import annotations

import math
from typing import Any, Literal, Self, final

from pydantic import BaseModel, ConfigDict, Field, model_validator


@final
class TrainingConfig(BaseModel):
    """Settings of one phase of training.

    The learning rate warms up linearly, then falls along a cosine, over a progress from 0 to 1;
    training stops at 1. Without `minutes` the progress is the share of `steps` made: the same run
    gives the same numbers. With it the progress is the larger of the shares of steps and of time,
    so a slow machine stops in time with the whole schedule behind it; such a run can be repeated
    only up to the machine's speed. The time used is kept in checkpoints, and resuming goes on with
    what is left of it.

    Attributes:
        steps: Updates of the weights (with `minutes`: at most).
        batch_size: Fields in a batch.
        views: Times that a batch holds each of its fields, each time observed elsewhere. From 2 on
            the latents of phase 1 are taught to agree between views of one field and to differ
            between fields, above all those of one group. Of several processes each compares within
            its share of a batch.
        objective: Name of a registered objective that replaces the phase's own; None: its own.
        objective_options: What it is built with, by the names of its arguments.
        learning_rate: Its peak, after the warm-up.
        optimizer: "adamw" (weight decay apart from the gradient) or "adam".
        weight_decay: For matrices only: vectors, scalars and parameters with a true attribute
            `_no_weight_decay` are spared.
        warmup_steps: Steps of the warm-up; counted as a share of `steps`, at most a half.
        final_fraction: Share of the peak that is left of the learning rate at the end.
        clip_norm: Gradients longer than this are shortened to it.
        ema_decay: Decay of the moving average of the weights; early on (1 + n) / (10 + n) after n
            steps, if that is less.
        accumulation: Batches whose gradients are averaged for one step.
        validate_every: Steps between two validations; one more comes at the end.
        log_every: Steps between two rows of the metrics.
        checkpoint_every: Steps between two checkpoints; one more comes at the end.
        minutes: Budget of time for the phase, or None.
        clock: Which time: "wall", or "processor", the work of this process's threads together. That
            is fair between trainings on a machine that does other things as well.
        show_progress: Whether to show a progress bar (on a terminal) or lines (elsewhere).
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    steps: int = Field(1000, ge=1)
    batch_size: int = Field(32, ge=1)
    views: int = Field(1, ge=1)
    objective: str | None = None
    objective_options: dict[str, Any] = Field(default_factory=dict)
    learning_rate: float = Field(1e-3, gt=0)
    optimizer: Literal["adamw", "adam"] = "adamw"
    weight_decay: float = Field(0.01, ge=0)
    warmup_steps: int = Field(100, ge=0)
    final_fraction: float = Field(0.01, ge=0, le=1)
    clip_norm: float = Field(1.0, gt=0)
    ema_decay: float = Field(0.999, ge=0, lt=1)
    accumulation: int = Field(1, ge=1)
    validate_every: int = Field(500, ge=1)
    log_every: int = Field(10, ge=1)
    checkpoint_every: int = Field(500, ge=1)
    minutes: float | None = Field(None, gt=0)
    clock: Literal["wall", "processor"] = "wall"
    show_progress: bool = True

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.batch_size % self.views:
            raise ValueError(
                f"a batch of {self.batch_size} cannot hold {self.views} views of every field; "
                f"set batch_size to a multiple of {self.views}"
            )
        return self

    def progress(self, step: int, seconds: float) -> float:
        """Share of the training that is done, in [0, 1], after so many steps and seconds."""
        share_of_time = seconds / (60 * self.minutes) if self.minutes else 0.0
        return min(1.0, max(step / self.steps, share_of_time))

    def learning_rate_at(self, step: int, seconds: float) -> float:
        """The learning rate of the step that follows so many steps and seconds."""
        p = self.progress(step + 1, seconds)
        warm = min(self.warmup_steps / self.steps, 0.5)
        if p < warm:
            return self.learning_rate * p / warm
        cosine = (1 + math.cos(math.pi * (p - warm) / (1 - warm))) / 2
        return self.learning_rate * (self.final_fraction + (1 - self.final_fraction) * cosine)

    def ema_decay_at(self, step: int) -> float:
        """The decay of the moving average after so many steps."""
        return min(self.ema_decay, (1 + step) / (10 + step))
