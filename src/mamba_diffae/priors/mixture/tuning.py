"""The numbers of a mixture, chosen by how well fields are told where they were not observed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from mamba_diffae.fields import FieldData, Observations
from mamba_diffae.priors.kriging.seen import Seen
from mamba_diffae.priors.mixture.calibration import learn_usual
from mamba_diffae.priors.mixture.familiarity import Reference
from mamba_diffae.priors.mixture.lattice import LatticeMap
from mamba_diffae.priors.mixture.learned import Learned
from mamba_diffae.priors.mixture.targets import Targets
from mamba_diffae.priors.mixture.trials import Trial, TrialFields
from mamba_diffae.priors.mixture.weights import ByCount

if TYPE_CHECKING:
    from mamba_diffae.priors.mixture.prior import MixturePrior

SHARES = (0.03, 0.1, 0.3, 0.5, 0.7, 0.9, 0.97)
LENGTHS = (1.0, 0.5, 0.25)
NEAR = (0.03, 0.1, 0.3, 1.0)
"""Values that are tried of each of `Numbers`."""
_TUNED = 24
"""Fields by which these are chosen, at each of three numbers of places."""


class Numbers(NamedTuple):
    """Dimensionless numbers of library and analogues.

    Attributes:
        share: λ of `HybridLaw`.
        length: Lengths of the residual's kernel as a share of kriging's.
        near: What the covariance of the analogues counts beside that of all.
        within: `HybridLaw.within`.
    """

    share: float = 0.5
    length: float = 1.0
    near: float = 0.3
    within: float = 0.0


def tune(
    prior: MixturePrior, data: FieldData | Observations, other: FieldData | Observations | None
) -> None:
    """Choose all numbers of a mixture whose kriging and exemplars are there.

    Args:
        prior: The mixture.
        data: Training fields, of which each has its own group hidden where they serve as trials.
        other: Validation fields; None: training fields serve.
    """
    tried = data if other is None else other
    if isinstance(tried, Observations):
        fields = TrialFields.of_points(tried)
    else:
        fields = TrialFields.of_fields(tried, prior.config)
    hide = other is None
    within = 0.0 if isinstance(data, Observations) else variance_within(prior, data)
    numbers = choose_numbers(prior, fields, hide, Numbers(within=within))
    prior.numbers.copy_(torch.tensor(numbers, dtype=torch.float64))
    usual, reference = learn_usual(prior, fields, hide)
    for name, part in zip(ByCount._fields, usual, strict=True):
        getattr(prior, f"usual_{name}").copy_(part)
    for name, part in zip(Reference._fields, reference, strict=True):
        getattr(prior, f"reference_{name}").copy_(part)


def variance_within(prior: MixturePrior, data: FieldData) -> float:
    """Variance of points around what interpolation between the lattice's cells says.

    Estimated from native cells where they are finer than the lattice; mean over the variables, in
    units of the usual deviation.
    """
    fields = data.take(slice(0, min(len(data), 32)))
    coarse = fields.at(fields.grid.regrid(prior.config.shape))
    low = torch.tensor([axis.low for axis in data.grid.axes], dtype=torch.float64)
    centres = torch.from_numpy(fields.grid.centres()) - low
    sides = torch.from_numpy(fields.grid.supports())
    step = max(1, len(centres) // 2048)
    at, support = centres[::step], sides[::step]
    cells = Targets.of(prior.config, at, support).cells
    extent = torch.tensor(prior.config.geometry.extent) / torch.tensor(prior.config.shape)
    finer = (1 - (support / extent).mean(dim=1)).clamp(0, 1)
    if float(finer.mean()) < 0.1:
        return 0.0
    values = torch.from_numpy(fields.values).double().flatten(1, -2)[:, ::step]
    known = torch.from_numpy(fields.valid_mask().copy()).flatten(1, -2)[:, ::step]
    there = torch.from_numpy(coarse.values).double().flatten(1, -2).permute(1, 2, 0)
    whole = torch.from_numpy(coarse.valid_mask().copy()).flatten(1, -2).permute(1, 2, 0).double()
    counted = (cells(whole) > 0.999).permute(2, 0, 1) & known
    error = ((values - cells(there).permute(2, 0, 1)) / prior.kriging.deviation).square()
    return float((error * counted).sum() / (finer[:, None] * counted).sum().clamp(min=1e-9))


def choose_numbers(prior: MixturePrior, fields: TrialFields, hide: bool, start: Numbers) -> Numbers:
    """One number after the other, by the errors of library and analogues where not observed."""
    counts = sorted({max(1, round(fields.most * share)) for share in (0.03, 0.15, 0.6)})
    trials = [trial for count in counts for trial in fields.trials(count, _TUNED)]
    if not trials:
        return start

    prepared = [[*_prepared(prior, trial, hide)] for trial in trials]
    found: dict[Numbers, tuple[float, float]] = {}

    def score(numbers: Numbers) -> tuple[float, float]:
        if numbers not in found:
            found[numbers] = _score(prior, prepared, numbers)
        return found[numbers]

    def best(candidates: Iterable[Numbers], of: Callable[[tuple[float, float]], float]) -> Numbers:
        return min(candidates, key=lambda numbers: of(score(numbers)))

    numbers = start
    for _ in range(2):
        numbers = best((numbers._replace(share=v) for v in SHARES), sum)
        numbers = best((numbers._replace(length=v) for v in LENGTHS), sum)
        numbers = best((numbers._replace(near=v) for v in NEAR), lambda pair: pair[1])
    return numbers


class Prepared(NamedTuple):
    """What of a trial does not depend on the numbers."""

    trial: Trial
    seen: Seen
    hidden: Tensor | None
    distance: Tensor
    targets: Targets


def _prepared(prior: MixturePrior, trial: Trial, hide: bool) -> Iterator[Prepared]:
    law, targets = prior.law(), Targets.of(prior.config, trial.coords, trial.support)
    assert law is not None
    for part in trial.alike():
        seen = prior.reduced(prior.kriging.see(part.observations))
        hidden = prior.hidden(part.groups) if hide else None
        rows = LatticeMap.of(prior.config, seen.coords, seen.support)[seen.reading]
        distance = prior.library().distances(seen.values, rows, seen.kind)
        if hidden is not None:
            distance = distance.masked_fill(hidden, torch.inf)
        yield Prepared(part, seen, hidden, distance, targets)


def _score(
    prior: MixturePrior, trials: list[list[Prepared]], numbers: Numbers
) -> tuple[float, float]:
    """Mean logarithm of the errors of library and of analogues, each trial counting alike."""
    law, logs = prior.law(numbers), torch.zeros(2, dtype=torch.float64)
    assert law is not None
    for trial in trials:
        total = torch.zeros(2, dtype=torch.float64)
        count = 0
        for part, seen, hidden, distance, targets in trial:
            learned = Learned(
                prior.library(), law, numbers.near, seen, prior.config, hidden, distance
            )
            error = learned.mean(learned.at(targets), targets)[:2] - part.truth(prior.kriging)
            known = part.known.permute(1, 2, 0)
            total += (error.square() * known).sum(dim=(1, 2, 3))
            count += int(known.sum())
        logs += (total / max(count, 1)).clamp(min=1e-12).log()
    return float(logs[0]) / len(trials), float(logs[1]) / len(trials)
