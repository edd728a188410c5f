"""What is scored: the prior by itself, and a model; and how foreign fields reach it."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol, final

import numpy as np

from mamba_diffae.benchmark.suite import ForeignMethod, Home, PriorMethod
from mamba_diffae.benchmark.suite.cache import code_version
from mamba_diffae.estimator import FieldAutoencoder
from mamba_diffae.fields import (
    FieldData,
    Grid,
    Observations,
    Prediction,
    UnfamiliarFieldsWarning,
)
from studies.common.cache import fields_digest, weights_digest

PRIOR = "mixture"
"""The default prior, which states a familiarity."""
_SCORED = ("fields", "benchmark/suite/errors.py", "benchmark/suite/foreign.py")
_OF_PRIOR = (*_SCORED, "priors", "estimator/scaling.py", "benchmark/suite/prior_method.py")
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
class FamiliarityMethod:
    """A method that is scored.

    Attributes:
        label: As tables name it.
        home: Where it was fitted.
        version: What its answers depend on, beside the fields that it is asked about.
        make: Fits or opens the method, when it is first asked.
    """

    label: str
    home: Home
    version: str
    make: Callable[[], Stating]

    @cached_property
    def _stating(self) -> Stating:
        return self.make()

    def predict(self, observations: Observations, targets: Grid | np.ndarray, /) -> Prediction:
        """See `Stating.predict`; the user's warning is not given, it is what is measured."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UnfamiliarFieldsWarning)
            return self._stating.predict(observations, targets)

    def elsewhere(self, data: FieldData) -> ForeignMethod | None:
        """The method asked about fields of another family; None if it cannot be."""
        return ForeignMethod.of(self, self.home, data)


def p_values(found: Prediction) -> np.ndarray:
    """The familiarity of the fields of a prediction, shape (B,).

    Raises:
        NoFamiliarityError: If none is stated.
    """
    if found.familiarity is None:
        raise NoFamiliarityError(
            "The model states no familiarity: its prior knows none. Give one whose prior is "
            f"{PRIOR!r}, the default of `mamba-diffae fit`, or leave --model out."
        )
    return found.familiarity


def prior_alone(data: FieldData) -> FamiliarityMethod:
    """The default prior by itself, fitted on the fields of the home family.

    Args:
        data: Its fields, with splits.
    """
    version = f"{code_version(*_OF_PRIOR)}-{fields_digest(data)}"
    home = Home(data.grid, data.variables)
    return FamiliarityMethod(f"{PRIOR} prior", home, version, lambda: PriorMethod(PRIOR).fit(data))


def given_model(model: FieldAutoencoder) -> FamiliarityMethod:
    """A trained model, network and all."""
    version = f"{code_version(*_OF_MODEL)}-{weights_digest(model.fitted.network)}"
    return FamiliarityMethod("model", Home(model.grid, model.variables), version, lambda: model)
