"""Fields larger than a model's window: windows that overlap, blended by a partition of unity.

Each window is answered from what was observed in it. The windows' means are averaged with weights
that fall to 0 at a window's edges, and so are draws: those of one key have the noise of the same
tokens and the same random function of the prior in every window, so that where windows overlap they
agree but for what each has seen, and no variance is lost. A value depends on its place alone, not
on what else is asked.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self, final

import numpy as np
import torch
from torch import Tensor

from mamba_diffae.estimator.calibration import Calibration
from mamba_diffae.estimator.conditioned import ConditionedFields, nearest_distance
from mamba_diffae.estimator.drawing import ByFlow, Drawing, Ensemble
from mamba_diffae.estimator.fitted import FittedModel
from mamba_diffae.estimator.inputs import FIELDS_AT_ONCE, ConditioningBatch
from mamba_diffae.estimator.windowing import Windowing, in_parts, touching
from mamba_diffae.fields import FieldError, Observations
from mamba_diffae.models.config import DecoderInputs
from mamba_diffae.priors import PriorPosterior
from mamba_diffae.priors.kriging.family import Family
from mamba_diffae.priors.kriging.prior import KrigingPrior
from mamba_diffae.priors.kriging.regions import Regions, shared_family

_QUERIES = 2**20
"""Queries of all windows that are answered at once, at most, unless a single one has more."""
_LARGE = (
    "Some observations are averages over more than a window, and count only in those windows that "
    "hold their centre: the field need not have these averages. Observe smaller cells "
    "(observe(..., shape=data.grid.shape)), or fit with larger windows."
)
_BLIND = (
    "Some places that are asked for lie in windows in which nothing was observed: there the answer "
    "is the mean of the training fields, with their spread. Ask nearer to the observations, or fit "
    "with larger windows."
)


@final
@dataclass(frozen=True, eq=False)
class ConditionedWindows:
    """What is known of B fields on a large grid; see `ConditionedFields`.

    Attributes:
        model: The network, which has learned windows.
        windowing: Which windows there are.
        observations: Inside coordinates of the large grid, scaled values.
        drawing: Which draws are asked for.
        way: What makes them; None: there are none.
        numbers: Which fields they are, shape (B,).
        posterior: None: each window has one of its own.
    """

    model: FittedModel
    windowing: Windowing
    observations: Observations
    drawing: Drawing
    way: Ensemble | None
    numbers: Tensor
    posterior: PriorPosterior | None = None

    @classmethod
    def of(
        cls,
        model: FittedModel,
        batch: ConditioningBatch,
        decoder_inputs: DecoderInputs | None,
        drawing: Drawing,
        way: Ensemble | ByFlow | None,
    ) -> Self:
        """What is known of one batch.

        Raises:
            FieldError: If a latent, other decoder inputs or a flow's draws are asked for.
        """
        windowing = model.windowing
        assert windowing is not None
        if batch.observations is None or batch.latent is not None or decoder_inputs is not None:
            raise FieldError(
                "This model learned on windows: each has a latent of its own, so that a field is "
                "decoded from its observations alone; leave out latents and decoder inputs."
            )
        if isinstance(way, ByFlow):
            raise FieldError(
                "This model learned on windows, whose draws are made in one evaluation; leave out "
                "the solver, and train phase 'ensemble'."
            )
        seen = batch.observations.to("cpu")
        if not windowing.holds(seen):
            warnings.warn(_LARGE, stacklevel=8)
        return cls(model, windowing, seen, drawing, way, batch.numbers)

    @property
    def keys(self) -> Tensor:
        """Of the draws, shape (B, K)."""
        return self.drawing.keys(self.numbers)

    @property
    def calibration(self) -> Calibration | None:
        """Of the draws, or None."""
        return None if self.way is None else self.model.calibration

    def at(self, places: Tensor, way: object) -> Iterator[Tensor]:
        """The mean at places (1, N, D), then one draw after the other: each (B, N, C)."""
        count = 1 + (0 if way is None else self.drawing.count)

        def answers(fields: ConditionedFields, tokens: Tensor, asked: Tensor) -> Iterator[Tensor]:
            return fields.at(asked, None if self.way is None else replace(self.way, tokens=tokens))

        yield from self._blended(places, count, self.model.network.config.value_dim, answers)

    def prior_std(self, places: Tensor) -> Tensor:
        """The deviation that the prior states at places (1, N, D), shape (B, N, 1)."""

        def answers(fields: ConditionedFields, _: Tensor, asked: Tensor) -> Sequence[Tensor]:
            return [fields.prior_std(asked)]

        return self._blended(places, 1, 1, answers)[0]

    def trust(self) -> Tensor:
        """How draws were calibrated counts in full, (1, 1, 1): each window is gated by itself."""
        return torch.ones(1, 1, 1)

    def distance(self, places: Tensor) -> np.ndarray:
        """From the nearest observation at places (1, N, D), in widths of a native cell, (B, N)."""
        scaler = self.windowing.whole
        return nearest_distance(
            scaler.geometry, scaler.inside_grid.shape, self.observations, places[0]
        )

    @cached_property
    def _laws(self) -> list[Family | None]:
        """Laws of each field: its windows share them."""
        prior, windowing = self.model.network.prior, self.windowing
        assert isinstance(prior, KrigingPrior)
        starts = windowing.cover.starts()
        parts = [[windowing.observations(x, s) for s in starts] for x in self.observations.fields()]
        return [shared_family(prior, Observations.stack(windows)) for windows in parts]

    def _blended(
        self,
        places: Tensor,
        count: int,
        width: int,
        answers: Callable[[ConditionedFields, Tensor, Tensor], Iterator[Tensor] | Sequence[Tensor]],
    ) -> Tensor:
        """What is told at places (1, N, D) by all windows, shape (count, B, N, width).

        Warns:
            UserWarning: If nothing was observed in any window of a place.
        """
        cover, fields = self.windowing.cover, self.observations.fields()
        positions = self.windowing.positions(places[0])
        touched = touching(cover, positions)
        total = torch.zeros(count, len(fields), len(positions), width)
        mass = torch.zeros(len(positions))
        told_of = torch.zeros(len(fields), len(positions), dtype=torch.bool)
        for b, seen in enumerate(fields):
            for run in in_parts([len(rows) for _, rows in touched], _QUERIES, FIELDS_AT_ONCE):
                starts, rows = zip(*touched[run], strict=True)
                local = [cover.local(s, positions[at]) for s, at in zip(starts, rows, strict=True)]
                weights = [torch.from_numpy(cover.weight(x)).float() for x in local]
                known = self._window_fields(b, seen, starts)
                for at, there in zip(rows, _any_observed(known), strict=True):
                    told_of[b, at] |= there
                asked = _padded([self.windowing.coords(x) for x in local]).to(self.model.device)
                tokens = torch.stack([self.windowing.token_numbers(s) for s in starts])
                for k, told in enumerate(answers(known, tokens.to(asked.device), asked)):
                    for values, at, w in zip(told.cpu(), rows, weights, strict=True):
                        total[k, b, at] += w[:, None] * values[: len(at)].float()
                if not b:
                    for at, w in zip(rows, weights, strict=True):
                        mass[at] += w
        if not told_of.all():
            warnings.warn(_BLIND, stacklevel=8)
        return total / mass[:, None]

    def _window_fields(
        self, b: int, seen: Observations, starts: Sequence[np.ndarray]
    ) -> ConditionedFields:
        """Some windows of field b, encoded."""
        windowing, net = self.windowing, self.model.network
        parts = [windowing.observations(seen, start) for start in starts]
        known = Observations.stack(parts).to(self.model.device)
        batch = ConditioningBatch(known, None, self.numbers[b].repeat(len(starts)))
        origins = [windowing.origin(start, net.config.geometry) for start in starts]
        regions = Regions(origins, self._laws[b])
        return ConditionedFields.of(self.model, batch, None, self.drawing, self.way, regions)


def _any_observed(known: ConditionedFields) -> list[bool]:
    """Whether anything was observed of each field."""
    assert known.observations is not None
    return known.observations.mask.flatten(1).any(dim=1).tolist()


def _padded(parts: Sequence[Tensor]) -> Tensor:
    """Places of each (M, D) as one batch, short ones with their first place again."""
    longest = max(map(len, parts))
    return torch.stack([torch.cat([x, x[:1].expand(longest - len(x), -1)]) for x in parts])


Conditioned = ConditionedFields | ConditionedWindows
"""What is known of one batch, by a model of whole fields or of windows."""


def conditioned(
    model: FittedModel,
    batch: ConditioningBatch,
    decoder_inputs: DecoderInputs | None,
    drawing: Drawing,
    way: Ensemble | ByFlow | None,
) -> Conditioned:
    """What is known of one batch, by a model of whole fields or of windows."""
    kind = ConditionedFields if model.window is None else ConditionedWindows
    return kind.of(model, batch, decoder_inputs, drawing, way)


def window_latents(model: FittedModel, observations: Observations) -> Tensor:
    """Latents of every window of each field, shape (B, W, latent_dim).

    Args:
        model: Of windows.
        observations: Of B fields: inside coordinates of the large grid, scaled values.
    """
    windowing, net = model.windowing, model.autoencoder
    assert windowing is not None
    starts, found = windowing.cover.starts(), []
    for field in observations.to("cpu").fields():
        parts = [windowing.observations(field, start) for start in starts]
        for first in range(0, len(parts), FIELDS_AT_ONCE):
            seen = Observations.stack(parts[first : first + FIELDS_AT_ONCE])
            with torch.no_grad():
                found.append(net.encode(seen.to(model.device)).cpu())
    return torch.cat(found).reshape(len(observations), len(starts), -1)
