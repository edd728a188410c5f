"""What makes draws: a network by the phase it has learned, its prior, or kriging's Gaussian."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import final

from mamba_diffae.estimator import FieldAutoencoder
from mamba_diffae.estimator.drawing import Drawing, PriorDrawsWarning
from mamba_diffae.estimator.fitted import FittedModel
from mamba_diffae.estimator.inputs import batches
from mamba_diffae.estimator.rendering import Rendering
from mamba_diffae.evaluation import Kriging
from mamba_diffae.fields import FieldData, Observations, Prediction, UnfamiliarFieldsWarning
from studies.common.local_estimate import LocalEstimate
from studies.draws.arms import FLOW, START, Arm
from studies.draws.plan import CaseFolder, Plan


@final
@dataclass(frozen=True)
class Way:
    """What makes draws.

    Attributes:
        key: Tells it from all others, also in names of files.
        label: As tables name it.
        steps: Of Heun's solver; None: no flow is integrated.
    """

    key: str
    label: str
    steps: int | None = None


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
    if arm == FLOW:
        return [by_flow(steps) for steps in (plan.steps if main else (plan.reference,))]
    return [Way(arm.key, arm.label)]


def by_flow(steps: int) -> Way:
    """A flow, integrated in some steps."""
    return Way(f"{FLOW.key}-{steps}", f"{FLOW.label}, {steps} steps", steps)


def drawn(
    way: Way, folder: CaseFolder, model: FieldAutoencoder, truth: FieldData, seen: Observations
) -> Drawn:
    """Draws of fields.

    Args:
        way: What makes them.
        folder: Of the case: training fields, the number of draws and their seed.
        model: That the training left, or phase 1.
        truth: On the native grid; nothing but the grid is read.
        seen: What was observed of the fields.
    """
    count, seed = folder.plan.n_draws, folder.request.seed
    if way == KRIGING:
        return Drawn(Kriging().fit(folder.truth.split("train")).predict(seen, truth.grid))
    if way == PRIOR:

        def of_prior(n: int) -> Prediction:
            return LocalEstimate(model, n, seed).predict(seen, truth.grid)

        found, seconds = _timed(of_prior, count, len(seen))
        return Drawn(found, seconds=seconds)
    fitted = model.fitted
    plain = replace(fitted, calibration=None)
    raw, seconds = _timed(lambda n: _predicted(plain, way, truth, seen, n, seed), count, len(seen))
    if fitted.calibration is None:
        return Drawn(raw, seconds=seconds)
    return Drawn(raw, _predicted(fitted, way, truth, seen, count, seed), seconds)


def _predicted(
    model: FittedModel, way: Way, truth: FieldData, seen: Observations, count: int, seed: int
) -> Prediction:
    solver, steps = ("heun", way.steps) if way.steps and count else (None, 1)
    rendering = Rendering(truth.grid, Drawing(count, seed, solver, steps), None, None)
    known = batches(model.network, model.scaler.observations(seen), None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PriorDrawsWarning)
        warnings.simplefilter("ignore", UnfamiliarFieldsWarning)
        return rendering.predict_fields(model, known, len(seen))


def _timed(
    predict: Callable[[int], Prediction], count: int, fields: int
) -> tuple[Prediction, float]:
    """So many draws of fields, and what one of one field takes beyond the mean, in seconds."""
    begun = time.process_time()
    predict(0)
    between = time.process_time()
    found = predict(count)
    taken = time.process_time() - between - (between - begun)
    return found, max(taken, 0.0) / (count * fields)
