"""The simple methods every model is compared with, on the same observations."""

from mamba_diffae.evaluation.baselines.base import Baseline
from mamba_diffae.evaluation.baselines.gappy_pod import GappyPOD
from mamba_diffae.evaluation.baselines.inverse_distance import InverseDistance
from mamba_diffae.evaluation.baselines.kriging import Kriging
from mamba_diffae.evaluation.baselines.linear import Linear
from mamba_diffae.evaluation.baselines.nearest import Nearest
from mamba_diffae.evaluation.baselines.per_field import (
    DENSE_LIMIT,
    Estimate,
    Interpolator,
    PerField,
    Samples,
    TooManyPointsError,
)
from mamba_diffae.evaluation.baselines.registry import (
    BASELINES,
    classical_baselines,
    find_baseline,
)
from mamba_diffae.evaluation.baselines.space import Places, Space
from mamba_diffae.evaluation.baselines.thin_plate_spline import ThinPlateSpline

__all__ = [
    "BASELINES",
    "DENSE_LIMIT",
    "Baseline",
    "Estimate",
    "GappyPOD",
    "Interpolator",
    "InverseDistance",
    "Kriging",
    "Linear",
    "Nearest",
    "PerField",
    "Places",
    "Samples",
    "Space",
    "ThinPlateSpline",
    "TooManyPointsError",
    "classical_baselines",
    "find_baseline",
]
