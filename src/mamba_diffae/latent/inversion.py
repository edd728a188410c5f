"""From complete fields to the noise of a fitted model, and back, in the units of the fields."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from mamba_diffae.estimator import FieldAutoencoder
from mamba_diffae.estimator.inputs import batches, checked_latents
from mamba_diffae.fields import (
    FieldData,
    FieldError,
    Observations,
    ShapeError,
    ValuesError,
    as_observations,
)
from mamba_diffae.models import State
from mamba_diffae.models import invert as invert_on_tensors
from mamba_diffae.models.config import DecoderInputs
from mamba_diffae.models.inference import solve_flow
from mamba_diffae.models.queries import known_context

Observed = Observations | Sequence[Observations]


def require_flow(model: FieldAutoencoder, what: str) -> None:
    """Refuse a model that has not learned phase "flow", which is optional.

    Args:
        model: Fitted.
        what: Integrates the flow; the beginning of a sentence.

    Raises:
        FieldError: As said.
    """
    if "flow" not in model.fitted.phases:
        raise FieldError(
            f"{what} needs a flow, which this model has not learned; train it in its run folder: "
            "fit with phases=['flow'], on the shell mamba-diffae fit SOURCE --phase flow --run DIR."
        )


def invert(
    model: FieldAutoencoder,
    data: FieldData,
    observations: Observed,
    *,
    latents: np.ndarray | None = None,
    decoder_inputs: DecoderInputs | None = None,
    steps: int = 20,
) -> State:
    """The noise from which a model draws complete fields at their native cells.

    Args:
        model: Fitted, with phase "flow".
        data: Complete fields on the model's native grid.
        observations: What was seen of them, in the same order.
        latents: In place of the encoded ones, shape (S, latent_dim).
        decoder_inputs: See `FieldAutoencoder.predict`.
        steps: Steps of Heun's solver.

    Returns:
        Noise at the cells, shape (S, P, C), and at the model's anchors, shape (S, A, C).

    Raises:
        ValueError: If the model is not fitted or has no flow, the fields have gaps, or fields,
            observations or latents do not fit it.
    """
    require_flow(model, "The noise of a field")
    model.fitted.check_whole("The noise of a field is that")
    net, scaler = model.fitted.network, model.fitted.scaler
    if not data.complete or data.grid.mask is not None:
        raise ValuesError("The fields have gaps; the noise of a field is known for complete ones.")
    inside = scaler.data(data)
    anchors = inside.at(net.anchor_shape).values if len(net.anchors) else inside.values[:0]
    state = State(*(_points(v, len(data), data.n_variables) for v in (inside.values, anchors)))
    seen = scaler.observations(as_observations(observations))
    _check_count(len(data), len(seen))
    given = None if latents is None else checked_latents(model.latent_dim, latents)
    query, parts = _native_places(model), []
    for batch in batches(net, seen, given):
        rows, device = batch.numbers.cpu(), batch.numbers.device
        known, observed = State(*(v[rows].to(device) for v in state)), seen[rows].to(device)
        asked = query.to(device).expand(len(rows), -1, -1)
        options = {"latent": batch.latent, "decoder_inputs": decoder_inputs, "steps": steps}
        parts.append(invert_on_tensors(net, asked, known, observed, **options))
    return State(*(torch.cat(part).cpu() for part in zip(*parts, strict=True)))


def sample_from(
    model: FieldAutoencoder,
    noise: State,
    observations: Observed | None,
    *,
    latents: np.ndarray | None = None,
    decoder_inputs: DecoderInputs | None = None,
    steps: int = 20,
) -> np.ndarray:
    """The fields that a model draws from given noise: the inverse of `invert`.

    Args:
        model: Fitted, with phase "flow".
        noise: From `invert`.
        observations: As there, or others; None: the fields are drawn from the latents alone.
        latents: In place of the encoded ones, shape (S, latent_dim).
        decoder_inputs: See `FieldAutoencoder.predict`.
        steps: Steps of Heun's solver.

    Returns:
        Shape (S, *shape, C), in the units of the fields.

    Raises:
        ValueError: If the model is not fitted or has no flow; if noise, observations or latents do
            not fit it; if neither observations nor latents are given.
    """
    require_flow(model, "A draw from a given noise")
    net, scaler = model.fitted.network, model.fitted.scaler
    seen = None
    if observations is not None:
        seen = scaler.observations(as_observations(observations))
    given = None if latents is None else checked_latents(model.latent_dim, latents)
    for known in (seen, given):
        if known is not None:
            _check_count(len(noise.queries), len(known))
    query, parts = _native_places(model), []
    for batch in batches(net, seen, given):
        start = State(*(part[batch.numbers.cpu()].to(batch.numbers.device) for part in noise))
        asked = query.to(batch.numbers.device).expand(len(batch.numbers), -1, -1)
        with torch.no_grad():
            context = known_context(net, batch.observations, batch.latent, decoder_inputs)
        parts.append(solve_flow(net, context, asked, start, steps=steps).x.cpu())
    return scaler.arrange(scaler.values(torch.cat(parts).numpy()))


def reconstructions(
    model: FieldAutoencoder,
    data: FieldData,
    observations: Observed,
    *,
    seed: int = 0,
    steps: int = 20,
) -> dict[tuple[DecoderInputs, str], np.ndarray]:
    """Complete fields by the mean, by a draw, and from their own noise, with and without points.

    Both of the latter are the flow's.

    Args:
        model: Fitted, with a latent and phase "flow".
        data: Complete fields on the model's native grid.
        observations: What was seen of them, in the same order.
        seed: Of the draw.
        steps: Steps of Heun's solver.

    Returns:
        By what the decoder reads and the noise ("mean", "seeded" or "inverted"), shape
        (S, *shape, C), in the units of the fields.

    Raises:
        ValueError: As `invert`, and if the model has no latent.

    Reference:
        Preechakul et al. (2022), Diffusion Autoencoders, arXiv 2111.15640, table 1.
    """
    require_flow(model, "The noise of a field")
    inputs: tuple[DecoderInputs, ...] = ("latent", "latent+points")
    found = {}
    for read in inputs:
        options = {"decoder_inputs": read, "steps": steps}
        predicted = model.predict(observations, None, 1, seed=seed, solver="heun", **options)
        noise = invert(model, data, observations, **options)
        found[read, "mean"] = predicted.mean
        found[read, "seeded"] = predicted.draws[0]
        found[read, "inverted"] = sample_from(model, noise, observations, **options)
    return found


def _native_places(model: FieldAutoencoder) -> Tensor:
    """Centres of the native cells, inside, shape (1, P, D)."""
    centres = model.fitted.scaler.inside_grid.centres()
    return torch.from_numpy(centres.astype(np.float32))[None]


def _points(values: np.ndarray, count: int, variables: int) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values)).reshape(count, -1, variables)


def _check_count(fields: int, observed: int) -> None:
    if fields != observed:
        raise ShapeError(
            f"{fields} fields were given with observations of {observed}; give the observations of "
            "those very fields, in their order."
        )
