"""Kriging as a prior: what is near is alike, whatever the training fields look like."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, final

import torch
from torch import Tensor

from mamba_diffae.fields import FieldData, Observations
from mamba_diffae.priors.base import Prior, PriorConfig, PriorPosterior, bin_observations
from mamba_diffae.priors.conditional import Conditional
from mamba_diffae.priors.kriging.conditional import Stationary
from mamba_diffae.priors.kriging.draws import DrawKey, draw_kriging, draw_stationary
from mamba_diffae.priors.kriging.family import MOST_LAWS, Family
from mamba_diffae.priors.kriging.kernels import KERNELS, Law
from mamba_diffae.priors.kriging.likelihood import moments_of
from mamba_diffae.priors.kriging.moments import UsualMoments, measure
from mamba_diffae.priors.kriging.neighbourhoods import condition
from mamba_diffae.priors.kriging.points import measure_points, plain_moments
from mamba_diffae.priors.kriging.readings import Boxes, Readings
from mamba_diffae.priors.kriging.regions import Regions
from mamba_diffae.priors.kriging.search import Choice
from mamba_diffae.priors.kriging.seen import Seen, alike, see
from mamba_diffae.priors.kriging.training import MOST_TRIED, own_family
from mamba_diffae.priors.kriging.variables import KrigedFields

if TYPE_CHECKING:
    from mamba_diffae.priors.field_law import FieldLaw

UNKNOWN_TREND = 1e4
"""Variance of a field's mean as a ratio to its variance, where nothing is known of it."""
ORDINARY = 10.0
"""The same where it lies within a few deviations: few readings of much noise do not tell it."""


@final
class KrigingPrior(Prior):
    """A Gaussian of stationary covariance around a constant trend, given the observations.

    A value is y = β + f(x) + ε: β ~ N(b, τ s C) of a field, f of covariance s C k(x, x'), ε of
    covariance s ν C, where C is the covariance of the variables and k one of the Matérn kernels.
    Laws (kernel, lengths, nugget ν) are those of the training fields, see `learn`; C, τ and the
    law of s too. A field's own observations weigh the laws and tell s. Without training, a field
    tells all of it by itself. No field is kept, so that it serves where there is a single group.
    See docs/concepts.md, eq. (36) and (37).

    Where all variables were observed at the same places, and no errors are stated, K ⊗ C factors:
    one Cholesky factor serves all variables. Otherwise readings of single variables are a system
    of up to C times as many unknowns. Above `EXACT` readings neighbourhoods are taken.

    Observations that are averages over boxes wider than a cell of the lattice are treated as such;
    narrower ones as wide as a cell, of which the laws are. Stated errors take the place of ε.

    Args:
        config: Lattice and sizes; exemplars are not kept.
        laws: How many a field's answer averages over, at most.
        pooled: Whether fields choose among the few laws that are most frequent in training: parts
            of larger fields, which should not differ much in theirs.

    Reference:
        Cressie (1993), Statistics for Spatial Data, chapter 3; Handcock & Stein (1993), A Bayesian
        analysis of kriging, https://doi.org/10.1080/00401706.1993.10485354, for β and s.
    """

    keeps_fields: ClassVar[bool] = False
    learns_from_points: ClassVar[bool] = True
    answers_anywhere: ClassVar[bool] = True
    mean: Tensor
    deviation: Tensor
    between: Tensor
    trend: Tensor
    freedom: Tensor
    laws: Tensor

    def __init__(self, config: PriorConfig, laws: int = MOST_LAWS, pooled: bool = False) -> None:
        super().__init__(config)
        if laws < 1:
            raise ValueError(f"The kriging prior was given laws={laws}; give one at least.")
        self.count, self.pooled, C = laws, pooled, config.value_dim
        numbers = {
            "mean": torch.zeros(C),
            "deviation": torch.ones(C),
            "between": torch.eye(C),
            "trend": torch.tensor(UNKNOWN_TREND),
            "freedom": torch.zeros(()),
            # Kernel, nugget, lengths, logarithm of the share in each variable; a kernel below 0: no
            # law.
            "laws": torch.full((MOST_TRIED, 2 + config.geometry.dim + C), -1.0),
        }
        for name, number in numbers.items():
            self.register_buffer(name, number.double())
        self.register_buffer("groups", torch.zeros(0, dtype=torch.int64), persistent=False)

    @property
    def fitted(self) -> bool:
        """Whether there are laws of training fields."""
        return bool((self.laws[:, 0] >= 0).any())

    def fit(
        self, data: FieldData | Observations, validation: FieldData | Observations | None = None
    ) -> None:
        """See `Prior.fit`: of fields averaged to the lattice, of points as they are."""
        usual = self._usual(data)
        for name, number in zip(UsualMoments._fields[:-1], usual[:-1], strict=True):
            getattr(self, name).copy_(number)
        self.freedom.fill_(usual.family.freedom)
        self.laws.fill_(-1.0)
        family = usual.family
        if self.pooled:
            family = family.weighted(family.log_share.exp())
        rows = zip(family.choices, family.log_share, strict=True)
        for row, (choice, share) in zip(self.laws, rows, strict=False):
            law = choice.law
            numbers = [KERNELS.index(law.kernel), law.nugget, *law.length]
            shares = share.expand(self.config.value_dim)
            row.copy_(torch.cat([torch.tensor(numbers, dtype=torch.float64), shares]))

    def _usual(self, data: FieldData | Observations) -> UsualMoments:
        """Moments and laws of training fields."""
        geometry = self.config.geometry
        if not isinstance(data, Observations):
            return measure(data.at(data.grid.regrid(self.config.shape)), geometry)
        points = data.to("cpu")
        for buffer, number in zip((self.mean, self.deviation), plain_moments(points), strict=True):
            buffer.copy_(number)  # the units of `see`
        return measure_points(points, lambda part: self.see(part).sample, geometry)

    def fields(self) -> tuple[Tensor, Tensor]:
        """See `Prior.fields`: none."""
        none = torch.zeros(0, self.config.cells, self.config.value_dim)
        return none, none.bool()

    @torch.no_grad()
    def posterior(
        self,
        observations: Observations,
        groups: Tensor | None = None,
        keys: Tensor | None = None,
        regions: Regions | None = None,
    ) -> PriorPosterior:
        """See `Prior.posterior`; no group has a field of its own here.

        Args:
            observations: Of B fields.
            groups: Not needed.
            keys: Of draws.
            regions: What is known of the fields if they are regions of one: then draws of one key
                are parts of one function, which each moves to what was seen there.
        """
        observed, _ = bin_observations(self.config, observations)
        targets, like = self._boxes(self.config.centres()), observations.values
        mean, std, draws = self._at(observations, targets, keys, regions)
        std = std.mean(dim=-1, keepdim=True)
        asked = None if keys is None else draws.to(like)
        return PriorPosterior.of(mean.to(like), std.to(like), observed, draws=asked)

    def at(self, observations: Observations, coords: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation at any places of each field, in double precision.

        Args:
            observations: Of B fields, inside coordinates, scaled values.
            coords: Inside coordinates, shape (M, D).

        Returns:
            Two tensors of shape (B, M, C).
        """
        return self._at(observations, self._boxes(coords.double().cpu()))[:2]

    def _at(
        self,
        observations: Observations,
        targets: Boxes,
        keys: Tensor | None = None,
        regions: Regions | None = None,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Mean and deviation at targets (B, M, C), and draws (B, K, M, C), on the CPU."""
        given, shape = observations.to("cpu"), (len(observations), len(targets), -1)
        centre, deviation = self.mean.cpu(), self.deviation.cpu()
        mean = centre.expand(shape).clone()
        std = (deviation * (1 + self.trend.cpu()).sqrt()).expand(shape).clone()
        seeds = torch.zeros(len(given), 0, dtype=torch.int64) if keys is None else keys.cpu()
        draws = mean.new_empty(*seeds.shape, *mean.shape[1:])
        family = None if regions is None else regions.family
        for rows in alike(given):
            # Without training each field has laws of its own.
            for part in rows.split(len(rows) if self.fitted else 1):
                own = DrawKey.of(seeds[part], None if regions is None else regions.at(part))
                if bool(given.mask[part[0]].any()):
                    kriged = self.kriged(self.see(given[part]), family=family)
                    middle, variance = kriged.at(targets)
                    mean[part] += deviation * middle.permute(2, 0, 1)
                    std[part] = deviation * variance.permute(2, 0, 1).sqrt()
                    drawn = draw_kriging(kriged, targets, own, white=False)
                else:
                    drawn = draw_stationary(self.stationary(family), targets, own, white=False)
                drawn = drawn.movedim(-1, 0).unflatten(0, seeds[part].shape)
                draws[part] = centre + deviation * drawn
        return mean, std, draws

    def condition(self, observations: Observations, groups: Tensor | None = None) -> Conditional:
        """See `Prior.condition`: that of a mixture without exemplars."""
        from mamba_diffae.priors.mixture.prior import MixturePrior

        alone = MixturePrior(self.config.model_copy(update={"exemplars": 0}))
        alone.kriging = self
        return alone.condition(observations, groups)

    def _boxes(self, coords: Tensor) -> Boxes:
        return Boxes.of(coords, self.config.geometry, shape=self.config.shape)

    def see(self, observations: Observations) -> Seen:
        """Observations of fields that were observed alike, in units of the usual deviation."""
        return see(observations, self.mean.cpu(), self.deviation.cpu(), self.config)

    def kriged(
        self, seen: Seen, ordinary: bool = False, family: Family | None = None
    ) -> KrigedFields:
        """Fields given what was seen of them; of a single one unless there are trained laws.

        Args:
            seen: The observations.
            ordinary: Whether of the means of the variables that were observed no more is known
                than `ORDINARY`, about as in ordinary kriging; of others the training fields tell.
            family: Laws; None: those that were learned.
        """
        trend = self.trend.cpu().repeat(self.config.value_dim)
        if ordinary:
            trend[seen.kind.unique()] = ORDINARY
        family = family or self.family() or own_family(seen.sample, self.config.geometry)
        return KrigedFields(seen, self.stationary(family, trend))

    def stationary(self, family: Family | None = None, trend: Tensor | None = None) -> Stationary:
        """Fields before any observation.

        Args:
            family: Their laws; None: those that were learned, or a plain one.
            trend: See `Stationary`, shape (C,); None: that of training fields.
        """
        found = family or self.family()
        if found is None:
            found = Family((Choice(_plain(self.config)),), torch.zeros(1, 1).double(), 0.0)
        usual = self.trend.cpu().expand(self.config.value_dim) if trend is None else trend
        return Stationary(found, self.config.geometry, self.between.cpu(), usual, self.count)

    def field_law(self) -> FieldLaw:
        """See `Prior.field_law`, by the most frequent law."""
        from mamba_diffae.priors.field_law import FieldLaw

        config, family, deviation = self.config, self.family(), self.deviation.cpu()
        law = _plain(config) if family is None else family.usual.law
        sill = deviation[:, None] * self.between.cpu() * deviation
        shape = (config.cells, config.value_dim)
        mean, modes = self.mean.cpu().expand(shape), sill.new_zeros(*shape, 0)
        trend, nugget = float(self.trend) * sill, law.nugget * sill
        return FieldLaw(config, mean, modes, law, sill, trend, nugget, sill.new_zeros(shape[1]))

    @torch.no_grad()
    def condition_increment(self, change: Tensor, observed: Tensor) -> Tensor:
        """See `Prior.condition_increment`, by the most frequent law; each variable by itself."""
        family, centres = self.family(), self.config.centres()
        law = _plain(self.config) if family is None else family.usual.law
        moments = moments_of(law, self.config.geometry, 1.0, 1 / float(self.trend))
        targets, left = self._boxes(centres), change.double().cpu().clone()
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
        C = self.config.value_dim
        laws = [Law(KERNELS[int(kernel)], tuple(r[:-C]), nu) for kernel, nu, *r in rows]
        shares = torch.tensor([row[-C:] for row in rows], dtype=torch.float64)
        return Family(tuple(map(Choice, laws)), shares, float(self.freedom))


def _plain(config: PriorConfig) -> Law:
    return Law("matern32", (config.geometry.diameter / 4,) * config.geometry.dim, 0.0)


def _readings(boxes: Boxes, values: Tensor, noise: Tensor) -> Readings:
    ones = torch.ones(len(values), dtype=torch.float64)
    return Readings(boxes, values, torch.zeros(len(values), dtype=torch.int64), ones, noise)
