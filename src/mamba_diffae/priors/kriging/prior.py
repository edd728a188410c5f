"""Kriging as a prior: what is near is alike, whatever the training fields look like."""

from __future__ import annotations

from typing import ClassVar, NamedTuple, final

import numpy as np
import torch
from torch import Tensor

from mamba_diffae.fields import FieldData, Observations
from mamba_diffae.priors.base import Prior, PriorConfig, PriorPosterior, bin_observations
from mamba_diffae.priors.kriging.gaussian import Moments
from mamba_diffae.priors.kriging.kernels import KERNELS, Law
from mamba_diffae.priors.kriging.likelihood import Sample, best_variance, moments_of
from mamba_diffae.priors.kriging.moments import UsualMoments, measure
from mamba_diffae.priors.kriging.neighbourhoods import EXACT, condition
from mamba_diffae.priors.kriging.points import measure_points, plain_moments
from mamba_diffae.priors.kriging.readings import Boxes, Readings, merge
from mamba_diffae.priors.kriging.search import Choice
from mamba_diffae.priors.kriging.training import MOST_LAWS, MOST_TRIED, Family, own_family


class Seen(NamedTuple):
    """What was observed of one field, in units of the usual deviation around the usual mean.

    Attributes:
        readings: All of them, see `Readings`.
        sample: Those of each variable by itself, from which the law is chosen.
        together: Whether all variables were observed at the same places, with errors alike.
    """

    readings: Readings
    sample: Sample
    together: bool


@final
class KrigingPrior(Prior):
    """A Gaussian of stationary covariance around a constant trend, given the observations.

    A value is y = β + f(x) + ε: β ~ N(b, τ s C) of a field, f of covariance s C k(x, x'), ε of
    covariance s ν C, where C is the covariance of the variables and k one of the Matérn kernels.
    Laws (kernel, lengths, nugget ν) are those of the training fields, see `learn`; C, τ and the
    law of s too. A field's own observations weigh the laws and tell s. Without training, a field
    tells all of it by itself. No field is kept, so that it serves where there is a single group.

    Where all variables were observed at the same places, and no errors are stated, K ⊗ C factors:
    one Cholesky factor serves all variables. Otherwise readings of single variables are a system
    of up to C times as many unknowns. Above `EXACT` readings neighbourhoods are taken.

    Observations that are averages over boxes wider than a cell of the lattice are treated as such;
    narrower ones as wide as a cell, of which the laws are. Stated errors take the place of ε.

    Args:
        config: Lattice and sizes; exemplars are not kept.
        laws: How many a field's answer averages over, at most.

    Reference:
        Cressie (1993), Statistics for Spatial Data, chapter 3; Handcock & Stein (1993), A Bayesian
        analysis of kriging, https://doi.org/10.1080/00401706.1993.10485354, for β and s.
    """

    keeps_fields: ClassVar[bool] = False
    learns_from_points: ClassVar[bool] = True
    mean: Tensor
    deviation: Tensor
    between: Tensor
    trend: Tensor
    freedom: Tensor
    laws: Tensor

    def __init__(self, config: PriorConfig, laws: int = MOST_LAWS) -> None:
        super().__init__(config)
        if laws < 1:
            raise ValueError(f"The kriging prior was given laws={laws}; give one at least.")
        self.count, C = laws, config.value_dim
        numbers = {
            "mean": torch.zeros(C),
            "deviation": torch.ones(C),
            "between": torch.eye(C),
            "trend": torch.tensor(1e4),
            "freedom": torch.zeros(()),
            # Kernel, logarithm of the share, nugget, lengths; a kernel below 0: no law.
            "laws": torch.full((MOST_TRIED, 3 + config.geometry.dim), -1.0),
        }
        for name, number in numbers.items():
            self.register_buffer(name, number.double())
        self.register_buffer("groups", torch.zeros(0, dtype=torch.int64), persistent=False)

    @property
    def fitted(self) -> bool:
        """Whether there are laws of training fields."""
        return bool((self.laws[:, 0] >= 0).any())

    def fit(self, data: FieldData | Observations) -> None:
        """See `Prior.fit`: of fields averaged to the lattice, of points as they are."""
        usual = self._usual(data)
        for name, number in zip(UsualMoments._fields[:-1], usual[:-1], strict=True):
            getattr(self, name).copy_(number)
        self.freedom.fill_(usual.family.freedom)
        self.laws.fill_(-1.0)
        rows = zip(usual.family.choices, usual.family.log_share, strict=True)
        for row, (choice, share) in zip(self.laws, rows, strict=False):
            law = choice.law
            numbers = [KERNELS.index(law.kernel), share, law.nugget, *law.length]
            row.copy_(torch.tensor(numbers, dtype=torch.float64))

    def _usual(self, data: FieldData | Observations) -> UsualMoments:
        """Moments and laws of training fields."""
        geometry = self.config.geometry
        if not isinstance(data, Observations):
            return measure(data.at(data.grid.regrid(self.config.shape)), geometry)
        points = data.to("cpu")
        for buffer, number in zip((self.mean, self.deviation), plain_moments(points), strict=True):
            buffer.copy_(number)  # the units of `_seen`
        return measure_points(points, lambda part: self._seen(part).sample, geometry)

    def fields(self) -> tuple[Tensor, Tensor]:
        """See `Prior.fields`: none."""
        none = torch.zeros(0, self.config.cells, self.config.value_dim)
        return none, none.bool()

    @torch.no_grad()
    def posterior(self, observations: Observations, groups: Tensor | None = None) -> PriorPosterior:
        """See `Prior.posterior`; no group has a field of its own here."""
        observed, _ = bin_observations(self.config, observations)
        device, dtype = observations.values.device, observations.values.dtype
        family, targets = self.family(), self._lattice()
        found = [self._field(part.to("cpu"), family, targets) for part in observations.fields()]
        mean, std = (torch.stack(part).to(device, dtype) for part in zip(*found, strict=True))
        return PriorPosterior.of(mean, std.mean(dim=-1, keepdim=True), observed)

    def at(self, observations: Observations, coords: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation at any places of each field, in double precision.

        Args:
            observations: Of B fields, inside coordinates, scaled values.
            coords: Inside coordinates, shape (M, D).

        Returns:
            Two tensors of shape (B, M, C).
        """
        targets = Boxes.of(coords.double().cpu(), self.config.geometry)
        family = self.family()
        found = [self._field(part.to("cpu"), family, targets) for part in observations.fields()]
        mean, std = zip(*found, strict=True)
        return torch.stack(mean), torch.stack(std)

    @torch.no_grad()
    def condition_increment(self, change: Tensor, observed: Tensor) -> Tensor:
        """See `Prior.condition_increment`, by the most frequent law; each variable by itself."""
        family, centres = self.family(), self._coords()
        law = _plain(self.config) if family is None else family.usual.law
        moments = moments_of(law, self.config.geometry, 1.0, 1 / float(self.trend))
        targets, left = Boxes.of(centres, self.config.geometry), change.double().cpu().clone()
        for field, seen in zip(left, observed.cpu(), strict=True):
            for c in range(change.shape[-1]):
                at = seen[:, c].nonzero()[:, 0]
                if len(at):
                    exact = torch.zeros(len(at), dtype=torch.float64)
                    made = _readings(targets[at], -field[at, c, None], noise=exact)
                    field[:, c] += condition(moments, made, targets, with_var=False)[0][:, 0]
        return left.to(change.device, change.dtype)

    def family(self) -> Family | None:
        """The laws that were learned; None before `fit`."""
        rows = [row for row in self.laws.tolist() if row[0] >= 0]
        if not rows:
            return None
        laws = [Law(KERNELS[int(kernel)], tuple(length), nu) for kernel, _, nu, *length in rows]
        shares = tuple(row[1] for row in rows)
        return Family(tuple(map(Choice, laws)), shares, float(self.freedom))

    def _field(
        self, seen: Observations, family: Family | None, targets: Boxes
    ) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation (P, C) of one field."""
        mean, deviation = self.mean.cpu(), self.deviation.cpu()
        if not seen.mask.any():
            usual = deviation * (1 + self.trend.cpu()).sqrt()
            return (part.expand(len(targets), -1) for part in (mean, usual))  # pyright: ignore[reportReturnType]
        known = self._seen(seen)
        laws = family or own_family(known.sample, self.config.geometry)
        parts, weights = [], []
        for choice, weight in laws.weigh(known.sample, self.config.geometry, self.count):
            parts.append(self._under(choice, known, laws, targets))
            weights.append(weight)
        w = torch.tensor(weights, dtype=torch.float64)[:, None, None]
        means = torch.stack([m for m, _ in parts])
        middle = (w * means).sum(dim=0)
        spread = torch.stack([v for _, v in parts]) + (means - middle).square()
        return mean + deviation * middle, deviation * (w * spread).sum(dim=0).sqrt()

    def _under(
        self, choice: Choice, known: Seen, family: Family, targets: Boxes
    ) -> tuple[Tensor, Tensor]:
        """Mean and variance (P, C) under one law, in units of the usual deviation."""
        geometry, sample = self.config.geometry, known.sample
        s = choice.variance
        if s is None:
            few = Sample([part.thinned(EXACT) for part in sample.parts])
            own = float(best_variance(choice.law, few, geometry)) if few.freedom else 1.0
            s = family.variance(own, few.freedom)
        s, trend = max(s, torch.finfo(torch.float32).tiny), float(self.trend)
        if known.together:
            moments = moments_of(choice.law, geometry, s, 1 / (trend * s))
        else:
            C = s * self.between.cpu()
            moments = Moments(choice.law, choice.law.scale(geometry), C, (trend * C).inverse())
        mean, variance = condition(moments, known.readings, targets)
        assert variance is not None
        nugget = s * choice.law.nugget if known.readings.noise is None else 0.0
        return mean, (variance + nugget).expand(mean.shape)

    def _seen(self, seen: Observations) -> Seen:
        """The observations of one field, of which there are some."""
        geometry, mask = self.config.geometry, seen.mask[0]
        coords = geometry.wrap(seen.coords[0].double())
        y = (seen.values[0].double() - self.mean.cpu()) / self.deviation.cpu()
        noise = None
        if seen.noise is not None:
            noise = (seen.noise[0].double() / self.deviation.cpu()).square()
        sides = None if seen.support is None else self._sides(seen.support[0].double())
        boxes, keys = Boxes.of(coords, geometry, sides), geometry.embed(coords)
        if sides is not None:
            keys = torch.cat([keys, sides], dim=1)
        group = None if seen.noise_group is None else seen.noise_group[0]

        def readings(point: Tensor, values: Tensor, kind: Tensor | None, error: Tensor | None):
            shared = None if group is None else group[point]
            made = _readings(boxes[point], values, kind, error, shared)
            return merge(made, keys[point], geometry.diameter)

        parts = []
        for c, there in enumerate(mask.T):
            at = there.nonzero()[:, 0]
            error = None if noise is None else noise[at, c]
            parts += [readings(at, y[at, c, None], None, error)] if len(at) else []
        if bool(mask.all()) and (noise is None or not bool(noise.any())):
            every = torch.arange(len(y))
            error = None if noise is None else torch.zeros(len(y), dtype=torch.float64)
            together = readings(every, y, None, error)
            return Seen(together, Sample([together]), True)
        point, kind = mask.nonzero(as_tuple=True)
        error = None if noise is None else noise[point, kind]
        return Seen(readings(point, y[point, kind, None], kind, error), Sample(parts), False)

    def _sides(self, support: Tensor) -> Tensor:
        """Sides of boxes beyond those of a cell, by variance: a² = support² - cell², or 0."""
        cells = zip(self.config.geometry.extent, self.config.shape, strict=True)
        cell = torch.tensor([a / n for a, n in cells], dtype=torch.float64)
        return (support.square() - cell.square() * (1 + 1e-5)).clamp(min=0).sqrt()

    def _coords(self) -> Tensor:
        """Centres of the lattice, shape (P, D)."""
        cells = zip(self.config.geometry.extent, self.config.shape, strict=True)
        axes = [a / n * (np.arange(n) + 0.5) for a, n in cells]
        return torch.from_numpy(np.stack(np.meshgrid(*axes, indexing="ij"), -1)).flatten(0, -2)

    def _lattice(self) -> Boxes:
        return Boxes.of(self._coords(), self.config.geometry)


def _plain(config: PriorConfig) -> Law:
    return Law("matern32", (config.geometry.diameter / 4,) * config.geometry.dim, 0.0)


def _readings(
    boxes: Boxes,
    values: Tensor,
    kind: Tensor | None = None,
    noise: Tensor | None = None,
    group: Tensor | None = None,
) -> Readings:
    ones = torch.ones(len(values), dtype=torch.float64)
    kind = torch.zeros(len(values), dtype=torch.int64) if kind is None else kind
    return Readings(boxes, values, kind, ones, noise, group)
