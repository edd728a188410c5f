"""Evaluation: metrics, simple methods of reconstruction, and scores; it sees predictions only."""

from mamba_diffae.evaluation.baselines import (
    BASELINES,
    Baseline,
    GappyPOD,
    InverseDistance,
    Kriging,
    Linear,
    Nearest,
    ThinPlateSpline,
    TooManyPointsError,
    classical_baselines,
    find_baseline,
)
from mamba_diffae.evaluation.calibration import (
    coverage,
    crps,
    gaussian_coverage,
    gaussian_crps,
    spread_skill,
)
from mamba_diffae.evaluation.evaluate import Evaluation, evaluate
from mamba_diffae.evaluation.intervals import Interval, bootstrap_interval
from mamba_diffae.evaluation.method import Method, MethodKind
from mamba_diffae.evaluation.metrics import (
    PSNR_CAP,
    high_frequency_ratio,
    neighbour_correlation,
    psnr,
    ssim,
    total_variation_ratio,
)
from mamba_diffae.evaluation.nearest_known import Novelty, nearest_known, novelty
from mamba_diffae.evaluation.oracles import oracle, true_coarse_bicubic
from mamba_diffae.evaluation.predictor import Predictor
from mamba_diffae.evaluation.scores import DrawScore, Score
from mamba_diffae.evaluation.scoring import score, score_draws, score_samples

__all__ = [
    "BASELINES",
    "Baseline",
    "DrawScore",
    "Evaluation",
    "GappyPOD",
    "Interval",
    "InverseDistance",
    "Kriging",
    "Linear",
    "Method",
    "MethodKind",
    "Nearest",
    "Novelty",
    "PSNR_CAP",
    "Predictor",
    "Score",
    "ThinPlateSpline",
    "TooManyPointsError",
    "bootstrap_interval",
    "classical_baselines",
    "coverage",
    "crps",
    "evaluate",
    "find_baseline",
    "gaussian_coverage",
    "gaussian_crps",
    "high_frequency_ratio",
    "nearest_known",
    "neighbour_correlation",
    "novelty",
    "oracle",
    "psnr",
    "score",
    "score_draws",
    "score_samples",
    "spread_skill",
    "ssim",
    "total_variation_ratio",
    "true_coarse_bicubic",
]
