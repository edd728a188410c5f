"""A model beside the classical methods, on the same observations of unseen fields."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mamba_diffae.benchmark.network_methods import (
    name_of,
    network_predictors,
    rendering_predictors,
)
from mamba_diffae.benchmark.page import ImageGrid
from mamba_diffae.benchmark.panels import draws_grid, methods_grid, rendered_grid
from mamba_diffae.benchmark.protocol import Protocol
from mamba_diffae.benchmark.result import BenchmarkResult
from mamba_diffae.benchmark.study import OnProgress
from mamba_diffae.estimator import FieldAutoencoder
from mamba_diffae.evaluation import (
    DrawScore,
    Method,
    Predictor,
    classical_methods,
    judge,
    judge_draws,
    thin_plate_spline,
    true_coarse_bicubic,
)
from mamba_diffae.fields import FieldBatch, GridField

SHOWN = 6
"""Fields in the panels."""
SPLINE = Method("thin-plate spline")


def classical_predictors(train: GridField) -> dict[Method, Predictor]:
    """The classical methods, with kriging and gappy POD among them.

    Args:
        train: Fields that they may learn from.
    """
    return {Method(name): predict for name, predict in classical_methods(train).items()}


def coarse_oracle(truth: GridField, observations: FieldBatch) -> dict[Method, Predictor]:
    """The truth at the observed cells, enlarged: what no added detail would score."""
    cells = observations.cells or truth.size
    method = Method("true-coarse", f"oracle: true {cells}², bicubic", "oracle")
    return {method: true_coarse_bicubic(truth, cells)}


def run_benchmark(
    model: FieldAutoencoder,
    truth: GridField,
    train: GridField,
    protocol: Protocol,
    *,
    curves: Sequence[Mapping[str, Any]] = (),
    facts: Mapping[str, str] | None = None,
    on_progress: OnProgress = lambda done: None,
) -> BenchmarkResult:
    """Score a model beside the classical methods.

    Args:
        model: Fitted.
        truth: Unseen complete fields.
        train: What the model was fitted on; gappy POD learns from it too.
        protocol: What is observed, and where it is scored.
        curves: Rows of the run's metrics, for the report.
        facts: What was run, for the report.
        on_progress: Told of every step that is done.

    Raises:
        ValueError: As `Protocol.divide`, or if the fields do not fit the model.
    """
    scored, above = protocol.divide(truth)
    observations = protocol.observe(truth)
    ours = network_predictors(model, name_of(model), observations, on_progress)
    classical = classical_predictors(train)
    scores = judge(
        {**classical, **ours, **coarse_oracle(truth, observations)},
        truth,
        observations,
        scored,
        seed=protocol.seed,
        on_progress=lambda method, scale: on_progress(f"{method} at {scale}²"),
    )
    draws, panels = _shown(model, truth.distinct(SHOWN), classical, protocol, on_progress)
    return BenchmarkResult(scores, draws, truth.size, above, curves, panels, facts or {})


def _shown(
    model: FieldAutoencoder,
    shown: GridField,
    classical: Mapping[Method, Predictor],
    protocol: Protocol,
    on_progress: OnProgress,
) -> tuple[DrawScore, list[ImageGrid]]:
    """How the draws of a few fields behave, and pictures of all methods on them."""
    name, seen = name_of(model), protocol.observe(shown)
    scored, above = protocol.divide(shown)
    methods = {**classical, **network_predictors(model, name, seen, on_progress)}
    any_scale = {SPLINE: thin_plate_spline, **rendering_predictors(model, name)}
    drawn = model.predict(seen, shown, n_samples=protocol.draws, seed=protocol.seed)
    on_progress("draws")
    score = judge_draws(name.label, drawn.sample, drawn.mean, shown)
    return score, [
        *(methods_grid(methods, shown, seen, scale) for scale in scored),
        *(rendered_grid(any_scale, shown, seen, scale) for scale in above),
        draws_grid(drawn, shown, seen),
    ]
