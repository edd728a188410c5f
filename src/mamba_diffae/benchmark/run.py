"""A model beside the classical methods, on the same observations of unseen fields."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from mamba_diffae.benchmark.assessment import DrawnFields, assess_methods, draw_origin
from mamba_diffae.benchmark.network_methods import (
    Averaged,
    name_of,
    network_predictors,
    rendering_predictors,
)
from mamba_diffae.benchmark.page import ImageGrid
from mamba_diffae.benchmark.panels import draws_grid, methods_grid, rendered_grid
from mamba_diffae.benchmark.protocol import Protocol
from mamba_diffae.benchmark.result import BenchmarkResult
from mamba_diffae.benchmark.study import OnProgress
from mamba_diffae.benchmark.wording import in_short
from mamba_diffae.estimator import FieldAutoencoder
from mamba_diffae.evaluation import (
    Baseline,
    DrawScore,
    Method,
    Predictor,
    ThinPlateSpline,
    classical_baselines,
    score,
    score_draws,
    true_coarse_bicubic,
)
from mamba_diffae.evaluation.baselines import DENSE_LIMIT
from mamba_diffae.fields import (
    LATTICE_LIMIT,
    FieldData,
    Observations,
    ShapeError,
    UnfamiliarFieldsWarning,
    target_grid,
)

SHOWN = 6
"""Fields in the panels."""
SPLINE = Method("thin-plate-spline", ThinPlateSpline.name)


def classical_predictors(
    train: FieldData, others: Sequence[Baseline] = ()
) -> dict[Method, Predictor]:
    """The classical methods, fitted, and then those of others.

    Args:
        train: Fields that they may learn from.
        others: Not fitted yet.
    """
    methods = [*classical_baselines(with_std=False), *others]
    return {Method.of(baseline): baseline.fit(train) for baseline in methods}


def coarse_oracle(truth: FieldData) -> dict[Method, Predictor]:
    """The truth at the observed lattice, enlarged: what no added detail would score."""
    lattice = truth.grid.lattice_shape(LATTICE_LIMIT)
    kind = "bicubic" if len(lattice) == 2 else "cubic"
    method = Method("true-coarse", f"oracle: true {in_short(lattice)}, {kind}", "oracle")
    return {method: true_coarse_bicubic(truth, max(lattice))}


def run_benchmark(
    model: FieldAutoencoder,
    truth: FieldData,
    train: FieldData,
    protocol: Protocol,
    *,
    baselines: Sequence[Baseline] = (),
    curves: Sequence[Mapping[str, Any]] = (),
    facts: Mapping[str, str] | None = None,
    on_progress: OnProgress = lambda done: None,
) -> BenchmarkResult:
    """Score a model beside the classical methods.

    Args:
        model: Fitted.
        truth: Unseen fields, with gaps or without.
        train: What the model was fitted on; gappy POD learns from it too.
        protocol: What is observed, and where it is scored.
        baselines: Other methods to score, not fitted yet.
        curves: Rows of the run's metrics, for the report.
        facts: What was run, for the report.
        on_progress: Told of every step that is done.

    Raises:
        ValueError: As `Protocol.divide`, or if the fields do not fit the model.
    """
    scored, above = protocol.divide(truth.grid)
    observations = protocol.observe(truth)
    _check_fields(model, truth)
    ours = network_predictors(model, name_of(model), observations, on_progress)
    classical = _able(classical_predictors(train, baselines), observations)
    with warnings.catch_warnings():
        # Every method that is asked would warn; the page says it once.
        warnings.simplefilter("ignore", UnfamiliarFieldsWarning)
        scores = score(
            {**classical, **ours, **coarse_oracle(truth)},
            truth,
            observations,
            scored,
            seed=protocol.seed,
            on_progress=lambda method, scale: on_progress(f"{method} at scale {scale}"),
        )
        shown = truth.distinct(SHOWN)
        drawn = _drawn(model, shown, protocol, on_progress)
        panels = _panels(model, shown, drawn, classical, protocol, on_progress)
        uncertainty = assess_methods(model, truth, train, protocol, drawn, on_progress)
    shapes = [truth.grid.scaled_shape(scale) for scale in above]
    draws = _draw_score(model, drawn, protocol)
    found = BenchmarkResult(
        scores, draws, truth.variables, truth.shape, shapes, curves, panels, facts or {}
    )
    stated = _familiarity(ours[name_of(model).method()])
    return replace(found, uncertainty=uncertainty, **stated)


def _familiarity(ours: Predictor) -> dict[str, np.ndarray | None]:
    """What a model that was asked natively said of the fields' familiarity."""
    said = next(iter(ours.native.values()), None) if isinstance(ours, Averaged) else None
    return {} if said is None else {"familiarity": said.familiarity, "weights": said.weights}


def _check_fields(model: FieldAutoencoder, truth: FieldData) -> None:
    """Refuse fields that the model cannot predict, before any other method is asked."""
    target_grid(truth.grid, model.grid)
    ours = [variable.name for variable in model.variables]
    if truth.n_variables != len(ours):
        raise ShapeError(
            f"The fields have {truth.n_variables} variables, but this model was fitted on "
            f"{len(ours)} ({', '.join(ours)}); give fields of those."
        )


def _able(methods: dict[Method, Predictor], observations: Observations) -> dict[Method, Predictor]:
    """Those that can take so many observations."""
    count = int(observations.counts.max())
    if count <= DENSE_LIMIT:
        return methods
    warnings.warn(
        f"The {SPLINE} takes {DENSE_LIMIT:,} observations of a field at most, and there are "
        f"{count:,}: it is left out.",
        stacklevel=3,
    )
    return {method: predictor for method, predictor in methods.items() if method != SPLINE}


def _drawn(
    model: FieldAutoencoder, shown: FieldData, protocol: Protocol, on_progress: OnProgress
) -> DrawnFields | None:
    """What the model draws of a few fields; None if it cannot draw."""
    if draw_origin(model) is None:
        return None
    return DrawnFields.of(model, shown, protocol, protocol.draws, on_progress)


def _draw_score(
    model: FieldAutoencoder, drawn: DrawnFields | None, protocol: Protocol
) -> DrawScore | None:
    """How those draws behave."""
    if drawn is None:
        return None
    return score_draws(name_of(model).drawing, drawn.prediction, drawn.truth, seed=protocol.seed)


def _panels(
    model: FieldAutoencoder,
    shown: FieldData,
    drawn: DrawnFields | None,
    classical: Mapping[Method, Predictor],
    protocol: Protocol,
    on_progress: OnProgress,
) -> list[ImageGrid]:
    """Pictures of all methods on a few fields, and of draws."""
    name, seen = name_of(model), protocol.observe(shown)
    scored, above = protocol.divide(shown.grid)
    methods = {**classical, **network_predictors(model, name, seen, on_progress)}
    spline = {method: predictor for method, predictor in classical.items() if method == SPLINE}
    any_scale = {**spline, **rendering_predictors(model, name)}
    return [
        *(methods_grid(methods, shown, seen, scale) for scale in scored),
        *(rendered_grid(any_scale, shown, seen, scale) for scale in above),
        *([] if drawn is None else [draws_grid(drawn.prediction, drawn.truth, drawn.seen)]),
    ]
