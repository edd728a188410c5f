"""From complete fields to the noise of a fitted model, and back, in the unit of the field."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from mamba_diffae.estimator import FieldAutoencoder
from mamba_diffae.estimator.known import batches, checked_latents
from mamba_diffae.fields import GridField, Observations, pixel_centres
from mamba_diffae.models import Noise
from mamba_diffae.models import invert as invert_on_tensors
from mamba_diffae.models.config import Context
from mamba_diffae.models.inference import draw


def invert(
    model: FieldAutoencoder,
    truth: GridField,
    observations: Observations,
    *,
    latents: np.ndarray | None = None,
    context: Context | None = None,
    steps: int = 20,
) -> Noise:
    """The noise from which a model draws complete fields at their native pixels.

    Args:
        model: Fitted.
        truth: Complete fields of the model's native size.
        observations: What was seen of them, in the same order.
        latents: In place of the encoded ones, shape (S, latent_dim).
        context: See `FieldAutoencoder.predict`.
        steps: Steps of Heun's solver.

    Returns:
        Noise at the pixels, shape (S, n², C), and at the model's anchors, shape (S, A, C).

    Raises:
        ValueError: If the model is not fitted, or fields, observations or latents do not fit it.
    """
    net, scaling = model._fitted()
    if truth.size != model.size:
        raise ValueError(
            f"The fields have {truth.size} pixels a side, but this model was fitted on fields of "
            f"{model.size}; invert fields of that size."
        )
    side = round(len(net.anchors) ** (1 / net.config.coord_dim))
    around = truth.at(side) if side else truth.values[:, :0, :0]
    data = [
        torch.from_numpy(scaling.scale(v).astype(np.float32)).flatten(1, 2)
        for v in (truth.at(truth.size), around)
    ]
    query = _pixels(model)
    inputs = model._inputs(observations, query)
    _check_count(len(truth), len(inputs.coords))
    given = None if latents is None else checked_latents(net, latents)
    parts = []
    for known in batches(net, inputs, given):
        assert known.inputs is not None
        queries, anchors = (v[known.numbers.cpu()].to(known.numbers.device) for v in data)
        asked = query.to(queries.device).expand(len(queries), -1, -1)
        options = {"latent": known.latent, "context": context, "steps": steps}
        parts.append(invert_on_tensors(net, asked, queries, anchors, *known.inputs, **options))
    return Noise(*(torch.cat(part).cpu() for part in zip(*parts, strict=True)))


def draw_from(
    model: FieldAutoencoder,
    noise: Noise,
    observations: Observations | None,
    *,
    latents: np.ndarray | None = None,
    context: Context | None = None,
    steps: int = 20,
) -> np.ndarray:
    """The fields that a model draws from given noise: the inverse of `invert`.

    Args:
        model: Fitted.
        noise: From `invert`.
        observations: As there, or others; None: the fields are drawn from the latents alone.
        latents: In place of the encoded ones, shape (S, latent_dim).
        context: See `FieldAutoencoder.predict`.
        steps: Steps of Heun's solver.

    Returns:
        Shape (S, n, n, C), in the unit of the field.

    Raises:
        ValueError: If the model is not fitted; if noise, observations or latents do not fit it; if
            neither observations nor latents are given.
    """
    net, scaling = model._fitted()
    query = _pixels(model)
    inputs = None if observations is None else model._inputs(observations, query)
    given = None if latents is None else checked_latents(net, latents)
    what = [tensor for tensor in (inputs and inputs.coords, given) if tensor is not None]
    if not what:
        raise ValueError("Neither observations nor latents were given; give one of them, or both.")
    _check_count(len(noise.queries), len(what[0]))
    parts = []
    for known in batches(net, inputs, given):
        device = known.numbers.device
        start = Noise(*(part[known.numbers.cpu()].to(device) for part in noise))
        asked = query.to(device).expand(len(known.numbers), -1, -1)
        solution = draw(net, asked, known.inputs, known.latent, context, start, steps=steps)
        parts.append(solution.x.cpu())
    values = scaling.unscale(torch.cat(parts)).numpy()
    return values.reshape(len(values), model.size, model.size, -1)


def reconstructions(
    model: FieldAutoencoder,
    truth: GridField,
    observations: Observations,
    *,
    seed: int = 0,
    steps: int = 20,
) -> dict[str, np.ndarray]:
    """Complete fields by the mean, by a draw, and from their own noise, in both contexts.

    Args:
        model: Fitted, with a latent.
        truth: Complete fields of the model's native size.
        observations: What was seen of them, in the same order.
        seed: Of the draw.
        steps: Steps of Heun's solver.

    Returns:
        By display name, such as "latent + inverted noise", shape (S, n, n, C), in the unit of the
        field.

    Raises:
        ValueError: As `invert`, and if the model has no latent.

    Reference:
        Preechakul et al. (2022), Diffusion Autoencoders, arXiv 2111.15640, table 1.
    """
    contexts: tuple[Context, ...] = ("latent", "latent+points")
    found = {}
    for context in contexts:
        options = {"context": context, "steps": steps}
        predicted = model.predict(observations, None, 1, seed=seed, **options)
        noise = invert(model, truth, observations, **options)
        found[f"{context}: mean"] = predicted.mean
        found[f"{context}: a draw"] = predicted.sample[0]
        found[f"{context} + inverted noise"] = draw_from(model, noise, observations, **options)
    return found


def _check_count(fields: int, observed: int) -> None:
    if fields != observed:
        raise ValueError(
            f"{fields} fields were given with observations of {observed}; give the observations of "
            "those very fields, in their order."
        )


def _pixels(model: FieldAutoencoder) -> Tensor:
    """Centres of the native pixels, shape (1, n², D)."""
    return torch.from_numpy(pixel_centres(model.size))[None]
