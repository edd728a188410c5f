"""Where to put the next sensors."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from mamba_diffae.estimator import FieldAutoencoder
from mamba_diffae.fields import FieldData, PlacementError, own_defaults
from mamba_diffae.fields.given import check_seed, whole_number
from mamba_diffae.placement.candidates import (
    Candidates,
    Existing,
    Sensors,
    candidate_places,
    is_mask,
)
from mamba_diffae.placement.choosing import Free, at_random, by_qr, greedy, orthogonal_functions
from mamba_diffae.placement.design import Design
from mamba_diffae.placement.measuring import measured
from mamba_diffae.placement.region import Region
from mamba_diffae.placement.result import Arrangement, Placement
from mamba_diffae.placement.spacing import Spacing

RANDOM_PLACEMENTS = 20
"""Random placements beside the greedy one."""


@own_defaults()
def place_sensors(
    model: FieldAutoencoder,
    n: int,
    *,
    candidates: Candidates = None,
    existing: Existing = None,
    min_distance: float = 0.0,
    noise: Any = None,
    truth: FieldData | None = None,
    seed: int = 0,
) -> Placement:
    """Place n sensors, each where it lowers the mean posterior variance of the field most.

    The law is that of the model's prior before any observation, a Gaussian, so that variances
    follow in closed form and need no data: docs/sensor_placement.md. A sensor reads all variables
    at a point. Beside it stand random placements and one by QR with pivoting.

    >>> model = FieldAutoencoder.from_pretrained("emoji-96", device="cpu")
    >>> place_sensors(model, 1, candidates=[[0.01, 0.01], [0.5, 0.5]]).coords.tolist()
    [[0.5, 0.5]]

    Args:
        model: Fitted, with a prior.
        n: How many new sensors.
        candidates: Where they may stand: a bool mask of the grid's shape, True there; places (M, D)
            in the order of the grid's axes; a table with a column for each axis, or its path. None:
            the centres of the grid's cells, of a coarser lattice where there are more than 4,096.
            Cells that do not exist are never chosen.
        existing: Sensors that count from the start: places or a table likewise, or observations of
            one field, of which variables and noise count.
        min_distance: Least distance between two sensors: on latitude and longitude in kilometres,
            else in the unit of the axes; see `Spacing`.
        noise: Standard deviation of a reading, in the unit of its variable: a number, or one for
            each variable; None: the nugget that the prior estimated.
        truth: Test fields on the model's grid, by which the placements are measured as well.
        seed: Of the random placements and of the errors in what is measured.

    Raises:
        NotFittedError: If the model is not fitted.
        FieldError: If its prior states no covariance, such as 'none'.
        PlacementError: If n is larger than the candidates, or than `min_distance` leaves room for,
            or none lies in a cell that exists.
        ValuesError: If n, the distance or the noise is none.
        ValueError: If candidates or existing sensors are no places of the grid.

    Reference:
        Chaloner & Verdinelli (1995), Bayesian experimental design: a review,
        https://doi.org/10.1214/ss/1177009939, for the criterion; Krause, Singh & Guestrin (2008),
        Near-optimal sensor placements in Gaussian processes, for greedy designs.
    """
    fitted, count = model.fitted, whole_number(n, "n, the number of sensors,", 1)
    check_seed(seed)
    fitted.check_whole("Sensors are placed by the covariance")
    scaler, prior = fitted.scaler, fitted.network.prior
    law, spacing = prior.field_law(), Spacing(scaler, min_distance)
    places = candidate_places(candidates, scaler.grid)
    sensors = Sensors.of(existing, scaler.grid, scaler.variables)
    if count > len(places):
        masked = ", the cells that exist where their mask is True" if is_mask(candidates) else ""
        raise PlacementError(
            f"{count} sensors were asked, but there are {len(places)} candidates{masked}; ask for "
            "at most so many, or give more places."
        )
    region = Region.of(law, scaler, len(places), noise)
    design = Design(region, places, sensors)
    free = Free(places, spacing, sensors.coords)
    chosen = greedy(design, count, free.copy())
    _check_placed(len(chosen), count, spacing)
    inside = scaler.places(places)[0].double()
    functions = orthogonal_functions(prior, design, inside, count)
    rngs = (np.random.default_rng((seed, k)) for k in range(RANDOM_PLACEMENTS))
    others = [at_random(count, free.copy(), rng) for rng in rngs]
    found = Placement(
        _arranged(design, places, chosen, count),
        tuple(_arranged(design, places, other, count) for other in others),
        _arranged(design, places, by_qr(functions, count, free.copy()), count),
        sensors.coords,
        region.std(design.left),
        region.grid,
        scaler.variables,
        region.noise,
        spacing.unit,
    )
    return found if truth is None else _measured(model, found, truth, seed)


def _check_placed(placed: int, asked: int, spacing: Spacing) -> None:
    if placed < asked:
        raise PlacementError(
            f"{asked} sensors were asked, but only {placed} could be placed at least "
            f"{spacing.least:g}{spacing.unit and f' {spacing.unit}'} from each other and from "
            "existing ones; ask for fewer, lower min_distance, or give more candidates."
        )


def _arranged(design: Design, places: np.ndarray, chosen: list[int], n: int) -> Arrangement:
    left = design.after(chosen)
    left = left[[min(k, len(chosen)) for k in range(n + 1)]]
    region = design.region
    return Arrangement(
        places[chosen], region.rmse(left), design.relative(left), region.std(left[-1])
    )


def _measured(model: FieldAutoencoder, found: Placement, truth: FieldData, seed: int) -> Placement:
    """With the RMSE of the model on test fields; of random placements that of the first."""
    arms = found.greedy, found.qr, found.random[0]
    greedy_, qr, first = (
        replace(arm, actual=measured(model, found, arm.coords, truth, seed)) for arm in arms
    )
    return replace(found, greedy=greedy_, qr=qr, random=(first, *found.random[1:]))
