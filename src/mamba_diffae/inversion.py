"""From complete fields to the noise of a fitted model, and back, in the unit of the field."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from mamba_diffae.estimator import FieldAutoencoder
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
    context: Context | None = None,
    steps: int = 20,
) -> Noise:
    """The noise from which a model draws complete fields at their native pixels.

    Args:
        model: Fitted.
        truth: Complete fields of the model's native size.
        observations: What was seen of them, in the same order.
        context: See `FieldAutoencoder.predict`.
        steps: Steps of Heun's solver.

    Returns:
        Noise at the pixels, shape (S, n², C), and at the model's anchors, shape (S, A, C).

    Raises:
        ValueError: If the model is not fitted, or fields or observations do not fit it.
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
    parts, done = [], 0
    for seen in model._parts(inputs):
        fields = slice(done, done := done + len(seen.coords))
        queries, anchors = (v[fields].to(seen.coords.device) for v in data)
        asked = query.to(queries.device).expand(len(queries), -1, -1)
        options = {"context": context, "steps": steps}
        parts.append(invert_on_tensors(net, asked, queries, anchors, *seen, **options))
    return Noise(*(torch.cat(part).cpu() for part in zip(*parts, strict=True)))


def draw_from(
    model: FieldAutoencoder,
    noise: Noise,
    observations: Observations,
    *,
    context: Context | None = None,
    steps: int = 20,
) -> np.ndarray:
    """The fields that a model draws from given noise: the inverse of `invert`.

    Args:
        model: Fitted.
        noise: From `invert`.
        observations: As there, or others.
        context: See `FieldAutoencoder.predict`.
        steps: Steps of Heun's solver.

    Returns:
        Shape (S, n, n, C), in the unit of the field.

    Raises:
        ValueError: If the model is not fitted, or noise or observations do not fit it.
    """
    net, scaling = model._fitted()
    query = _pixels(model)
    inputs = model._inputs(observations, query)
    _check_count(len(noise.queries), len(inputs.coords))
    parts, done = [], 0
    for seen in model._parts(inputs):
        fields = slice(done, done := done + len(seen.coords))
        start = Noise(*(part[fields].to(seen.coords.device) for part in noise))
        asked = query.to(seen.coords.device).expand(len(seen.coords), -1, -1)
        parts.append(draw(net, asked, seen, None, context, start, steps=steps).x.cpu())
    values = scaling.unscale(torch.cat(parts)).numpy()
    return values.reshape(len(values), model.size, model.size, -1)


def _check_count(fields: int, observed: int) -> None:
    if fields != observed:
        raise ValueError(
            f"{fields} fields were given with observations of {observed}; give the observations of "
            "those very fields, in their order."
        )


def _pixels(model: FieldAutoencoder) -> Tensor:
    """Centres of the native pixels, shape (1, n², D)."""
    return torch.from_numpy(pixel_centres(model.size))[None]
