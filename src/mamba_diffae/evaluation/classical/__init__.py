"""The classical methods every model is compared with, on the same observations."""

from mamba_diffae.evaluation.classical.gaussian_process import kriging, kriging_deviation
from mamba_diffae.evaluation.classical.interpolation import (
    inverse_distance,
    linear,
    nearest,
    thin_plate_spline,
)
from mamba_diffae.evaluation.classical.pod import GappyPOD
from mamba_diffae.evaluation.predictor import Predictor
from mamba_diffae.fields import GridField

__all__ = [
    "GappyPOD",
    "classical_methods",
    "inverse_distance",
    "kriging",
    "kriging_deviation",
    "linear",
    "nearest",
    "thin_plate_spline",
]


def classical_methods(train: GridField) -> dict[str, Predictor]:
    """The classical methods by display name, in display order.

    Args:
        train: The fields that gappy POD learns from; the others learn nothing.
    """
    return {
        "nearest": nearest,
        "inverse distance": inverse_distance,
        "linear": linear,
        "thin-plate spline": thin_plate_spline,
        "kriging": kriging,
        "gappy POD": GappyPOD.fit(train),
    }
