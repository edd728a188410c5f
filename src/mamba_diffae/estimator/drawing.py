"""How a fitted model draws: by its ensemble decoder, its flow, or its prior alone."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, final

import numpy as np
import torch
from torch import Tensor

from mamba_diffae.estimator.fitted import FittedModel
from mamba_diffae.fields.errors import FieldError, ValuesError
from mamba_diffae.fields.functional import draws_needed
from mamba_diffae.flow import fold
from mamba_diffae.models.autoencoder import MambaDiffusionAutoencoder
from mamba_diffae.models.base import FieldFlow
from mamba_diffae.models.drawing import draws
from mamba_diffae.models.inference import solve_flow

QUANTILE_DRAWS = 40
"""Draws of which quantiles are made, at least."""
MOST_DRAWS = 10_000
"""Draws that are made for quantiles without being asked for, at most."""
STEPS = 20
"""Steps of a solver, where they are not given."""
_BITS = 2**63


@final
class PriorDrawsWarning(UserWarning):
    """A model draws by its prior alone, since it has not learned to draw.

    >>> import warnings
    >>> warnings.simplefilter("ignore", category=PriorDrawsWarning)
    """


@final
@dataclass(frozen=True)
class Drawing:
    """Which draws are asked for.

    Attributes:
        asked: How many are wanted.
        seed: Draw s of field b has the key (seed + s, b).
        solver: Of the flow: "heun", "euler" or "stochastic"; None: in one evaluation, if the model
            has learned that.
        steps: Steps of the solver; None: `STEPS`.
        levels: Probabilities of the quantiles that are wanted, ascending.

    Raises:
        ValuesError: If the number is negative, a seed has more than 64 bits, or levels do not
            ascend within (0, 1).
        FieldError: If a solver or its steps are given, but no draws are asked for.
    """

    asked: int
    seed: int
    solver: str | None = None
    steps: int | None = None
    levels: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if not isinstance(self.asked, int | np.integer) or self.asked < 0:
            raise ValuesError(
                f"n_draws is {self.asked!r}; give the number of draws, a whole number, 0 or more."
            )
        object.__setattr__(self, "asked", int(self.asked))  # of 16 bits, it would overflow
        if not (np.diff([0.0, *self.levels, 1.0]) > 0).all():
            raise ValuesError(
                f"quantiles are {', '.join(f'{level:g}' for level in self.levels)}; give ascending "
                "probabilities between 0 and 1, such as (0.05, 0.5, 0.95)."
            )
        if self.levels and self.count > max(self.asked, MOST_DRAWS):
            raise ValuesError(
                f"The quantiles {', '.join(f'{level:g}' for level in self.levels)} take "
                f"{self.count:,} draws, more than the {MOST_DRAWS:,} that are made for quantiles; "
                "give levels nearer to 0.5, or ask for so many draws by n_draws."
            )
        whole = isinstance(self.seed, int | np.integer)
        if not whole or not -_BITS <= self.seed <= _BITS - 1 - self.count:
            raise ValuesError(
                f"The seed is {self.seed}; give a whole number of 64 bits, between -2^63 and "
                f"2^63 - 1 - {self.count} for {self.count} draws."
            )
        if not self.count and (self.solver, self.steps) != (None, None):
            given = {"solver": self.solver, "steps": self.steps}
            said = " and ".join(f"{k}={v!r}" for k, v in given.items() if v is not None)
            raise FieldError(
                f"{said} was given, which is of draws, and none are asked for; ask for them by "
                "n_draws=16, for one, or leave it out."
            )

    @property
    def count(self) -> int:
        """Draws that are made, K: for quantiles more than are wanted."""
        if not self.levels:
            return self.asked
        return max(self.asked, QUANTILE_DRAWS, draws_needed(self.levels))

    def way(self, model: FittedModel) -> Ensemble | ByFlow:
        """What makes the draws; a model that has not learned to draw asks its prior.

        Raises:
            FieldError: If the model cannot draw, or has no flow and a solver was given.
        """
        net, flows = model.network, "flow" in model.phases
        if self.solver is not None and not flows:
            raise FieldError(
                f"The solver {self.solver!r} is of the flow, which this model has not learned; "
                "leave it out, or train phase 'flow'."
            )
        if flows and (self.solver is not None or not net.writes_draws):
            steps = STEPS if self.steps is None else self.steps
            return ByFlow(net, self.solver or "heun", steps)
        if net.writes_draws:
            assert isinstance(net, MambaDiffusionAutoencoder)
            return Ensemble(net)
        return Ensemble(_by_prior(net))

    def warn_of_prior(self, model: FittedModel) -> None:
        """Warn of draws that were made by the prior alone.

        Warns:
            PriorDrawsWarning: As said.
        """
        if self.count and not (model.network.writes_draws or "flow" in model.phases):
            warnings.warn(
                "This model has not learned to draw: its draws are those of its prior, through "
                "the decoder of the mean. Train phase 'ensemble' for better ones.",
                PriorDrawsWarning,
                stacklevel=4,
            )

    def keys(self, numbers: Tensor) -> Tensor:
        """Keys of all draws of fields, shape (B, K), int64.

        Args:
            numbers: Which fields they are, whatever batch they come in, shape (B,).
        """
        seeds = self.seed + torch.arange(self.count, device=numbers.device)
        return fold(seeds.expand(len(numbers), -1), numbers[:, None])


def quantile_levels(given: object) -> tuple[float, ...]:
    """Probabilities of quantiles as numbers.

    Raises:
        ValuesError: If they are no list of numbers.
    """
    try:
        return tuple(float(level) for level in given)  # pyright: ignore[reportGeneralTypeIssues]
    except (TypeError, ValueError):
        raise ValuesError(
            f"quantiles are {given!r}; give a list of probabilities, such as (0.05, 0.5, 0.95)."
        ) from None


def _by_prior(net: FieldFlow) -> MambaDiffusionAutoencoder:
    """The network, if its prior can draw for it."""
    if not isinstance(net, MambaDiffusionAutoencoder) or net.prior.empty:
        raise FieldError(
            "This model cannot draw: it has neither learned draws nor a prior; train phase "
            "'ensemble', or leave out draws and quantiles."
        )
    return net


class DrawWriter(Protocol):
    """What makes draws of fields whose context is known."""

    def draws(self, context: Any, asked: Tensor, keys: Tensor) -> Iterator[Tensor]:
        """See `Ensemble.draws`."""
        ...


@final
@dataclass(frozen=True)
class Ensemble:
    """By the decoder of draws: one evaluation each, what was observed encoded once.

    Attributes:
        net: The network.
        tokens: By which its tokens' noise is keyed; see `EnsembleDecoder.member`.
    """

    net: MambaDiffusionAutoencoder
    tokens: Tensor | None = None
    evaluations: ClassVar[int] = 1

    def draws(self, context: Any, asked: Tensor, keys: Tensor) -> Iterator[Tensor]:
        """Draws of one batch, each (B, N, C), scaled: see `models.drawing.draws`.

        Args:
            context: What is known of the fields, encoded.
            asked: Where, shape (B, N, D).
            keys: Shape (B, K).

        Raises:
            FieldError: If the prior alone would draw, and no point is read.
        """
        if context.points is None and not self.net.writes_draws:
            raise FieldError(
                "From a latent alone this model cannot draw: it has not learned to, and a latent "
                "has no draws of a prior; train phase 'ensemble', or ask for the mean."
            )
        of_prior = None if context.points is None else context.points.posterior.draws
        return draws(self.net, context, asked, keys, of_prior, self.tokens)


@final
@dataclass
class ByFlow:
    """By integrating the flow."""

    net: FieldFlow
    solver: str
    steps: int
    evaluations: int = 0

    def draws(self, context: Any, asked: Tensor, keys: Tensor) -> Iterator[Tensor]:
        """See `Ensemble.draws`."""
        options = {"solver": self.solver, "steps": self.steps}
        for k in range(keys.shape[1]):
            solution = solve_flow(self.net, context, asked, keys[:, k], **options)
            self.evaluations = solution.evaluations
            yield solution.x
