"""How good a network is in training: its posterior mean on validation fields."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from mamba_diffae.fields import FieldData, Observations, Shape, observe
from mamba_diffae.models.base import FieldFlow
from mamba_diffae.models.inference import reconstruct
from mamba_diffae.training.data.batches import known_rows
from mamba_diffae.training.data.lattice import Lattice
from mamba_diffae.training.sensitivity import METRIC, latent_sensitivity

FIELDS, CELLS = 48, 1024
"""Validation fields, and native cells of each, at most."""
_AT_ONCE = 16


def validator(
    data: FieldData, observed_shape: Shape | None = None
) -> Callable[[nn.Module], dict[str, float]] | None:
    """How good the posterior mean is at a fixed random choice of cells of validation fields.

    Args:
        data: Inside coordinates, scaled values; those of the split "val" are used, one of a group.
        observed_shape: Of the lattice that is observed; None: that of `observe`.

    Returns:
        From a network to {"psnr": dB}: 20 % of the lattice observed, latent and points read, the
        values' range being 2; of a network with a latent also `latent_sensitivity`. None if there
        are no validation fields.
    """
    known = data.take(known_rows(data))
    if not (known.splits == "val").any():
        return None
    chosen = known.split("val").distinct(FIELDS)
    native = Lattice.of(chosen)
    existing = np.flatnonzero(chosen.grid.exists)
    cells = existing[np.random.default_rng(0).permutation(len(existing))[:CELLS]]
    coords = _coords(chosen)[cells]
    target = torch.from_numpy(native.values[:, cells])
    weight = torch.from_numpy(native.area[cells, None] * native.known[:, cells])
    inputs = _observed(chosen, observed_shape)
    # Values within [-1, 1] are the rule; robust limits let some beyond.
    bound = max(1.0, float(target.abs().max()))

    def scores(net: nn.Module) -> dict[str, float]:
        assert isinstance(net, FieldFlow)
        mean = posterior_mean(net, inputs, coords)
        squared = weight * (mean.clamp(-bound, bound) - target).square() / 4  # range 2 counts as 1
        total = weight.sum(dim=(1, 2))
        error = squared.sum(dim=(1, 2))[total > 0] / total[total > 0]
        found = {"psnr": float(-10 * torch.log10(error.clamp(min=1e-10)).mean())}
        if net.has_latent and len(chosen) > 1:
            found[METRIC] = latent_sensitivity(net, inputs, coords, mean, target, weight)
        return found

    return scores


def residual(
    net: FieldFlow, data: FieldData, observed_shape: Shape | None = None
) -> tuple[Tensor, Tensor | None]:
    """What the mean leaves open, of fields that were not trained on if there are any.

    Args:
        net: A network that has learned the mean.
        data: The split "val", or "train" if that is empty, at most 48 groups.
        observed_shape: See `validator`.

    Returns:
        Truth minus mean from 20 % of the lattice, scaled, shape (S, *shape, C), 0 in gaps; and
        what each value counts, the same shape, or None where there are no gaps.
    """
    known = data.take(known_rows(data))
    unseen = known.split("val") if (known.splits == "val").any() else known.split("train")
    chosen = unseen.distinct(FIELDS)
    mean = posterior_mean(net.eval(), _observed(chosen, observed_shape), _coords(chosen))
    exact = torch.from_numpy(chosen.values.astype(np.float32))
    left = exact - mean.reshape(exact.shape)
    if chosen.valid is None and chosen.grid.mask is None:
        return left, None
    weight = torch.from_numpy(chosen.valid_mask().astype(np.float32))
    return left * weight, weight


def residual_std(
    net: FieldFlow, data: FieldData, observed_shape: Shape | None = None
) -> tuple[float, ...]:
    """Root mean square of what the mean leaves open, of each variable; arguments as `residual`."""
    left, weight = residual(net, data, observed_shape)
    weight = torch.ones_like(left) if weight is None else weight
    dims = tuple(range(left.ndim - 1))
    mean = (left.square() * weight).sum(dims) / weight.sum(dims).clamp(min=1e-12)
    return tuple(mean.sqrt().tolist())


def posterior_mean(net: FieldFlow, inputs: Observations, coords: Tensor) -> Tensor:
    """The posterior mean at coordinates (N, D), some fields at a time, on the CPU."""
    device = next(net.parameters()).device

    def ask(part: Observations) -> Tensor:
        query = coords.expand(len(part), -1, -1).to(device)
        return reconstruct(net, query, part.to(device)).cpu()

    return torch.cat([ask(inputs[i : i + _AT_ONCE]) for i in range(0, len(inputs), _AT_ONCE)])


def _observed(chosen: FieldData, shape: Shape | None) -> Observations:
    return observe(chosen, seed=0, shape=shape).to(torch.float32)


def _coords(chosen: FieldData) -> Tensor:
    return torch.from_numpy(chosen.grid.centres().astype(np.float32))
