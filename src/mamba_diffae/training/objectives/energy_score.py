"""Phase "ensemble": a decoder learns to write draws in one evaluation, by the energy score."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar, final

import torch
from torch import Tensor, distributed

from mamba_diffae.fields.errors import ValuesError
from mamba_diffae.flow import fold, uniform
from mamba_diffae.models.autoencoder import MambaDiffusionAutoencoder
from mamba_diffae.models.config import DECODER_INPUTS
from mamba_diffae.models.drawing import member_values
from mamba_diffae.registry import unknown
from mamba_diffae.training.data.batches import TrainingBatch
from mamba_diffae.training.objectives.base import Objective
from mamba_diffae.training.objectives.energy_terms import PATCHES, Differences, Norms
from mamba_diffae.training.objectives.field_loss import (
    LATENT_WEIGHT,
    density_weight,
    draw_inputs,
    encode_batch,
    stated_weight,
)

ALPHA = 0.9
"""Weight of the spread at the beginning; from the middle of the phase on it is 1. The fair score
alone is unstable while draws are few and far from the truth: Lang et al. (2024), arXiv 2412.15832.
"""
WEIGHTS = {"pixels": 1.0, "patches": 1.0, "neighbours": 0.5, "bands": 1.0, "whole": 0.1}
"""What each kind of vectors counts; a kind's terms share its weight."""
_MEMBER, _OFFSET = 16, 32
"""What a random draw of a step is for; smaller numbers are those of `field_loss` and `flow`."""
_LEAST = 1e-6
"""Least mean error by which a term is divided."""


@final
class EnergyScore(Objective):
    """Energy scores of two draws of every field.

    Each term is divided by its mean error in the batch, so that fine bands, whose errors are small,
    count as much as coarse ones. Fields count by the inverse of the error that the prior states.
    Neither depends on the truth of a single field, so the score stays proper.

    Args:
        weights: What each kind of vectors counts, see `WEIGHTS`; what counts 0 is not computed.
        alpha: See `ALPHA`.

    Raises:
        ValueError: If there is no such kind of vectors, which names the nearest; or a weight is
            negative or not finite, or none is above 0.
    """

    name: ClassVar[str] = "energy_score"
    draws: ClassVar[int] = 2

    def __init__(self, weights: dict[str, float] | None = None, alpha: float = ALPHA) -> None:
        for kind in weights or {}:
            if kind not in WEIGHTS:
                raise unknown("kind of vectors", kind, tuple(WEIGHTS))
        self.weights = {**WEIGHTS, **(weights or {})}
        _check(self.weights)
        self.start, self.alpha = alpha, alpha

    def begin_step(self, progress: float) -> None:
        """See `Objective.begin_step`: α rises over the first half."""
        self.alpha = self.start + (1 - self.start) * min(1.0, 2 * progress)

    def check(self, model: MambaDiffusionAutoencoder) -> None:
        """See `Objective.check`."""
        if model.ensemble is None:
            raise ValueError(
                "This network has no decoder of draws, since model.noise_dim is 0; build it anew "
                "with model.noise_dim=32 for phase 'ensemble', or leave that phase out."
            )
        if not (len(model.anchors) or self.weights["pixels"]):
            raise ValuesError(
                f"This decoder, {model.config.decoder!r}, has no anchors, so that pixels alone can "
                "count; give them a weight above 0."
            )

    def prepare(self, model: MambaDiffusionAutoencoder) -> None:
        """The decoder of draws learns, from where that of the mean ended; errors as `check`."""
        self.check(model)
        ensemble = model.ensemble
        assert ensemble is not None
        model.requires_grad_(False).eval()
        ensemble.start_from(model.stage, model.decoder)
        ensemble.requires_grad_(True).train()

    def loss(self, model: MambaDiffusionAutoencoder, batch: TrainingBatch) -> Tensor:
        """See `Objective.loss`."""
        levels = draw_inputs(model, batch)
        with torch.no_grad():
            context = encode_batch(model, batch, levels)
            size = _size(model, batch, context)
        keys = [fold(batch.keys, _MEMBER + k) for k in range(self.draws)]
        drawn = member_values(model, context, batch.query_coords, keys, self._draws(batch))
        queries, anchors = zip(*drawn, strict=True)
        counts = torch.where(levels == DECODER_INPUTS.index("latent+points"), 1.0, LATENT_WEIGHT)
        score = partial(self._score, counts=counts * size)
        loss = batch.query_values.new_zeros(())
        if len(model.anchors):
            given = anchors, batch.anchor_values, batch.anchor_weight
            periodic = model.config.geometry.periodic
            lattice = Differences.of(*given, model.anchor_shape, periodic)
            loss = loss + self._kinds(lattice, batch.keys, score)
        if self.weights["pixels"]:
            given = queries, batch.query_values, batch.query_weight
            at_queries = Differences.of(*given, batch.query_values.shape[1:2], (False,))
            loss = loss + self.weights["pixels"] * score([at_queries.pixels()])
        return loss

    def _draws(self, batch: TrainingBatch) -> Sequence[Tensor | None]:
        """Of the prior, for each of the two draws."""
        draws = batch.posterior.draws
        return (None, None) if draws is None else draws.unbind(1)

    def _kinds(self, lattice: Differences, keys: Tensor, score: Any) -> Tensor:
        """The weighted sum over all kinds of vectors on a lattice."""
        choose = partial(_choose, _of_main(keys[:1]))
        kinds: dict[str, Callable[[], list[Norms]]] = {
            "pixels": lambda: [lattice.pixels()],
            "patches": lambda: [lattice.patches(side, choose) for side in PATCHES],
            "neighbours": lambda: [lattice.neighbours()],
            "bands": lattice.bands,
            "whole": lambda: [lattice.whole()],
        }
        found = [(w, kinds[kind]()) for kind, w in self.weights.items() if w]
        parts = [w * score(terms) for w, terms in found if terms]
        return torch.stack(parts).sum() if parts else lattice.values.new_zeros(())

    def _score(self, terms: Iterable[Norms], counts: Tensor) -> Tensor:
        """The mean over terms of their energy scores, each in units of its mean error."""
        found = []
        for term in terms:
            error = (counts * term.error).mean()
            energy = (counts * (term.error - self.alpha * term.spread)).mean()
            found.append(energy / _mean_over_processes(error).clamp(min=_LEAST))
        return torch.stack(found).mean()


def _check(weights: Mapping[str, float]) -> None:
    for kind, weight in weights.items():
        if not (isinstance(weight, int | float) and 0 <= weight < math.inf):
            raise ValuesError(f"The weight of {kind} is {weight!r}; give a number, 0 or more.")
    if not any(weights.values()):
        raise ValuesError(f"All weights are 0; give one of {', '.join(weights)} a number above 0.")


def _size(model: MambaDiffusionAutoencoder, batch: TrainingBatch, context: Any) -> Tensor:
    """The inverse of the error that is expected of each field, shape (B,)."""
    weight = stated_weight(model, batch, context)
    return (density_weight(batch) if weight is None else weight).sqrt()


def _mean_over_processes(value: Tensor) -> Tensor:
    """Without a gradient: of several processes each has its share of the batch."""
    value = value.detach().clone()
    if distributed.is_available() and distributed.is_initialized():
        distributed.all_reduce(value)
        value = value / distributed.get_world_size()
    return value


def _of_main(key: Tensor) -> Tensor:
    """The first key of the whole batch, in every process."""
    key = key.clone()
    if distributed.is_available() and distributed.is_initialized():
        distributed.broadcast(key, src=0)
    return key


def _choose(key: Tensor, side: int, axis: int, count: int) -> int:
    """A whole number below `count`, so that patches lie elsewhere in each step."""
    seed = fold(fold(fold(key, _OFFSET), side), axis)
    return min(int(float(uniform(seed)) * count), count - 1)
