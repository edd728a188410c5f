"""How good a network is in training: its posterior mean on validation snapshots."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from mamba_diffae.fields import FieldData, Observations, Shape
from mamba_diffae.models.base import FieldFlow
from mamba_diffae.models.inference import reconstruct
from mamba_diffae.priors import PriorPosterior
from mamba_diffae.training.data.field_snapshots import snapshots_of
from mamba_diffae.training.data.snapshots import EvaluationSet, Snapshots
from mamba_diffae.training.sensitivity import METRIC, latent_sensitivity

_AT_ONCE = 16


def validator(
    data: FieldData | Snapshots, observed_shape: Shape | None = None
) -> Callable[[nn.Module], dict[str, float]] | None:
    """How good the posterior mean is at a fixed random choice of places of validation snapshots.

    Args:
        data: Inside coordinates, scaled values; those of the split "val" are used, one of a group.
        observed_shape: Of the lattice that is observed; None: that of `observe`.

    Returns:
        From a network to {"psnr": dB}: 20 % of the lattice observed, of scattered points half,
        latent and points read, the values' range being 2; of a network with a latent also
        `latent_sensitivity`. None if there are no validation snapshots.
    """
    known = snapshots_of(data).known()
    if not (known.splits == "val").any():
        return None
    asked = known.split("val").evaluation(observed_shape)
    # Values within [-1, 1] are the rule; robust limits let some beyond.
    bound = max(1.0, float(asked.values.abs().max()))
    # The prior does not learn by gradient: what it makes of the same inputs stays the same.
    posteriors: list[PriorPosterior] = []

    def scores(net: nn.Module) -> dict[str, float]:
        assert isinstance(net, FieldFlow)
        if not posteriors:
            posteriors.append(net.prior.posterior(asked.inputs))
        mean = posterior_mean(net, asked.inputs, asked.coords, posteriors[0])
        error = mean.clamp(-bound, bound) - asked.values
        squared = asked.weight * error.square() / 4  # a range of 2 counts as 1
        total = asked.weight.sum(dim=(1, 2))
        each = squared.sum(dim=(1, 2))[total > 0] / total[total > 0]
        found = {"psnr": float(-10 * torch.log10(each.clamp(min=1e-10)).mean())}
        if net.has_latent and len(asked) > 1:
            truth = asked.values, asked.weight
            given = (asked.inputs, asked.coords, mean, *truth, posteriors[0])
            found[METRIC] = latent_sensitivity(net, *given)
        return found

    return scores


def residual(
    net: FieldFlow, data: FieldData | Snapshots, observed_shape: Shape | None = None
) -> tuple[Tensor, Tensor | None]:
    """What the mean leaves open, of snapshots that were not trained on if there are any.

    Args:
        net: A network that has learned the mean.
        data: The split "val", or "train" if that is empty, at most 48 groups.
        observed_shape: See `validator`.

    Returns:
        Truth minus mean where that is known, scaled, shape (S, *shape, C), 0 in gaps; and what
        each value counts, the same shape, or None where there are no gaps.
    """
    chosen = _unseen(data)
    asked = chosen.residual_set(observed_shape)
    return chosen.on_lattice(asked, _left(net, asked))


def residual_std(
    net: FieldFlow, data: FieldData | Snapshots, observed_shape: Shape | None = None
) -> tuple[float, ...]:
    """Root mean square of what the mean leaves open, of each variable; arguments as `residual`."""
    asked = _unseen(data).residual_set(observed_shape)
    left = _left(net, asked)
    weight = asked.weight.expand(left.shape)
    mean = (left.square() * weight).sum(dim=(0, 1)) / weight.sum(dim=(0, 1)).clamp(min=1e-12)
    return tuple(mean.sqrt().tolist())


def _unseen(data: FieldData | Snapshots) -> Snapshots:
    known = snapshots_of(data).known()
    return known.split("val") if (known.splits == "val").any() else known.split("train")


def _left(net: FieldFlow, asked: EvaluationSet) -> Tensor:
    """Truth minus mean, (B, N, C)."""
    return asked.values - posterior_mean(net.eval(), asked.inputs, asked.coords)


def posterior_mean(
    net: FieldFlow, inputs: Observations, coords: Tensor, posterior: PriorPosterior | None = None
) -> Tensor:
    """The posterior mean at coordinates (N, D), or (B, N, D), some fields at a time, on the CPU."""
    device, places = next(net.parameters()).device, coords.expand(len(inputs), -1, -1)

    def ask(rows: slice) -> Tensor:
        known = None if posterior is None else posterior[rows].to(device)
        given = places[rows].to(device), inputs[rows].to(device)
        return reconstruct(net, *given, posterior=known).cpu()

    parts = [ask(slice(i, i + _AT_ONCE)) for i in range(0, len(inputs), _AT_ONCE)]
    return torch.cat(parts)
