"""A training, and what its encoder misses field by field: made once, found again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

import numpy as np

from mamba_diffae.benchmark.suite.errors import FieldErrors, deviations, field_errors
from mamba_diffae.estimator import FieldAutoencoder
from mamba_diffae.training import Run
from studies.common.cache import cached_arrays, weights_digest
from studies.common.candidates import fields_seen, steps_made
from studies.scan.cases import Measure
from studies.scan.plan import CaseFolder, Planned

FILE = "measured.npz"
"""In the run folder of a training."""
_AT_ONCE = 16
"""Fields that are predicted together."""


@final
@dataclass(frozen=True, eq=False)
class Measured:
    """One training and its errors.

    Attributes:
        planned: Which.
        squared: Sum of squared errors of each field over its unobserved cells and variables, each
            variable divided by its deviation, by measure, shape (S,).
        weight: Weight of those cells, likewise.
        groups: Of the fields, shape (S,).
        parameters: Weights of the network.
        steps: Updates.
        fields: That were learned from, each time they came.
        seconds: Of processor time.
        curve: Fields seen and validation PSNR in dB, shape (V, 2).
    """

    planned: Planned
    squared: Mapping[Measure, np.ndarray]
    weight: Mapping[Measure, np.ndarray]
    groups: np.ndarray
    parameters: int
    steps: int
    fields: int
    seconds: float
    curve: np.ndarray

    def mse(self, measure: Measure) -> float:
        """Mean squared error over all fields, in variances."""
        return float(self.squared[measure].sum() / self.weight[measure].sum())


def train_and_measure(folder: CaseFolder, planned: Planned) -> None:
    """Train, or go on with that, and score; what is done is found again."""
    training, truth = folder.training(planned), folder.truth
    facts = {"native_shape": list(truth.shape)}
    if folder.case.stations:
        seen = folder.stations.observations()
        training.fit(seen, facts, grid=truth.grid, variables=truth.variables)
    else:
        training.fit(truth, facts)
    measure(folder, planned)


def measure(folder: CaseFolder, planned: Planned) -> Measured:
    """Errors of a finished training, from its folder or made and stored there."""
    training, case = folder.training(planned), planned.case
    run = Run.open(training.folder)
    model = FieldAutoencoder.from_pretrained(training.folder, device=folder.request.device)
    network, test = model.fitted.network, folder.test
    key = {"weights": weights_digest(network), "seed": folder.request.seed, "count": len(test)}
    key |= {"measures": [repr(m) for m in case.measures], "shape": case.observed_shape}
    found = cached_arrays(training.folder / FILE, key, lambda: _errors(folder, model))
    (steps,) = steps_made(run).values()
    fields = fields_seen(run)
    rows = [(r["step"], r["validation"]["psnr"]) for r in run.metrics() if "validation" in r]
    return Measured(
        planned,
        {m: found[f"{m.name} squared"] for m in case.measures},
        {m: found[f"{m.name} weight"] for m in case.measures},
        found["groups"],
        sum(p.numel() for p in network.parameters()),
        steps,
        fields,
        sum(run.facts["elapsed"].values()),
        np.array(rows).reshape(-1, 2) * [fields / steps, 1],
    )


def _errors(folder: CaseFolder, model: FieldAutoencoder) -> dict[str, np.ndarray]:
    found = {"groups": folder.test.groups}
    for asked in folder.case.measures:
        errors = _measured(folder, model, asked)
        found[f"{asked.name} squared"] = errors.squared.sum(axis=1)
        found[f"{asked.name} weight"] = errors.weight.sum(axis=1)
    return found


def _measured(folder: CaseFolder, model: FieldAutoencoder, asked: Measure) -> FieldErrors:
    """Errors by one measure."""
    test, parts = folder.test, []
    deviation = deviations(folder.truth.split("train"))
    seen = asked.observe(
        test, None if folder.quick else folder.case.observed_shape, folder.request.seed
    )
    for i in range(0, len(test), _AT_ONCE):
        part = slice(i, min(i + _AT_ONCE, len(test)))
        truth = test.take(part)
        prediction = model.predict(seen[part], truth.grid, decoder_inputs=asked.inputs)
        parts.append(field_errors(prediction, truth, seen[part], deviation))
    return FieldErrors.join(*parts)
