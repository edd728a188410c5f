"""Fields from what is known of them, at any targets: the mean, and draws."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import final

import numpy as np
import torch
from torch import Tensor

from mamba_diffae.estimator.fitted import FittedModel
from mamba_diffae.estimator.inputs import ConditioningBatch
from mamba_diffae.fields import Prediction, Query, Targets, UnfamiliarFieldsWarning, unfamiliar
from mamba_diffae.flow import fold
from mamba_diffae.models.checks import check_query
from mamba_diffae.models.config import DecoderInputs
from mamba_diffae.models.inference import posterior_mean, posterior_std, solve_flow
from mamba_diffae.priors import PriorPosterior

OnProgress = Callable[[int, int], None]
"""Fields done, fields in all."""


@final
@dataclass(frozen=True)
class Rendering:
    """What is asked of fields, whatever they are made from; see `FieldAutoencoder.predict`.

    Raises:
        ValueError: If the number of draws is negative.
    """

    targets: Targets
    n_draws: int
    decoder_inputs: DecoderInputs | None
    seed: int
    solver: str
    steps: int
    on_progress: OnProgress | None

    def __post_init__(self) -> None:
        if self.n_draws < 0:
            raise ValueError(f"n_draws is {self.n_draws}; give the number of draws, 0 or more.")

    def predict_fields(
        self, model: FittedModel, batches: Iterable[ConditioningBatch], count: int
    ) -> Prediction:
        """The fields of all batches, in the units of their variables.

        Warns, once, of fields that are unlike the training fields.

        Args:
            model: Network and scaling.
            batches: What is known, on the network's device.
            count: Fields in all of them.
        """
        query = Query.of(self.targets, model.scaler.grid)
        places = model.scaler.places(query.coords)
        check_query(model.network, places, 1)
        means, draws, stated, done, evaluations = [], [], [], 0, 0
        for batch in batches:
            asked = places.to(batch.numbers.device).expand(len(batch.numbers), -1, -1)
            posterior = _posterior(model, batch)
            stated.append(_stated(posterior))
            means.append(query.finish(self._mean(model, asked, batch, posterior)))
            drawn, evaluations = self._draws(model, asked, batch, posterior)
            draws.append(np.array([query.finish(model.scaler.values(x)) for x in drawn]))
            done += len(asked)
            if self.on_progress is not None:
                self.on_progress(done, count)
        familiarity, weights = map(_joined, zip(*stated, strict=True))
        if message := unfamiliar(familiarity, weights):
            warnings.warn(f"{message}.", UnfamiliarFieldsWarning, stacklevel=3)
        mean = np.concatenate(means)
        told = Prediction.of_mean(mean, grid=query.grid)
        if self.n_draws:
            drawn = np.concatenate(draws, axis=1)
            told = Prediction(mean, drawn, None, evaluations, query.grid)
        return replace(told, familiarity=familiarity, weights=weights)

    def _mean(
        self,
        model: FittedModel,
        asked: Tensor,
        batch: ConditioningBatch,
        posterior: PriorPosterior | None,
    ) -> np.ndarray:
        """The posterior mean of one batch, (B, N, C), in the units of the variables."""
        given = batch.observations, batch.latent, self.decoder_inputs, posterior
        z = posterior_mean(model.network, asked, *given).cpu().numpy()
        if not model.scaler.curved:
            return model.scaler.values(z)
        std = posterior_std(model.network, asked, *given).cpu().numpy()
        # Where the prior states no spread at all, that of the residual stands for it.
        stated = (std > 0).any(axis=(1, 2), keepdims=True)
        return model.scaler.mean(z, np.where(stated, std, np.array(model.residual_std)))

    def _draws(
        self,
        model: FittedModel,
        asked: Tensor,
        batch: ConditioningBatch,
        posterior: PriorPosterior | None,
    ) -> tuple[list[np.ndarray], int]:
        """Draws of one batch, each (B, N, C), scaled, and the cost of one."""
        drawn, evaluations = [], 0
        for s in range(self.n_draws):
            # The keys (seed, b) of fields b, whatever batch they come in.
            keys = fold(torch.full_like(batch.numbers, self.seed + s), batch.numbers)
            given = batch.observations, batch.latent, self.decoder_inputs, keys, posterior
            options = {"solver": self.solver, "steps": self.steps}
            solution = solve_flow(model.network, asked, *given, **options)
            drawn.append(solution.x.cpu().numpy())
            evaluations = solution.evaluations
        return drawn, evaluations


def _posterior(model: FittedModel, batch: ConditioningBatch) -> PriorPosterior | None:
    """What the prior makes of observations, once for the mean and all draws."""
    if batch.observations is None:
        return None
    with torch.no_grad():
        return model.network.prior.posterior(batch.observations)


def _stated(posterior: PriorPosterior | None) -> tuple[Tensor | None, Tensor | None]:
    """Familiarity and weights of one batch."""
    return (None, None) if posterior is None else (posterior.familiarity, posterior.weights)


def _joined(parts: Sequence[Tensor | None]) -> np.ndarray | None:
    """Numbers of all batches; None where they are not known."""
    known = [part.cpu().numpy() for part in parts if part is not None]
    return np.concatenate(known) if known and len(known) == len(parts) else None
