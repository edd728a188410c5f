"""Kriging of fields that were observed alike, averaged over their probable laws."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple, final

import torch
from torch import Tensor

from mamba_diffae.fields import Geometry
from mamba_diffae.priors.kriging.family import Family
from mamba_diffae.priors.kriging.gaussian import (
    Moments,
    Solved,
    errors,
    predict,
    solve,
    solve_again,
)
from mamba_diffae.priors.kriging.likelihood import Sample, best_variance, variance_of
from mamba_diffae.priors.kriging.neighbourhoods import EXACT, condition
from mamba_diffae.priors.kriging.readings import Boxes
from mamba_diffae.priors.kriging.search import Choice
from mamba_diffae.priors.kriging.seen import Seen
from mamba_diffae.priors.leave_out import Folds, Precision, errors_left_out


class LawOfFields(NamedTuple):
    """One law, and what it is to each of F fields.

    Attributes:
        choice: The law.
        weight: Probability for each variable, shape (C, F).
        moments: Under which readings are conditioned.
    """

    choice: Choice
    weight: Tensor
    moments: Moments


class Stationary(NamedTuple):
    """Fields of stationary covariance, before any observation.

    Attributes:
        family: Laws.
        geometry: Of the region.
        between: Correlation of the variables, shape (C, C).
        trend: Variance of a field's mean as a ratio to its variance, shape (C,).
        most: Laws of a variable that are averaged over, at most.
    """

    family: Family
    geometry: Geometry
    between: Tensor
    trend: Tensor
    most: int


@final
class JointlyKriged:
    """Variables with one factor of places, given what was seen of them.

    Args:
        seen: The observations, in units of the usual deviation.
        fields: What is known before.
    """

    def __init__(self, seen: Seen, fields: Stationary) -> None:
        self.seen, self.fields = seen, fields
        self._few = Sample([part.thinned(EXACT) for part in seen.sample.parts], seen.sample.fields)
        self._solved: dict[int, Solved] = {}
        self._variances: dict[int, Tensor] = {}
        self._left_out: dict[int, tuple[Folds, Tensor]] = {}
        columns = seen.variables if seen.together else 1
        weighed = fields.family.weigh(seen.sample, fields.geometry, fields.most, columns)
        self.laws = [self._law(*pair) for pair in weighed]
        self.weights = torch.stack([law.weight for law in self.laws])

    def _law(self, choice: Choice, weight: Tensor) -> LawOfFields:
        fixed = 1.0 if choice.variance is None else choice.variance
        C = fixed * (torch.ones(1, 1).double() if self.seen.together else self.fields.between)
        scale = choice.law.scale(self.fields.geometry)
        # Variables with one factor were all observed, and know as much of their means.
        root = self.fields.trend[: len(C)].sqrt()
        moments = Moments(choice.law, scale, C, (root[:, None] * C * root).inverse())
        return LawOfFields(choice, self._of_variables(weight), moments)

    def _of_variables(self, x: Tensor) -> Tensor:
        """What is known of the sample's columns, or of its fields, for each variable, (C, F)."""
        C, F = self.seen.variables, self.seen.fields
        return x.reshape(-1, F).expand(C, F)

    def variance(self, number: int) -> Tensor:
        """Of each variable and field under one law, by which that of `moments` is multiplied."""
        if number not in self._variances:
            self._variances[number] = self._of_variables(self._variance(number))
        return self._variances[number]

    def _variance(self, number: int) -> Tensor:
        """Of each column of the sample, at its best under one law."""
        law, freedom = self.laws[number], self._few.freedom
        if law.choice.variance is not None or not freedom:
            own = torch.ones(self._few.fields, dtype=torch.float64)
        elif not self.seen.together or len(self.seen.readings) > EXACT:
            own = best_variance(law.moments.law, self._few, self.fields.geometry)
        else:
            own = variance_of(self._solve(number), freedom)
        fixed = law.choice.variance is not None
        return own if fixed else self.fields.family.variance(own, freedom)

    @property
    def usual(self) -> Choice:
        """The most probable law of all fields."""
        return max(self.laws, key=lambda law: float(law.weight.sum())).choice

    def at(self, targets: Boxes) -> tuple[Tensor, Tensor]:
        """Mean and variance at targets, both of shape (M, C, F)."""
        found = [self._under(number, targets) for number in range(len(self.laws))]
        m, v = (torch.stack(part) for part in zip(*found, strict=True))
        w = self.weights[:, None]
        mean = (w * m).sum(dim=0)
        return mean, (w * (v + (m - mean).square())).sum(dim=0)

    def roughly(self, targets: Boxes, with_mean: bool = True) -> tuple[Tensor, Tensor]:
        """Mean, and what the likeliest law of each leaves of the variance, (M, C, F).

        Args:
            targets: M of them.
            with_mean: Whether the mean is wanted; if not, zeros stand in for it.
        """
        usual, left = self.weights.argmax(dim=0), torch.zeros((), dtype=torch.float64)
        for number in usual.unique().tolist():
            left = torch.where(usual == number, self._rough_variance(number, targets), left)
        if not with_mean:
            return torch.zeros_like(left), left
        return self.mean(targets), left

    def mean(self, targets: Boxes) -> Tensor:
        """Mean at targets, shape (M, C, F)."""
        means = torch.stack([self._mean(number, targets) for number in range(len(self.laws))])
        return (self.weights[:, None] * means).sum(dim=0)

    def _mean(self, number: int, targets: Boxes) -> Tensor:
        """Mean under one law at targets, (M, C, F)."""
        law, readings = self.laws[number], self.seen.readings
        if len(readings) > EXACT:
            mean, _ = condition(law.moments, readings, targets, with_var=False)
        else:
            solved = self._solve(number)
            mean, _ = predict(law.moments, readings, solved, targets, with_var=False)
        return mean.reshape(-1, self.seen.variables, self.seen.fields)

    def _rough_variance(self, number: int, targets: Boxes) -> Tensor:
        """Variance under one law at targets, (M, C, F), cells that were read at a guess.

        A reading of error variance N leaves N c / (N + c) of what the others leave, c: about as
        much as all of them leave where nothing was read.
        """
        readings = self.seen.readings
        read = _reading_of(targets, readings.boxes) if self.seen.together else None
        if read is None or bool((read >= 0).all()) or len(readings) > EXACT:
            return self._under(number, targets)[1]
        law, here = self.laws[number], read >= 0
        apart = self._under(number, targets[~here])[1]
        found = apart.new_empty(len(here), *apart.shape[1:])
        found[~here] = apart
        nugget = law.choice.law.nugget if readings.noise is None else 0.0
        scale = law.moments.between[0, 0] * self.variance(number).clamp(min=_TINY)
        added = nugget * scale
        error = errors(law.moments, readings)[read[here]][:, None, None] * self.variance(number)
        around = (apart - added).mean(dim=0).clamp(min=_TINY)
        found[here] = error * around / (error + around) + added
        return found

    def _under(self, number: int, targets: Boxes) -> tuple[Tensor, Tensor]:
        """Mean and variance under one law at targets, (M, C, F)."""
        law, readings = self.laws[number], self.seen.readings
        if len(readings) > EXACT:
            mean, variance = condition(law.moments, readings, targets)
        else:
            mean, variance = predict(law.moments, readings, self._solve(number), targets)
        assert variance is not None
        C, F = self.seen.variables, self.seen.fields
        own = law.moments.between.diagonal()
        nugget = law.choice.law.nugget if readings.noise is None else 0.0
        total = (variance + nugget * own)[:, :, None] * self.variance(number).clamp(min=_TINY)
        return mean.reshape(-1, C, F), total.expand(-1, C, F)

    def moved(self, rows: Tensor, targets: Boxes) -> Tensor:
        """What values (m, F) at the rows say around a mean of 0, shape (M, C, F)."""
        moved = [
            law.weight * self.increment(number, rows, targets)
            for number, law in enumerate(self.laws)
        ]
        return torch.stack(moved).sum(dim=0)

    def increment(self, number: int, rows: Tensor, targets: Boxes) -> Tensor:
        """What values (m, W) at the rows say under one law around a mean of 0, shape (M, C, W)."""
        C, W = self.seen.variables, rows.shape[1]
        values = rows.unflatten(0, (-1, C)).flatten(1) if self.seen.together else rows
        readings, moments = replace(self.seen.readings, values=values), self.laws[number].moments
        if len(readings) > EXACT:
            mean, _ = condition(moments, readings, targets, with_var=False)
        else:
            solved = solve_again(self._solve(number), values)
            mean, _ = predict(moments, readings, solved, targets, with_var=False)
        return mean.reshape(-1, C, W)

    def errors(self, folds: Folds, likeliest: bool = False) -> Tensor:
        """Errors at places that are left out, of rows from `Folds.start` on, (m', F).

        Args:
            folds: What is left out together.
            likeliest: Whether only the likeliest law of each variable counts, which costs less.
        """
        kind = self.seen.kind[folds.start(self.seen.place) :]
        found = torch.zeros(len(kind), self.seen.fields, dtype=torch.float64)
        weights = self.weights
        if likeliest:
            weights = torch.zeros_like(weights).scatter(0, weights.argmax(dim=0)[None], 1.0)
        for number, weight in enumerate(weights):
            if bool(weight.any()):
                found += weight[kind] * self._errors_under(number, folds)
        return found

    def _errors_under(self, number: int, folds: Folds) -> Tensor:
        """Under one law; asked again of the same folds they are not computed again."""
        known = self._left_out.get(number)
        if known is None or known[0] is not folds:
            known = self._left_out[number] = folds, self._errors(self._solve(number), folds)
        return known[1]

    def _errors(self, solved: Solved, folds: Folds) -> Tensor:
        seen = self.seen
        place = torch.arange(len(solved.factor)) if seen.together else seen.place
        last = slice(folds.start(place), None)
        L = solved.factor[last, last]
        # Of the last rows of S⁻¹ x the others tell nothing more than L⁻¹ x does.
        both = torch.cat([solved.residual[last], solved.design[last]], dim=1)
        both = torch.linalg.solve_triangular(L.mT, both, upper=True)
        alpha, across = both.split([solved.residual.shape[1], solved.design.shape[1]], dim=1)
        U = torch.linalg.solve_triangular(solved.information, across.mT, upper=False).mT
        every = torch.arange(len(L))
        precision = Precision(torch.cholesky_inverse(L), None, U, None, every, every)
        rows, real = folds.rows(place)
        return seen.rows(errors_left_out(precision.blocks(rows), alpha, rows, real))

    def _solve(self, number: int) -> Solved:
        if number not in self._solved:
            self._solved[number] = solve(self.laws[number].moments, self.seen.readings)
        return self._solved[number]


_TINY = float(torch.finfo(torch.float32).tiny)


def _reading_of(targets: Boxes, read: Boxes) -> Tensor | None:
    """The reading of each target, shape (M,), -1: none; None: they are not cells of a lattice."""
    a, b = targets.cells, read.cells
    if a is None or b is None or a.shape != b.shape:
        return None
    numbers = torch.full((int(max(a.number.max(), b.number.max())) + 1,), -1)
    numbers[b.number.long()] = torch.arange(len(b.number))
    return numbers[a.number.long()]
