"""How honest is the uncertainty of a model, beside kriging's, on a sample of unseen fields."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import Self, final

import numpy as np

from mamba_diffae.benchmark.assessed import AssessedMethod, Origin
from mamba_diffae.benchmark.network_methods import name_of
from mamba_diffae.benchmark.protocol import Protocol
from mamba_diffae.benchmark.study import OnProgress
from mamba_diffae.estimator import FieldAutoencoder
from mamba_diffae.estimator.drawing import ByFlow, Drawing, PriorDrawsWarning
from mamba_diffae.evaluation import Kriging, Method, assess, band_energy_ratio, untouched
from mamba_diffae.fields import FieldData, FieldError, Observations, Prediction

FIELDS, DRAWS = 24, 16
"""Fields at most, and draws of each, that a model is asked for where a draw is one evaluation."""
VALUES = 2**24
"""Values in all of those draws at most: of larger fields there are fewer."""
_AT_ONCE = 8
"""Fields that are kriged before that is told."""


@final
@dataclass(frozen=True, eq=False)
class DrawnFields:
    """Fields, what was observed of them, and what a model made of it.

    Attributes:
        truth: On the native grid.
        seen: What was observed.
        prediction: With draws.
    """

    truth: FieldData
    seen: Observations
    prediction: Prediction

    @classmethod
    def of(
        cls,
        model: FieldAutoencoder,
        truth: FieldData,
        protocol: Protocol,
        count: int,
        on_progress: OnProgress,
    ) -> Self:
        """Draw from the posterior of some fields.

        Args:
            model: Fitted; it can draw.
            truth: Unseen fields.
            protocol: What is observed.
            count: Draws of each field.
            on_progress: Told how many fields are done.
        """
        seen = protocol.observe(truth)

        def tell(done: int, fields: int) -> None:
            on_progress(f"draws: {done} of {fields} fields")

        options = {"n_draws": count, "seed": protocol.seed, "on_progress": tell}
        return cls(truth, seen, model.predict(seen, truth.grid, **options))


def draw_origin(model: FieldAutoencoder) -> Origin | None:
    """What the draws of a model are made of; None if it cannot draw."""
    try:
        way = Drawing(1, 0).way(model.fitted)
    except FieldError:
        return None
    if isinstance(way, ByFlow):
        return "flow"
    return "ensemble" if model.fitted.network.writes_draws else "prior"


def assess_methods(
    model: FieldAutoencoder,
    truth: FieldData,
    train: FieldData,
    protocol: Protocol,
    shown: DrawnFields | None,
    on_progress: OnProgress,
) -> list[AssessedMethod]:
    """Measure how honest the draws of a model are, and then the Gaussian that kriging states.

    Both on the same observations of the same fields, on cells that no observation touched. A flow
    takes many evaluations for a draw, so it is measured on what was drawn for the panels.

    Args:
        model: Fitted.
        truth: Unseen fields.
        train: What the model was fitted on; kriging learns from it too.
        protocol: What is observed.
        shown: What was drawn for the panels; None: the model cannot draw.
        on_progress: Told of every step that is done.

    Returns:
        The model, unless it cannot draw, and kriging; nothing if observations touch every cell.
    """
    origin = draw_origin(model)
    drawn = shown if origin == "flow" else None
    chosen = _sample(truth) if drawn is None else drawn.truth
    seen, found = protocol.observe(chosen), []
    if not (chosen.weights() * untouched(chosen.grid, seen)).any():
        return []
    if origin is not None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PriorDrawsWarning)  # the page says it
            drawn = drawn or DrawnFields.of(model, chosen, protocol, DRAWS, on_progress)
        method = name_of(model).drawing
        found.append(assessed_method(method, origin, drawn.prediction, chosen, seen))
        on_progress(f"uncertainty of {method}")
    stated = _kriged(train, chosen, seen, on_progress)
    found.append(assessed_method(Method.of(Kriging()), "stated", stated, chosen, seen))
    on_progress(f"uncertainty of {Kriging.name}")
    return found


def _kriged(
    train: FieldData, truth: FieldData, seen: Observations, on_progress: OnProgress
) -> Prediction:
    """Mean and deviation of kriging, a few fields at a time."""
    kriging, parts = Kriging().fit(train), []
    for done in range(0, len(seen), _AT_ONCE):
        parts.append(kriging.predict(seen[done : done + _AT_ONCE], truth.grid))
        on_progress(f"{kriging.name}: {min(done + _AT_ONCE, len(seen))} of {len(seen)} fields")
    mean, std = (
        np.concatenate(values) for values in zip(*((p.mean, p.std) for p in parts), strict=True)
    )
    return Prediction.of_mean(mean, std, truth.grid)


def _sample(truth: FieldData) -> FieldData:
    """Fields that are spread over all of them, of as many groups as possible."""
    one = DRAWS * math.prod(truth.values.shape[1:])
    count = min(len(truth), max(2, min(FIELDS, VALUES // one)))
    chosen = truth.distinct(count)
    if len(chosen) == count:
        return chosen
    return truth.take(np.linspace(0, len(truth) - 1, count).round().astype(int))


def assessed_method(
    method: Method, origin: Origin, prediction: Prediction, truth: FieldData, seen: Observations
) -> AssessedMethod:
    """Measure how honest one prediction is.

    Args:
        method: What predicted.
        origin: What its uncertainty is made of.
        prediction: With draws, or a stated deviation, on the native grid.
        truth: Unseen fields, of which some cells were not observed.
        seen: What was observed of them.
    """
    weights = truth.weights() * untouched(truth.grid, seen)
    mean, true = (truth.unit_interval(values) for values in (prediction.mean, truth.values))
    bands = band_energy_ratio(mean[None], true, weights)
    return AssessedMethod(
        method,
        origin,
        prediction.evaluations,
        truth.shape,
        assess(prediction, truth, seen),
        tuple(None if np.isnan(ratio) else float(ratio) for ratio in bands),
    )
