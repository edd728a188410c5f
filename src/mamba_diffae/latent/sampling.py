"""Fields from nothing: noise to a latent, the latent to a field at any size."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, final

import numpy as np

from mamba_diffae.estimator import FieldAutoencoder
from mamba_diffae.fields import FieldError, Targets, own_defaults
from mamba_diffae.fields.given import check_seed, whole_number
from mamba_diffae.flow import field_keys
from mamba_diffae.latent.inversion import require_flow
from mamba_diffae.registry import unknown

Flow = Literal["latent", "values"]
FLOWS: tuple[Flow, ...] = ("latent", "values")


@final
@dataclass(frozen=True, eq=False)
class Generated:
    """Fields that nobody has observed.

    Attributes:
        latents: What they were decoded from, shape (S, latent_dim); zeros, which say nothing, for
            the flow in the values.
        values: Shape (S, *shape, C), in the units of the fields.
    """

    latents: np.ndarray
    values: np.ndarray


@own_defaults()
def sample(
    model: FieldAutoencoder,
    count: int,
    targets: Targets = None,
    *,
    seed: int = 0,
    steps: int = 20,
    flow: Flow = "latent",
    mean: bool = False,
    on_progress: Callable[[int, int], None] | None = None,
) -> Generated:
    """Sample fields from the model alone.

    A latent is drawn by the flow of latents, and from it a field in one evaluation of the decoder
    of draws. The flow in the values, phase "flow", draws a field at once. Field i depends on (seed,
    i) only, whatever the count; on every grid it is the same field.

    >>> from mamba_diffae import FieldAutoencoder
    >>> model = FieldAutoencoder.from_pretrained("runs/mine")  # doctest: +SKIP
    >>> sample(model, 2).values.shape  # doctest: +SKIP
    (2, 96, 96, 3)

    Args:
        model: Fitted, with phases "ensemble" and "latent"; for a flow in the values with phase
            "flow", which also draws from a latent where there is no phase "ensemble".
        count: Fields to sample.
        targets: See `FieldAutoencoder.predict`; None: the native grid.
        seed: Of the latents and of the noise of the fields.
        steps: Steps of Heun's solver, in either flow.
        flow: "latent" draws a latent, and from it alone a field; "values" draws the field by the
            flow, with the latent dropped.
        mean: Whether a latent gives its mean in place of a draw.
        on_progress: Called with (fields done, fields in all).

    Raises:
        ValueError: If the model is not fitted, has no latent or lacks a phase that draws; if the
            count is below 1 or the seed negative; if the flow is unknown, or has no mean.
    """
    model.fitted.check_whole("Fields are sampled from latents")
    _check(count, seed, flow, mean)
    _check_phases(model, flow, mean)
    if flow == "latent":
        device = model.fitted.device
        latents = (
            model.latent_flow.sample(field_keys(seed, count, device), steps=steps).cpu().numpy()
        )
    else:
        latents = np.zeros((count, model.latent_dim), np.float32)
    solver = "heun" if flow == "values" else None
    options = {"seed": seed, "on_progress": on_progress}
    if not mean:
        options |= {"n_draws": 1, "solver": solver, "steps": steps}
    drawn = model.decode(latents, targets, **options)
    return Generated(latents, drawn.mean if mean else drawn.draws[0])


def require_draws(model: FieldAutoencoder) -> None:
    """Refuse a model that cannot draw a field from its latent alone.

    Raises:
        FieldError: If it has learned neither phase "ensemble" nor phase "flow".
    """
    if not (model.fitted.network.writes_draws or "flow" in model.fitted.phases):
        raise FieldError(
            "This model has not learned to draw a field from a latent; take the mean of each, or "
            "train it in its run folder: fit with phases=['ensemble'], on the shell mamba-diffae "
            "fit SOURCE --phase ensemble --run DIR."
        )


def _check_phases(model: FieldAutoencoder, flow: Flow, mean: bool) -> None:
    """Refuse a model that has not learned what is asked, before any work."""
    _ = model.latent_dim
    if flow == "values":
        require_flow(model, "Flow 'values'")
    elif not mean:
        require_draws(model)


def _check(count: int, seed: int, flow: str, mean: bool) -> None:
    whole_number(count, "The number of fields", 1)
    check_seed(seed)
    if flow not in FLOWS:
        raise unknown("flow", flow, FLOWS)
    if mean and flow == "values":
        raise ValueError(
            "A flow in the values has one mean, the same for every field; leave the mean out, or "
            "draw with flow 'latent'."
        )
