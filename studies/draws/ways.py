"""What makes draws: a network by the phase it has learned, its prior, or kriging's Gaussian."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import final

from mamba_diffae.estimator import FieldAutoencoder
from mamba_diffae.estimator.drawing import Drawing
from mamba_diffae.estimator.fitted import FittedModel
from mamba_diffae.estimator.inputs import batches
from mamba_diffae.estimator.rendering import Rendering
from mamba_diffae.evaluation import Kriging
from mamba_diffae.fields import (
    FieldData,
    Prediction,
    UnfamiliarFieldsWarning,
)
from studies.common.local_estimate import LocalEstimate
from studies.draws.arms import FLOW, PRIOR_FLOW, START, Arm
from studies.draws.asked import Asked
from studies.draws.plan import Plan
from studies.draws.prior_flow import predict_from_prior


@final
@dataclass(frozen=True)
class Way:
    """What makes draws.

    Attributes:
        key: Tells it from all others, also in names of files.
        label: As tables name it.
        steps: Of Heun's solver, or of Euler's from the prior's draw; None: no flow is integrated.
        from_prior: Whether the flow begins at the prior's draw.
    """

    key: str
    label: str
    steps: int | None = None
    from_prior: bool = False


KRIGING = Way("kriging", "kriging")
"""The Gaussian that it states."""
PRIOR = Way("prior", "prior alone")
"""Its draws on its lattice, without any network."""
UNTRAINED = Way("untrained", "untrained")
"""The prior's draws through the decoder of the mean."""


@final
@dataclass(frozen=True, eq=False)
class Drawn:
    """Draws of some fields.

    Attributes:
        raw: As they come, or a stated deviation.
        calibrated: With the calibration of the model; None: there is none.
        seconds: Of processor time for one draw of one field; None: there are no draws.
    """

    raw: Prediction
    calibrated: Prediction | None = None
    seconds: float | None = None


def ways_of(arm: Arm, plan: Plan, main: bool) -> list[Way]:
    """What a training is asked for; that of phase 1 for all that learns no draws.

    Args:
        arm: Which.
        plan: How large the study is.
        main: Whether the main fraction is observed.
    """
    if arm == START:
        return [KRIGING, PRIOR, UNTRAINED]
    if arm.phase == FLOW.phase:
        steps = plan.steps if main else (plan.reference,)
        return [by_flow(n, arm) for n in steps]
    return [Way(arm.key, arm.label)]


def by_flow(steps: int, arm: Arm = FLOW) -> Way:
    """A flow, integrated in some steps."""
    label = f"{arm.label}, {steps} steps"
    return Way(f"{arm.key}-{steps}", label, steps, from_prior=arm == PRIOR_FLOW)


def by_kriging(fields: FieldData, asked: Asked) -> Drawn:
    """The Gaussian that kriging states.

    Args:
        fields: With splits: it learns from those of "train".
        asked: Where, and what was observed.
    """
    return Drawn(Kriging().fit(fields.split("train")).predict(asked.seen, asked.grid))


def drawn(way: Way, model: FieldAutoencoder, asked: Asked) -> Drawn:
    """Draws of fields, with the time that they take.

    Args:
        way: What makes them.
        model: That the training left, or phase 1.
        asked: Of which fields, and how many.
    """
    if way == PRIOR:
        found, seconds = _timed(partial(_of_prior, model), asked)
        return Drawn(found, seconds=seconds)
    fitted = model.fitted
    if way.from_prior:
        assert way.steps is not None
        found, seconds = _timed(partial(predict_from_prior, fitted, way.steps), asked)
        return Drawn(found, seconds=seconds)
    plain = partial(_predicted, way, replace(fitted, calibration=None))
    raw, seconds = _timed(plain, asked)
    if fitted.calibration is None or way.steps:  # it is of draws in one evaluation
        return Drawn(raw, seconds=seconds)
    return Drawn(raw, _predicted(way, fitted, asked), seconds)


def _predicted(way: Way, model: FittedModel, asked: Asked) -> Prediction:
    """The mean, and draws with the calibration that the model has."""
    count = asked.n_draws
    solver, steps = ("heun", way.steps) if way.steps and count else (None, None)
    drawing = Drawing(count, asked.seed, solver, steps)
    rendering = Rendering(asked.grid, drawing, None, asked.on_progress)
    known = batches(model.network, model.scaler.observations(asked.seen), None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnfamiliarFieldsWarning)
        return rendering.predict_fields(model, known, len(asked.seen))


def _of_prior(model: FieldAutoencoder, asked: Asked) -> Prediction:
    return LocalEstimate(model, asked.n_draws, asked.seed).predict(asked.seen, asked.grid)


def _timed(predict: Callable[[Asked], Prediction], asked: Asked) -> tuple[Prediction, float]:
    """So many draws of fields, and what one of one field takes beyond the mean, in seconds."""
    quiet = replace(asked, on_progress=None)
    predict(replace(quiet, seen=asked.seen[:1], n_draws=1))  # may have kernels to compile
    begun = time.process_time()
    predict(replace(quiet, n_draws=0))
    between = time.process_time()
    found = predict(asked)
    taken = time.process_time() - between - (between - begun)
    return found, max(taken, 0.0) / (asked.n_draws * len(asked.seen))
