"""Learning: phases, the trainer, checkpoints and the run folder."""

from mamba_diffae.training.checkpoint import BEST, LAST, Checkpoint, TrainingState, save_checkpoint
from mamba_diffae.training.config import TrainingConfig
from mamba_diffae.training.learner import Batch, Batches, NonFiniteLossError, Phase
from mamba_diffae.training.processes import Processes
from mamba_diffae.training.run import Run, hardware
from mamba_diffae.training.trainer import TrainingInterrupted, Validate, train

__all__ = [
    "BEST",
    "LAST",
    "Batch",
    "Batches",
    "Checkpoint",
    "NonFiniteLossError",
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
