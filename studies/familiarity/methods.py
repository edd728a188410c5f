"""What states a familiarity: the prior by itself, and a model; and how foreign fields reach it."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Protocol, Self, final

import numpy as np

from mamba_diffae.benchmark.suite import ForeignMethod, Home
from mamba_diffae.benchmark.suite.cache import code_version
from mamba_diffae.estimator import FieldAutoencoder
from mamba_diffae.estimator.scaling import FieldScaler
from mamba_diffae.fields import (
    LATTICE_LIMIT,
    FieldData,
    Grid,
    Observations,
    Prediction,
    Query,
    UnfamiliarFieldsWarning,
)
from mamba_diffae.priors import PRIORS, Prior, PriorConfig
from studies.common.cache import fields_digest, weights_digest

PRIOR = "mixture"
"""The default prior, which states a familiarity."""
_EXEMPLARS = 4096
"""Training fields that it keeps, at most; as in training by default."""
_SCORED = ("fields", "benchmark/suite/errors.py", "benchmark/suite/foreign.py")
_OF_PRIOR = (*_SCORED, "priors", "estimator/scaling.py")
_OF_MODEL = (*_SCORED, "priors", "scan", "nn", "flow", "models", "estimator")
"""What answers depend on, beside fields and weights."""


@final
class NoFamiliarityError(ValueError):
    """A model was given that states no familiarity."""


class Stating(Protocol):
    """What answers on a grid or at places, and states a familiarity."""

    def predict(self, observations: Observations, targets: Grid | np.ndarray, /) -> Prediction:
        """See `Predictor.predict`; the p-values are shape (B,)."""
        ...


@final
@dataclass(frozen=True, eq=False)
class PriorAlone:
    """The default prior without a network; its mean is that of `PriorMethod`.

    Attributes:
        scaler: Of the fields that it was fitted on.
        prior: Fitted.
    """

    scaler: FieldScaler
    prior: Prior

    @classmethod
    def fit(cls, data: FieldData) -> Self:
        """Learn from training fields, and choose numbers by validation ones.

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
            exemplars=min(_EXEMPLARS, len(train)),
            mirrored=train.mirrored,
        )
        prior = PRIORS.get(PRIOR)(config)
        prior.fit(scaler.data(train), None if other is None else scaler.data(other))
        return cls(scaler, prior)

    def predict(self, observations: Observations, targets: Grid | np.ndarray, /) -> Prediction:
        """See `Stating.predict`."""
        query = Query.of(targets, self.scaler.grid)
        seen = self.scaler.observations(observations)
        places = self.scaler.places(query.coords)[0]
        z, std = (x.double().numpy() for x in self.prior.condition(seen).mean_std(places))
        mean = [
            variable.transform.moments(z[..., c], std[..., c])[0]
            for c, variable in enumerate(self.scaler.variables)
        ]
        found = Prediction.of_mean(query.finish(np.stack(mean, axis=-1)), grid=query.grid)
        p = self.prior.posterior(seen).familiarity
        return replace(found, familiarity=None if p is None else p.cpu().numpy())


@final
@dataclass(eq=False)
class Recorder:
    """A method whose last familiarity is kept, since `ForeignMethod` answers without it.

    Attributes:
        make: Fits or opens the method, when it is first asked.
        familiarity: Of the fields that it was asked about last, shape (B,).
    """

    make: Callable[[], Stating]
    familiarity: np.ndarray = field(default_factory=lambda: np.zeros(0))

    @cached_property
    def stating(self) -> Stating:
        """The method."""
        return self.make()

    def predict(self, observations: Observations, targets: Grid | np.ndarray, /) -> Prediction:
        """See `Stating.predict`; the user's warning is not given, it is what is measured.

        Raises:
            NoFamiliarityError: If none is stated.
        """
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UnfamiliarFieldsWarning)
            found = self.stating.predict(observations, targets)
        if found.familiarity is None:
            raise NoFamiliarityError(
                "The model states no familiarity: its prior knows none. Give one whose prior is "
                f"{PRIOR!r}, the default of `mamba-diffae fit`, or leave --model out."
            )
        self.familiarity = found.familiarity
        return found


@final
@dataclass(frozen=True, eq=False)
class FamiliarityMethod:
    """A method that is scored.

    Attributes:
        label: As tables name it.
        home: Where it was fitted.
        version: What its answers depend on, beside the fields that it is asked about.
        recorder: The method.
    """

    label: str
    home: Home
    version: str
    recorder: Recorder

    def elsewhere(self, data: FieldData) -> ForeignMethod | None:
        """The method asked about fields of another family; None if it cannot be."""
        return ForeignMethod.of(self.recorder, self.home, data)


def prior_alone(data: FieldData) -> FamiliarityMethod:
    """The default prior by itself, fitted on the fields of the home family.

    Args:
        data: Its fields, with splits.
    """
    version = f"{code_version(*_OF_PRIOR)}-{fields_digest(data)}"
    home = Home(data.grid, data.variables)
    return FamiliarityMethod(
        f"{PRIOR} prior", home, version, Recorder(lambda: PriorAlone.fit(data))
    )


def given_model(model: FieldAutoencoder) -> FamiliarityMethod:
    """A trained model, network and all."""
    version = f"{code_version(*_OF_MODEL)}-{weights_digest(model.fitted.network)}"
    return FamiliarityMethod(
        "model", Home(model.grid, model.variables), version, Recorder(lambda: model)
    )
