"""Learning: phases, the trainer, checkpoints and the run folder."""

from mamba_diffae.training.loop.checkpoint import (
    BEST,
    LAST,
    Checkpoint,
    TrainingState,
    save_checkpoint,
)
from mamba_diffae.training.loop.config import TrainingConfig
from mamba_diffae.training.loop.learner import Batch, Batches, NonFiniteLossError
from mamba_diffae.training.loop.processes import Processes
from mamba_diffae.training.loop.trainer import Phase, TrainingInterrupted, Validate, train
from mamba_diffae.training.objectives import OBJECTIVES, Objective
from mamba_diffae.training.run import Run, hardware

__all__ = [
    "BEST",
    "LAST",
    "OBJECTIVES",
    "Batch",
    "Batches",
    "Checkpoint",
    "NonFiniteLossError",
    "Objective",
    "Phase",
    "Processes",
    "Run",
    "TrainingConfig",
    "TrainingInterrupted",
    "TrainingState",
    "Validate",
    "hardware",
    "save_checkpoint",
    "train",
]
