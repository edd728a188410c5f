"""Evaluation: metrics, simple methods of reconstruction, and scores; it sees predictions only."""

from mamba_diffae.evaluation.assessment import assess
from mamba_diffae.evaluation.bands import band_energies, band_energy_ratio
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
    SpreadSkillBins,
    coverage,
    crps,
    gaussian_coverage,
    gaussian_crps,
    gaussian_spread_skill_bins,
    spread_skill,
    spread_skill_bins,
)
from mamba_diffae.evaluation.evaluate import Evaluation, evaluate
from mamba_diffae.evaluation.intervals import Interval, bootstrap_interval
from mamba_diffae.evaluation.joint_scores import energy_score, variogram_score
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
from mamba_diffae.evaluation.quantisation import data_bounds, value_step
from mamba_diffae.evaluation.ranks import (
    CoverageBins,
    coverage_by,
    coverage_interval,
    covered,
    gaussian_ranks,
    randomised_ranks,
    rank_histogram,
    reliability_index,
)
from mamba_diffae.evaluation.scores import DrawScore, Score
from mamba_diffae.evaluation.scoring import score, score_draws, score_samples
from mamba_diffae.evaluation.uncertainty import Uncertainty
from mamba_diffae.evaluation.unseen import nearest_distance, untouched

__all__ = [
    "BASELINES",
    "Baseline",
    "CoverageBins",
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
    "SpreadSkillBins",
    "ThinPlateSpline",
    "TooManyPointsError",
    "Uncertainty",
    "assess",
    "band_energies",
    "band_energy_ratio",
    "bootstrap_interval",
    "classical_baselines",
    "coverage",
    "coverage_by",
    "coverage_interval",
    "covered",
    "crps",
    "energy_score",
    "evaluate",
    "find_baseline",
    "gaussian_coverage",
    "gaussian_crps",
    "gaussian_ranks",
    "gaussian_spread_skill_bins",
    "high_frequency_ratio",
    "nearest_distance",
    "nearest_known",
    "neighbour_correlation",
    "novelty",
    "oracle",
    "psnr",
    "randomised_ranks",
    "rank_histogram",
    "reliability_index",
    "score",
    "score_draws",
    "score_samples",
    "spread_skill",
    "spread_skill_bins",
    "ssim",
    "total_variation_ratio",
    "true_coarse_bicubic",
    "untouched",
    "data_bounds",
    "value_step",
    "variogram_score",
]
