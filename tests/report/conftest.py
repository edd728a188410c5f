"""A made-up result with everything a report can show."""

import numpy as np
import pytest

from mamba_diffae.benchmark.assessed import AssessedMethod
from mamba_diffae.benchmark.assessment import assessed_method
from mamba_diffae.benchmark.page import ImageGrid, Page, Table
from mamba_diffae.evaluation import PSNR_CAP, DrawScore, Interval, Method, Score
from mamba_diffae.fields import Affine, FieldData, Grid, Prediction, Variable, observe

EVIL = "<script>alert('$x$')</script>-->"


def score(method: str, scale: int, psnr: float) -> Score:
    ssim = psnr / 100
    bounds = Interval(ssim, ssim - 0.031, ssim + 0.029)
    return Score(
        method=Method(method),
        scale=scale,
        shape=(scale, scale),
        count=64,
        psnr=Interval(psnr, psnr - 0.7, psnr + 0.8),
        ssim=bounds,
        rmse=(0.25, 3.0),
        skill=0.5,
        total_variation=0.87,
        high_frequency=1.13,
    )


@pytest.fixture
def result() -> Page:
    rng = np.random.default_rng(0)
    colour, grey = rng.random((8, 8, 3), np.float32), rng.random((5, 5, 1), np.float32)
    oracle, full = Method("oracle", kind="oracle"), Interval(1.0, 1.0, 1.0)
    exact = Interval(PSNR_CAP, PSNR_CAP, PSNR_CAP)
    return Page(
        title="A title & more",
        question="How <em>well</em>?",
        findings=["It went 3 < 4."],
        scores=[
            score("nearest", 32, 18.51),
            score("nearest", 96, 17.92),
            score(EVIL, 32, 23.63),
            score(EVIL, 96, 17.41),
            Score(oracle, 32, (32, 32), 64, exact, full, (0.0, 0.0), 1.0, 1.0, 1.0),
        ],
        draws=[
            DrawScore(
                method=Method(EVIL, kind="network"),
                scale=96,
                shape=(96, 96),
                count=64,
                n_draws=4,
                psnr=Interval(20.94, 20.1, 21.8),
                total_variation=1.04,
                high_frequency=1.17,
                draw_correlation=0.83,
                truth_correlation=0.91,
            )
        ],
        curves=[
            {"phase": "autoencoder", "step": 1, "loss": 0.5, "seconds": 1.0},
            {"phase": "autoencoder", "step": 2, "loss": 0.25, "seconds": 2.0},
            {"phase": "autoencoder", "step": 2, "validation": {"psnr": 19.37, "psnr latent": 15.0}},
        ],
        panels=[
            ImageGrid(
                EVIL, "Two rows.", ["truth", "ours"], ["a", "b"], [[colour, grey], [None, colour]]
            )
        ],
        tables=[
            Table(
                EVIL,
                "Steps & what they give.",
                ["steps", "correlation", EVIL],
                [[2, -0.625, None], [1250, 17.0, "<em>none</em>"]],
                digits=[0, 3, 1],
            ),
            Table("One column", "", ["name"], [["a"], [0.5]], []),
        ],
        facts={"command": "mamba-diffae demo --run 'x'", "seed": "0"},
    )


@pytest.fixture(scope="session")
def assessed() -> list[AssessedMethod]:
    """A model with draws that are too narrow, and kriging, on white noise of two variables."""
    rng = np.random.default_rng(0)
    variables = [Variable("sst", "degC", Affine(-5.0, 5.0)), Variable("ice", "", Affine(-5.0, 5.0))]
    truth = FieldData(variables, Grid.default((12, 20)), rng.normal(size=(8, 12, 20, 2)))
    seen, mean = observe(truth, 0.1, seed=0), np.zeros(truth.values.shape)
    draws = 0.5 * rng.normal(size=(16, *mean.shape))
    drawn = Prediction(mean, draws, evaluations=1, grid=truth.grid)
    stated = Prediction.of_mean(mean, np.ones(mean.shape), truth.grid)
    ours = Method(EVIL, kind="network")
    return [
        assessed_method(ours, "ensemble", drawn, truth, seen),
        assessed_method(Method("kriging"), "stated", stated, truth, seen),
    ]
