"""The methods that are given the same readings: the model, as it is, and the simple ones."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import final

import numpy as np

from mamba_diffae.benchmark.verification.climatology import Climatology
from mamba_diffae.benchmark.verified import CLIMATOLOGY, KRIGING, LEVEL, MODEL
from mamba_diffae.estimator import FieldAutoencoder, PriorDrawsWarning
from mamba_diffae.evaluation import Baseline, GappyPOD, Kriging, Linear, Method, Nearest
from mamba_diffae.fields import (
    FieldData,
    FieldError,
    Grid,
    Observations,
    Prediction,
    UnfamiliarFieldsWarning,
)
from mamba_diffae.fields.functional import tails

OURS = Method(MODEL, "the model", "network")
SIMPLE: tuple[tuple[Method, Callable[[], Baseline]], ...] = (
    (Method("nearest"), Nearest),
    (Method("linear"), Linear),
    (Method(KRIGING, "kriging"), Kriging),
    (Method("gappy-pod", "EOF filling (gappy POD)"), GappyPOD),
    (Method(CLIMATOLOGY), Climatology),
)
"""What stands beside a model. Kriging is optimal interpolation; EOF filling is as DINEOF does."""


@final
@dataclass(frozen=True, eq=False)
class ModelMethod:
    """A fitted model, asked for some of its variables.

    Attributes:
        model: Fitted; it is not trained anew.
        columns: Which of its variables, by their numbers.
        n_draws: Draws of each snapshot; 0: the mean alone.
        seed: Of the draws.
        notes: What it warned of, in sentences; it grows.
        warned: The kinds of warnings that are among them.
    """

    model: FieldAutoencoder
    columns: Sequence[int]
    n_draws: int
    seed: int
    notes: list[str]
    warned: set[type[Warning]] = field(default_factory=set)

    def predict(self, observations: Observations, targets: Grid | np.ndarray) -> Prediction:
        """See `Predictor.predict`; with the quantiles of the 90 % interval, if it draws."""
        levels = tails(LEVEL) if self.n_draws else ()
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            found: Prediction = self.model.predict(
                observations, targets, self.n_draws, quantiles=levels, seed=self.seed
            )
        self._keep(told)
        some = list(self.columns)
        stated, quantiles = found.stated_std, found.quantiles
        return replace(
            found,
            mean=found.mean[..., some],
            draws=found.draws[..., some],
            stated_std=None if stated is None else stated[..., some],
            quantiles=None if quantiles is None else quantiles[..., some],
            variables=(),
        )

    def _keep(self, told: Sequence[warnings.WarningMessage]) -> None:
        """One note of each kind of warning about the model; others are warned of as they were."""
        for each in told:
            if issubclass(each.category, UnfamiliarFieldsWarning | PriorDrawsWarning):
                if each.category not in self.warned:
                    self.notes.append(f"The model warned: {each.message}")
                self.warned.add(each.category)
            else:
                warnings.warn_explicit(each.message, each.category, each.filename, each.lineno)


def fitted_simple(
    data: FieldData, notes: list[str], on_fit: Callable[[], None]
) -> dict[Method, Baseline]:
    """The simple methods, each learned from the same data; what cannot learn from them is noted.

    Args:
        data: Fields with gaps.
        notes: Takes a sentence on each method that is left out.
        on_fit: Called after each.
    """
    found = {}
    for method, make in SIMPLE:
        try:
            found[method] = make().fit(data)
        except FieldError as error:
            note = f"{method} is left out: it cannot learn from these data ({error})"
            if not any(told.startswith(f"{method} is left out") for told in notes):
                notes.append(note)
        on_fit()
    return found
