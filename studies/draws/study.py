"""Score the draws of a model at the native shape."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import final

from mamba_diffae.benchmark import ImageGrid, OnProgress, Request
from mamba_diffae.benchmark.panels import draws_grid
from mamba_diffae.benchmark.study import Scale
from mamba_diffae.estimator import FieldAutoencoder
from mamba_diffae.fields import FieldData, FieldError, Shape
from mamba_diffae.latent.inversion import require_flow
from studies.draws.measures import (
    SOLVER,
    Calibration,
    DrawMeasures,
    DrawsProtocol,
    Inversion,
    StepsOutcome,
)

SHOWN_DRAWS = 4
"""Draws of each field in the panel."""
PROTOCOLS: Mapping[Scale, DrawsProtocol] = {
    "quick": DrawsProtocol(
        count=3,
        steps=(2, 4),
        ensemble=4,
        ensemble_fields=2,
        ensemble_steps=2,
        inverted=1,
        inversion_steps=4,
        shown=2,
    ),
    "standard": DrawsProtocol(),
    "full": DrawsProtocol(count=310, ensemble_fields=310),
}


@final
@dataclass(frozen=True, eq=False)
class DrawsResult:
    """How the draws of a model behave.

    Attributes:
        protocol: What was observed and drawn.
        native_shape: Native cells along each axis.
        by_steps: One draw of each field, by the number of steps.
        draws: Calibration of many draws.
        kriging: That of kriging's Gaussian.
        ensemble_fields: Fields of which many draws were made.
        inversion: Fields carried to noise and back.
        panels: Pictures.
        facts: What was scored.
    """

    protocol: DrawsProtocol
    native_shape: Shape
    by_steps: Sequence[StepsOutcome]
    draws: Calibration
    kriging: Calibration
    ensemble_fields: int
    inversion: Inversion
    panels: Sequence[ImageGrid]
    facts: Mapping[str, str]


def draws(request: Request, on_progress: OnProgress) -> DrawsResult:
    """Score the draws of the requested model on unseen fields.

    Args:
        request: What is asked.
        on_progress: Told of every step that is done.

    Raises:
        ValueError: If the fields do not fit the model, or it has learned no flow.
    """
    protocol = replace(PROTOCOLS[request.scale], seed=request.seed)
    model, truth = request.given_model, request.truth.split("test")
    _require_flow(model)
    train = request.truth.split("train")
    measures = DrawMeasures(model, train, truth, protocol, request.folder, on_progress)
    by_steps, (ours, theirs) = measures.by_steps(), measures.calibration()
    inversion = measures.inversion()
    panel = _panel(model, truth.distinct(protocol.shown), protocol)
    on_progress("pictures")
    scored = f"{len(truth.distinct(protocol.count))} fields, {protocol.fraction:.0%} of the cells"
    return DrawsResult(
        protocol=protocol,
        native_shape=truth.shape,
        by_steps=by_steps,
        draws=ours,
        kriging=theirs,
        ensemble_fields=len(truth.distinct(protocol.ensemble_fields)),
        inversion=inversion,
        panels=[panel],
        facts={"scored on": scored},
    )


def _require_flow(model: FieldAutoencoder) -> None:
    """Refuse a model without a flow; its draws are scored by the third part."""
    try:
        require_flow(model, "This part of the study, which compares numbers of solver steps,")
    except FieldError as error:
        raise FieldError(
            f"{error} Draws in one evaluation are scored without a flow: python -m "
            "studies.draws.models --model M --run DIR."
        ) from error


def _panel(model: FieldAutoencoder, shown: FieldData, protocol: DrawsProtocol) -> ImageGrid:
    """Mean, standard deviation and four draws."""
    seen = protocol.observe(shown)
    options = {"seed": protocol.seed, "solver": SOLVER, "steps": protocol.ensemble_steps}
    drawn = model.predict(seen, shown, n_draws=SHOWN_DRAWS, **options)
    return draws_grid(drawn, shown, seen, SHOWN_DRAWS)
