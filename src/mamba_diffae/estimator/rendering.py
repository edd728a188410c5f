"""Fields from what is known of them, at any targets: the mean, draws, quantiles."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import final

import numpy as np
from torch import Tensor

from mamba_diffae.estimator.calibration import ONE_SIGMA
from mamba_diffae.estimator.checks import check_finite
from mamba_diffae.estimator.conditioned import not_kept
from mamba_diffae.estimator.drawing import ByFlow, Drawing, Ensemble
from mamba_diffae.estimator.fitted import FittedModel
from mamba_diffae.estimator.inputs import ConditioningBatch
from mamba_diffae.estimator.room import check_room
from mamba_diffae.estimator.windowed import Conditioned, conditioned
from mamba_diffae.fields import Prediction, Query, Targets, UnfamiliarFieldsWarning, unfamiliar
from mamba_diffae.fields.functional import order_statistics
from mamba_diffae.models.checks import check_query
from mamba_diffae.models.config import DecoderInputs
from mamba_diffae.priors import PriorPosterior

OnProgress = Callable[[int, int], None]
"""Fields done, fields in all."""
_NOT_KEPT = (
    "The observations state their noise, but this model's prior answers on its lattice only, so "
    "fields need not pass through them; a model with the prior 'mixture' or 'kriging' keeps them."
)


@final
@dataclass(frozen=True)
class Rendering:
    """What is asked of fields, whatever they are made from; see `FieldAutoencoder.predict`.

    Attributes:
        targets: Where.
        drawing: Which draws.
        decoder_inputs: What the decoder reads.
        on_progress: Told of each batch.
    """

    targets: Targets
    drawing: Drawing
    decoder_inputs: DecoderInputs | None
    on_progress: OnProgress | None

    def predict_fields(
        self, model: FittedModel, batches: Iterable[ConditioningBatch], count: int
    ) -> Prediction:
        """The fields of all batches, in the units of their variables.

        Warns, once, of fields that are unlike the training fields.

        Args:
            model: Network and scaling.
            batches: What is known, on the network's device.
            count: Fields in all of them.

        Raises:
            FieldError: If they would not fit into memory.
        """
        numbers = count * len(model.scaler.variables) * (self.drawing.count + 2)
        check_room(self.targets, model.scaler.grid, numbers)
        way = self.drawing.way(model) if self.drawing.count else None
        given = self.decoder_inputs, self.drawing, way
        known = (conditioned(model, batch, *given) for batch in batches)
        return self.predict_conditioned(model, known, count, way)

    def predict_conditioned(
        self,
        model: FittedModel,
        known: Iterable[Conditioned],
        count: int,
        way: Ensemble | ByFlow | None,
    ) -> Prediction:
        """The same of fields that are encoded already.

        Args:
            model: Network and scaling.
            known: The fields, in batches.
            count: Fields in all of them.
            way: What makes the draws; None: there are none.
        """
        query = Query.of(self.targets, model.scaler.grid)
        places = model.scaler.places(query.coords)
        if model.window is None:
            check_query(model.network, places, 1)
        means, draws, stated, widths, done = [], None, [], [], 0
        for fields in known:
            if not done and not_kept(model.network, fields.observations, self.decoder_inputs):
                warnings.warn(_NOT_KEPT, stacklevel=5)
            stated.append(_stated(fields.posterior))
            answers = fields.at(places, way)
            answer = next(answers)
            check_finite(answer)
            means.append(query.finish(_mean(model, answer, fields, places)))
            # Each draw goes to its place at once: many at a high resolution fill the memory.
            for k, x in enumerate(answers):
                values = query.finish(model.scaler.values(x.cpu().numpy()))
                if draws is None:
                    shape = self.drawing.count, count, *values.shape[1:]
                    draws = np.empty(shape, values.dtype)
                draws[k, done : done + len(values)] = values
            if fields.calibration is not None and way is not None:
                away = query.finish(fields.distance(places)[..., None])[..., 0]
                widths.append((away, fields.trust().cpu().numpy()))
            done += len(fields.keys)
            if self.on_progress is not None:
                self.on_progress(done, count)
        familiarity, weights = map(_joined, zip(*stated, strict=True))
        if message := unfamiliar(familiarity, weights):
            warnings.warn(f"{message}.", UnfamiliarFieldsWarning, stacklevel=5)
        told = Prediction.of_mean(np.concatenate(means), grid=query.grid)
        if way is not None and draws is not None:
            told = self._with_draws(told, draws, way.evaluations)
            told = _calibrated(told, model, widths)
        return replace(told, familiarity=familiarity, weights=weights)

    def _with_draws(self, told: Prediction, draws: np.ndarray, evaluations: int) -> Prediction:
        """The same with what the draws say, and as many of them as are wanted."""
        levels, kept = self.drawing.levels, draws[: self.drawing.asked]
        spread = draws.std(axis=0, ddof=1) if len(draws) > 1 else None
        found = replace(told, draws=kept, evaluations=evaluations, stated_std=spread)
        if not levels:
            return found
        quantiles = order_statistics(draws, levels, "These quantiles")
        return replace(found, quantiles=quantiles, levels=levels)


def _calibrated(
    told: Prediction,
    model: FittedModel,
    widths: Sequence[tuple[np.ndarray, np.ndarray]],
) -> Prediction:
    """The same with deviation and quantiles as wide as the distance asks for.

    Args:
        told: With what the draws say.
        model: With calibration and variables, in whose bounds quantiles stay.
        widths: Of each batch the distances (B, ...) and how much the network counts, (B, 1, C).
    """
    calibration = model.calibration
    if calibration is None or told.stated_std is None or not widths:
        return told
    away = np.concatenate([away for away, _ in widths])
    parts = [np.broadcast_to(g, (len(a), 1, told.mean.shape[-1])) for a, g in widths]
    trust = np.concatenate(parts).reshape(len(away), *[1] * (away.ndim - 1), -1)
    factor = calibration.factor_at(away, ONE_SIGMA)[..., None]
    std = (1 + trust * (factor - 1)) * told.stated_std
    if told.quantiles is None:
        return replace(told, stated_std=std)
    # In the network's unit, so that they stay within the bounds of their variables.
    each = [variable.transform for variable in model.scaler.variables]
    scaled, mean = (_by_variable(x, [t.forward for t in each]) for x in (told.quantiles, told.mean))
    moved = calibration.applied(scaled, mean, told.levels, away, trust)
    quantiles = _by_variable(moved, [t.inverse for t in each]).astype(told.quantiles.dtype)
    # Draws that are exactly 0 rain are a share of the law, which a narrower interval still holds.
    bounds = np.array([t.bounds for t in each], told.quantiles.dtype).T
    at_bound = (told.quantiles[..., None, :] == bounds).any(axis=-2)
    return replace(told, stated_std=std, quantiles=np.where(at_bound, told.quantiles, quantiles))


def _by_variable(
    values: np.ndarray, maps: Sequence[Callable[[np.ndarray], np.ndarray]]
) -> np.ndarray:
    """Values (..., C), each variable by a map of its own."""
    parts = [map_(values[..., c].astype(np.float64)) for c, map_ in enumerate(maps)]
    return np.stack(parts, axis=-1)


def _mean(model: FittedModel, mean: Tensor, fields: Conditioned, places: Tensor) -> np.ndarray:
    """The posterior mean (B, N, C), scaled, in the units of the variables."""
    z = mean.cpu().numpy()
    if not model.scaler.curved:
        return model.scaler.values(z)
    std = fields.prior_std(places).cpu().numpy()
    # Where the prior states no spread at all, that of the residual stands for it.
    stated = (std > 0).any(axis=(1, 2), keepdims=True)
    return model.scaler.mean(z, np.where(stated, std, np.array(model.residual_std)))


def _stated(posterior: PriorPosterior | None) -> tuple[Tensor | None, Tensor | None]:
    """Familiarity and weights of one batch."""
    return (None, None) if posterior is None else (posterior.familiarity, posterior.weights)


def _joined(parts: Sequence[Tensor | None]) -> np.ndarray | None:
    """Numbers of all batches; None where they are not known."""
    known = [part.cpu().numpy() for part in parts if part is not None]
    return np.concatenate(known) if known and len(known) == len(parts) else None
