"""Judgement: metrics, the classical methods, and scores; it sees predictions only."""

from mamba_diffae.evaluation.calibration import (
    coverage,
    crps,
    gaussian_coverage,
    gaussian_crps,
    spread_skill,
)
from mamba_diffae.evaluation.classical import (
    GappyPOD,
    classical_methods,
    inverse_distance,
    kriging,
    kriging_deviation,
    linear,
    nearest,
    thin_plate_spline,
)
from mamba_diffae.evaluation.evaluate import evaluate
from mamba_diffae.evaluation.metrics import (
    PSNR_CAP,
    Interval,
    bootstrap_interval,
    high_frequency_ratio,
    neighbour_correlation,
    psnr,
    ssim,
    total_variation_ratio,
)
from mamba_diffae.evaluation.nearest_known import Novelty, nearest_known, novelty
from mamba_diffae.evaluation.oracles import oracle, true_coarse_bicubic
from mamba_diffae.evaluation.predictor import Predictor, per_field
from mamba_diffae.evaluation.scores import DrawScore, Score, judge, judge_draws

__all__ = [
    "DrawScore",
    "GappyPOD",
    "Interval",
    "Novelty",
    "PSNR_CAP",
    "Predictor",
    "Score",
    "bootstrap_interval",
    "classical_methods",
    "coverage",
    "crps",
    "evaluate",
    "gaussian_coverage",
    "gaussian_crps",
    "high_frequency_ratio",
    "inverse_distance",
    "judge",
    "judge_draws",
    "kriging",
    "kriging_deviation",
    "linear",
    "nearest",
    "nearest_known",
    "neighbour_correlation",
    "novelty",
    "oracle",
    "per_field",
    "psnr",
    "spread_skill",
    "ssim",
    "thin_plate_spline",
    "total_variation_ratio",
    "true_coarse_bicubic",
]
