"""A prior by itself as a method of reconstruction: units and coordinates at its door."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar, Self, final

import numpy as np
import torch
from torch import Tensor

from mamba_diffae.benchmark.suite.cache import SCORING, code_version
from mamba_diffae.benchmark.suite.candidates import Candidate
from mamba_diffae.benchmark.suite.families import Family
from mamba_diffae.benchmark.suite.foreign import ForeignMethod, Home
from mamba_diffae.estimator.scaling import FieldScaler
from mamba_diffae.evaluation import Baseline, Predictor
from mamba_diffae.fields import (
    LATTICE_LIMIT,
    FieldData,
    Grid,
    NotFittedError,
    Observations,
    Prediction,
    Query,
)
from mamba_diffae.priors import PRIORS, Prior, PriorConfig

_CODE = ("fields", "priors", "estimator/scaling.py", "benchmark/suite/prior_method.py", *SCORING)
"""What the errors of a prior depend on, beside the fields."""
_FOREIGN = ("benchmark/suite/foreign.py", "sources")
_EXEMPLARS = 4096
"""Training fields that a prior keeps, at most; as in training by default."""


@final
class PriorMethod(Baseline):
    """What a prior says of fields, without a network.

    Args:
        prior: The name of a registered one.
        exemplars: Training fields that it keeps, at most.
    """

    name: ClassVar[str] = "prior alone"

    def __init__(self, prior: str = "kriging", exemplars: int = _EXEMPLARS) -> None:
        self.kind, self.exemplars = PRIORS.get(prior), exemplars
        self._fitted: tuple[FieldScaler, Prior] | None = None

    def fit(self, data: FieldData) -> Self:
        """Learn from training fields, with gaps or without, and choose numbers by validation ones.

        Args:
            data: With splits; those of "test" do not count.
        """
        train = data.split("train")
        other = data.split("val") if (data.splits == "val").any() else None
        scaler = FieldScaler.of(train)
        config = PriorConfig(
            geometry=scaler.geometry,
            shape=scaler.inside_grid.lattice_shape(LATTICE_LIMIT),
            value_dim=train.n_variables,
            exemplars=min(self.exemplars, len(train)),
            mirrored=train.mirrored,
        )
        prior = self.kind(config)
        prior.fit(scaler.data(train), None if other is None else scaler.data(other))
        self._fitted = scaler, prior
        return self

    def predict(self, observations: Observations, targets: Grid | np.ndarray) -> Prediction:
        """See `Baseline.predict`; states the fields' familiarity too, if the prior knows it.

        Raises:
            NotFittedError: Before `fit`.
        """
        if self._fitted is None:
            raise NotFittedError("A prior learns from fields; call fit(data) first.")
        scaler, prior = self._fitted
        query = Query.of(targets, scaler.grid)
        seen, places = scaler.observations(observations), scaler.places(query.coords)
        z, std, familiarity = _answer(prior, seen, places)
        pairs = [
            variable.transform.moments(z[..., c], std[..., c])
            for c, variable in enumerate(scaler.variables)
        ]
        mean, spread = (np.stack(part, axis=-1) for part in zip(*pairs, strict=True))
        # The deviation of an average over cells is at most the mean of theirs.
        found = Prediction.of_mean(query.finish(mean), query.finish(spread), query.grid)
        return replace(found, familiarity=familiarity)


def prior_candidate(prior: str) -> Candidate:
    """A prior by itself, fitted on the training fields of each family.

    Args:
        prior: The name of a registered one.

    Raises:
        ValueError: If it is unknown; it names the nearest.
    """
    PRIORS.get(prior)
    return Candidate(
        f"{prior} prior",
        lambda data: PriorMethod(prior).fit(data),
        version=code_version(*_CODE),
    )


def foreign_prior_candidate(prior: str, family: Family) -> Candidate:
    """A prior by itself, fitted on the training fields of one family and asked about all others.

    It is asked about families of as many variables, or of one; see `ForeignMethod`.

    Args:
        prior: The name of a registered one.
        family: From which it learns.
    """
    fitted: list[tuple[Predictor, Home]] = []

    def fit(data: FieldData) -> Predictor | None:
        if not fitted:
            own = family.open()
            fitted.append((PriorMethod(prior).fit(own), Home(own.grid, own.variables)))
        return ForeignMethod.of(*fitted[0], data)

    key, version = f"{prior} prior from {family.name}", code_version(*_CODE, *_FOREIGN)
    return Candidate(key, fit, "foreign", version, frozenset({family.name}))


def _answer(
    prior: Prior, seen: Observations, places: Tensor
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Scaled mean and deviation (B, N, C) at inside places (1, N, D), and the familiarity (B,)."""
    # Closed forms answer at any place; other priors on their lattice alone.
    if type(prior).condition is not Prior.condition:
        posterior = prior.condition(seen)
        mean, std = posterior.mean_std(places[0])
    else:
        posterior = prior.posterior(seen)
        cells = _cells(prior.config, places[0])
        mean = posterior.mean[:, cells]
        std = posterior.std[:, cells].expand(mean.shape)
    p = posterior.familiarity
    return mean.double().numpy(), std.double().numpy(), None if p is None else p.double().numpy()


def _cells(config: PriorConfig, places: Tensor) -> Tensor:
    """Number of the lattice cell around each place, shape (N,)."""
    shape = torch.tensor(config.shape)
    index = (places / torch.tensor(config.geometry.extent) * shape).floor().long()
    index = torch.minimum(index.clamp(min=0), shape - 1)
    flat = torch.zeros_like(index[:, 0])
    for d, n in enumerate(config.shape):
        flat = flat * n + index[:, d]
    return flat
