"""Training fields kept on a lattice, their mean and their principal components."""

from __future__ import annotations

from typing import NamedTuple, final

import torch
from torch import Tensor

from mamba_diffae.priors.base import PriorConfig
from mamba_diffae.priors.exemplars import GAP, LEVELS
from mamba_diffae.priors.mixture.lattice import LatticeMap

_FINE = 1024
"""Parts of a deviation that distances count in."""
_ITERATIONS = 3
_LEAST = 1e-4
"""Singular value below which a component is rounding, as a share of the largest."""
_PER_VALUE = 128
"""Rows of exemplars that are put together at a time."""
_COMPARED = 256
"""Readings by which exemplars are compared, at most."""


class Components(NamedTuple):
    """Mean and principal components of exemplars.

    Attributes:
        mean: Shape (P C).
        modes: Components times the root of their variance, shape (M, P C), half precision; those
            that are 0 do not count.
        variance: Mean square deviation of each variable from the mean, shape (C,).
    """

    mean: Tensor
    modes: Tensor
    variance: Tensor


def principal_components(codes: Tensor, count: int, variables: int) -> Components:
    """Principal components of exemplars.

    In gaps a deviation is 0, and what variance that takes from a value is given back by a factor.

    Args:
        codes: Exemplars as whole numbers (E, P C), `GAP` where nothing is known.
        count: Components, M; as many as there are, the rest is 0.
        variables: C.
    """
    known = codes != GAP
    values = codes.float().masked_fill(~known, 0) / LEVELS
    there = known.sum(dim=0)
    mean = values.sum(dim=0) / there.clamp(min=1)
    deviation = (values - mean).masked_fill(~known, 0)
    square = deviation.double().square().sum(dim=0).unflatten(0, (-1, variables)).sum(dim=0)
    variance = square / there.unflatten(0, (-1, variables)).sum(dim=0).clamp(min=1)
    if not known.all():
        deviation = deviation * (len(values) / there.clamp(min=1)).sqrt()
    modes = torch.zeros(count, codes.shape[1], dtype=torch.float16)
    rank = min(count + 32, *deviation.shape)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        _, size, directions = torch.svd_lowrank(deviation, q=rank, niter=_ITERATIONS)
    kept = min(count, int((size > _LEAST * size[0].clamp(min=1e-12)).sum()))
    modes[:kept] = (directions[:, :kept] * size[:kept]).T / len(values) ** 0.5
    return Components(mean, modes, variance)


@final
class Library:
    """Exemplars and components as numbers, in units of each variable's deviation.

    Args:
        config: The lattice.
        codes: Exemplars, and mirrored ones if they count, (E, P C).
        components: Of all of them.
        centre: What is subtracted of each variable, shape (C,).
        deviation: What it is divided by, shape (C,).
    """

    def __init__(
        self,
        config: PriorConfig,
        codes: Tensor,
        components: Components,
        centre: Tensor,
        deviation: Tensor,
    ) -> None:
        P, C = config.cells, config.value_dim
        self.shape, self.count = (P, C), len(codes)
        self.centre, self.deviation = centre, deviation
        self.mean = (components.mean.double().reshape(P, C) - centre) / deviation
        modes = components.modes[(components.modes != 0).any(dim=1)].double()
        modes = modes.reshape(-1, P, C) / deviation
        self.modes = modes.permute(1, 2, 0).contiguous()  # (P, C, M)
        # Projection on the span of the modes, whose rows are orthogonal up to half precision.
        raw = self.modes * deviation[:, None]
        flat = raw.flatten(0, 1)
        self._inverse = torch.linalg.solve(
            flat.T @ flat + 1e-12 * torch.eye(flat.shape[1], dtype=flat.dtype), flat.T
        )
        self.known = None if bool((codes != GAP).all()) else (codes != GAP)
        self._codes = codes
        self._rows = codes.masked_fill(codes == GAP, 0).reshape(-1, P, C).permute(1, 2, 0)
        self._rows = self._rows.contiguous()  # (P, C, E)

    @property
    def spread(self) -> Tensor:
        """Variance of all exemplars around their mean, of each variable, shape (C,)."""
        return self.modes.square().sum(dim=-1).mean(dim=0)

    def fields(self, index: Tensor) -> Tensor:
        """Exemplars (..., P, C), single precision; where nothing is known of one, the mean."""
        flat = self._codes.index_select(0, index.flatten()).float()
        values = flat.unflatten(1, self.shape).mul_((1 / (LEVELS * self.deviation)).float())
        values = values.sub_((self.centre / self.deviation).float())
        if self.known is not None:
            known = self.known.index_select(0, index.flatten()).unflatten(1, self.shape)
            values = torch.where(known, values, self.mean.float())
        return values.unflatten(0, index.shape)

    def coordinates(self, deviations: Tensor) -> Tensor:
        """Weights of the modes (..., M) in deviations (..., P, C) from the mean."""
        return (deviations * self.deviation).flatten(-2).double() @ self._inverse.T

    def projected(self, deviations: Tensor) -> Tensor:
        """What the modes hold of deviations (..., P, C) from the mean."""
        found = self.coordinates(deviations) @ self.modes.flatten(0, 1).T
        return found.unflatten(-1, self.shape).float()

    def distances(self, y: Tensor, rows: LatticeMap, kind: Tensor) -> Tensor:
        """Mean square distance of readings from those of each exemplar, shape (F, E).

        Through matrix products a distance loses digits, and exemplars that are equally near would
        be chosen by rounding errors, which depend on the rest of the batch. So it is computed in
        whole numbers, which double precision holds exactly. An exemplar with gaps among the
        readings counts by those it has; one that has none of them is infinitely far, unless that
        is true of all.

        Args:
            y: Readings of F fields, shape (m, F).
            rows: Cells of each.
            kind: Variable of each, shape (m,).
        """
        if len(y) > _COMPARED:
            some = torch.linspace(0, len(y) - 1, _COMPARED).round().long()
            return self.distances(y[some], rows[some], kind[some])
        total = y.new_zeros(y.shape[1], self.count)
        seen = y.new_zeros(self.count)
        unit = LEVELS * self.deviation / _FINE
        whole = (y * _FINE).round()
        for start in range(0, len(y), _PER_VALUE):
            part = slice(start, start + _PER_VALUE)
            index, share = rows.index[part], rows.weight[part]
            c = kind[part]
            values = self._at(index, share, c)
            values = (values / unit[c, None]) - (self.centre / self.deviation)[c, None] * _FINE
            values = values.round()
            if self.known is None:
                total += values.square().sum(0) - 2 * whole[part].T @ values
                total += whole[part].square().sum(0)[:, None]
                continue
            here = self._known_at(index, c)
            values = values * here
            seen += here.sum(dim=0)
            total += values.square().sum(0) - 2 * whole[part].T @ values
            total += whole[part].square().T @ here
        if self.known is None:
            return total / (len(y) * _FINE**2)
        mean = total / (seen.clamp(min=1) * _FINE**2)
        return mean if not bool(seen.any()) else mean.masked_fill(seen == 0, torch.inf)

    def _at(self, index: Tensor, share: Tensor, kind: Tensor) -> Tensor:
        """Whole numbers of exemplars at readings, shape (m, E)."""
        if index.shape[1] == 1:
            return self._rows[index[:, 0], kind].double()
        found = self._rows[index, kind[:, None]].float()
        return torch.einsum("nq,nqe->ne", share.float(), found).double()

    def _known_at(self, index: Tensor, kind: Tensor) -> Tensor:
        known = self._codes.T.unflatten(0, self.shape)[index, kind[:, None]] != GAP
        return known.all(dim=1).double()
