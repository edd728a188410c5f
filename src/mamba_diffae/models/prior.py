"""What a field probably is, before a network looks: the training fields most like the observations.

A Gaussian is laid around those training fields, and its posterior mean is known in closed form. So
the network starts from the best linear guess of a local model, and learns only what is left.
"""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple, final

import torch
from torch import Tensor, nn

ANALOGUES, BANDWIDTH = 64, 12
"""Training fields looked at, and the one of them that counts 1/e as much as the nearest."""
LOCAL = 0.5
"""Share of the covariance that is the analogues' own; the rest is that of all training fields."""
NUGGET = 4e-3
"""Variance, on the scale [-1, 1], of what the Gaussian leaves unexplained."""
_CODES, _FINE = 127, 256
"""Whole numbers up to 1 that exemplars are kept as, and parts of one that distances count in."""
_AT_ONCE = 8
"""Fields whose analogues are looked at together: much memory at a time is slow to get."""


class Library(NamedTuple):
    """The exemplars as numbers: `fields` (E, P), their `mean` (P,) and `covariance` (P, P).

    `codes` (P, E) are the whole numbers they are kept as, a row for each place.
    """

    fields: Tensor
    codes: Tensor
    mean: Tensor
    covariance: Tensor


@final
class AnaloguePrior(nn.Module):
    """The posterior mean of a field under a Gaussian of the exemplars that resemble it.

    Exemplars are complete fields, averaged to a lattice. Observations are averaged in the
    lattice's cells. The nearest exemplars there get weights w; with m their weighted mean, the
    field is taken to be N(m, Σ), where Σ mixes their weighted covariance with that of all
    exemplars, and is conditioned on the observed cells. With equal weights this is gappy POD.

    Args:
        count: Exemplars, E; they are kept as 8-bit numbers.
        cells: Cells of the lattice a side, G.
        coord_dim: D.
        value_dim: C.
        mirrored: Whether the mirror image (first axis) of an exemplar is an exemplar as well.

    Reference:
        Everson & Sirovich (1995), https://doi.org/10.1364/JOSAA.12.001657, for the global part;
        Lorenz (1969), Atmospheric predictability as revealed by naturally occurring analogues.
    """

    BESIDE: ClassVar[int] = 2
    """Numbers of a cell beside the mean: a spread, and whether it was seen."""
    exemplars: Tensor

    def __init__(
        self, count: int, cells: int, coord_dim: int, value_dim: int, mirrored: bool
    ) -> None:
        super().__init__()
        self.cells, self.coord_dim, self.value_dim = cells, coord_dim, value_dim
        self.mirrored = mirrored
        size = cells**coord_dim * value_dim
        self.register_buffer("exemplars", torch.zeros(count, size, dtype=torch.int8))
        self._library: Library | None = None

    @property
    def outputs(self) -> int:
        """Numbers for each cell: the mean of each channel, and those beside it."""
        return self.value_dim + self.BESIDE

    def remember(self, values: Tensor) -> None:
        """Take complete fields as exemplars.

        Args:
            values: Averages over the lattice's cells, x fastest, shape (E, G^D, C), scaled.
        """
        codes = (values.flatten(1) * _CODES).round().clamp(-_CODES, _CODES)
        self.exemplars.copy_(codes.to(torch.int8))
        self._library = None

    def _load_from_state_dict(self, *args: Any, **options: Any) -> None:
        """Loaded exemplars are others than those of the library."""
        super()._load_from_state_dict(*args, **options)
        self._library = None

    @torch.no_grad()
    def forward(
        self, coords: Tensor, values: Tensor, mask: Tensor, excluded: Tensor | None = None
    ) -> Tensor:
        """The estimate on the lattice.

        Args:
            coords: Shape (B, L, D).
            values: Shape (B, L, C), scaled.
            mask: True where an observation is real, shape (B, L).
            excluded: Exemplars that must not be used, shape (B, E): for a training field itself
                and its copies, else it would be its own best guess.

        Returns:
            Mean (C), spread of the analogues (1) and whether the cell was seen (1), shape
            (B, G^D, C + 2).
        """
        seen, average = self._binned(coords, values, mask)
        patterns, pattern = seen.unique(dim=0, return_inverse=True)
        estimate = values.new_empty(*seen.shape, self.outputs)
        for p, cells in enumerate(patterns):
            rows = (pattern == p).nonzero()[:, 0]
            hidden = None if excluded is None else excluded[rows]
            estimate[rows] = self._estimate(cells, average[rows], hidden)
        return estimate

    def _binned(self, coords: Tensor, values: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Which cells were seen (B, G^D), and the average seen there (B, G^D, C)."""
        place = (coords * self.cells).long().clamp(0, self.cells - 1)
        stride = self.cells ** torch.arange(self.coord_dim, device=coords.device)
        cell = (place * stride).sum(dim=-1)
        # In double precision, so that the order of the points does not matter.
        real = mask.double()[..., None]
        source = torch.cat([values * real, real], dim=-1)
        cells = self.cells**self.coord_dim
        total = source.new_zeros(len(values), cells, self.value_dim + 1)
        total.scatter_add_(1, cell[..., None].expand(source.shape), source)
        count = total[..., -1]
        average = total[..., :-1] / count.clamp(min=1)[..., None]
        return count > 0, average.to(values.dtype)

    def _estimate(self, seen: Tensor, average: Tensor, excluded: Tensor | None) -> Tensor:
        """The estimate of fields that were observed in the same cells."""
        observed, across, L = self._observed(seen, 1 - LOCAL)
        y = average[:, seen].flatten(1)
        distance = _distances(y, self.library().codes.index_select(0, observed))
        hidden = [None] * len(y) if excluded is None else excluded.split(_AT_ONCE)
        parts = zip(y.split(_AT_ONCE), distance.split(_AT_ONCE), hidden, strict=False)
        estimates = (self._local(*part, observed, across, L) for part in parts)
        field, spread = map(torch.cat, zip(*estimates, strict=True))
        flag = seen.to(field.dtype).expand(len(field), -1)[..., None]
        return torch.cat([field, spread * (1 - flag), flag], dim=-1)

    def _observed(self, seen: Tensor, share: float) -> tuple[Tensor, Tensor, Tensor]:
        """What was observed (n,), a share of its covariance with all (n, P), and the factor (n, n).

        The factor is of that covariance at the observed places, with the nugget.
        """
        places = seen.nonzero() * self.value_dim
        observed = (places + torch.arange(self.value_dim, device=seen.device)).flatten()
        across = self.library().covariance.index_select(0, observed).mul_(share)
        K = across[:, observed]
        K.diagonal().add_(NUGGET)
        return observed, across, torch.linalg.cholesky(K)

    @torch.no_grad()
    def allowed(self, change: Tensor, seen: Tensor) -> Tensor:
        """What is left of a change of the field if nothing may change where it was seen.

        The mean of the Gaussian of all exemplars around that change, given that the change is zero
        in the seen cells.

        Args:
            change: On the lattice, shape (B, G^D, C).
            seen: Shape (B, G^D), bool.

        Returns:
            Shape (B, G^D, C).
        """
        patterns, pattern = seen.unique(dim=0, return_inverse=True)
        flat = change.flatten(1)
        left = flat.clone()
        for p, cells in enumerate(patterns):
            observed, across, L = self._observed(cells, 1.0)
            moved = flat[pattern == p]
            left[pattern == p] -= torch.cholesky_solve(moved[:, observed].T, L).T @ across
        return left.unflatten(1, change.shape[1:])

    def _local(
        self,
        y: Tensor,
        distance: Tensor,
        excluded: Tensor | None,
        observed: Tensor,
        across: Tensor,
        L: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """Mean (B, G^D, C) and spread (B, G^D, 1) under each field's own Gaussian."""
        fields, _, mean, _ = self.library()
        centre, analogues, weight = self._analogues(fields, distance, excluded)
        if excluded is not None:
            own, share = self._own(fields, mean, excluded)
            analogues, weight = torch.cat([analogues, own], 1), torch.cat([weight, share], 1)
        residual = y - centre[:, observed]
        field = centre + _correction(across, L, analogues, observed, weight, residual)
        spread = (weight.clamp(min=0)[..., None] * analogues.square()).sum(dim=1).sqrt()
        field, spread = (x.unflatten(1, (-1, self.value_dim)) for x in (field, spread))
        return field, spread.mean(dim=-1, keepdim=True)

    def _analogues(
        self, fields: Tensor, distance: Tensor, excluded: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Weighted mean (B, P), deviations from it (B, r, P) and weights (B, r) of analogues."""
        if excluded is not None:
            distance = distance.masked_fill(self._with_mirrored(excluded, 1), torch.inf)
        near, index = distance.topk(min(ANALOGUES, len(fields)), dim=1, largest=False)
        allowed = torch.isfinite(near)
        reach = near[:, : BANDWIDTH + 1].masked_fill(~allowed[:, : BANDWIDTH + 1], 0).amax(dim=1)
        width = (reach - near[:, 0]).clamp(min=1e-6)[:, None]
        weight = torch.exp(-(near - near[:, :1]) / width).masked_fill(~allowed, 0)
        # The nearest counts 1, so less than that is nothing: all exemplars are excluded.
        weight = weight / weight.sum(dim=1, keepdim=True).clamp(min=1)
        found = fields.index_select(0, index.flatten()).unflatten(0, index.shape)
        centre = (weight[..., None] * found).sum(dim=1)
        return centre, found - centre[:, None], LOCAL * weight

    def _own(self, fields: Tensor, mean: Tensor, excluded: Tensor) -> tuple[Tensor, Tensor]:
        """What takes excluded exemplars out of the covariance of all: negative weights.

        Σ over the others of (x - μ')² is Σ over all of (x - μ)², less that of the excluded, less
        E' (μ' - μ)²: their own mean μ' is another one.
        """
        out = self._with_mirrored(excluded, 1).to(fields.dtype)
        count = out.sum(dim=1, keepdim=True)
        share, index = out.topk(int(count.max().clamp(min=1)), dim=1)
        own, others = fields[index] - mean, (len(fields) - count).clamp(min=1)
        shift = (share[..., None] * own).sum(dim=1, keepdim=True) / others[..., None]
        weight = -(1 - LOCAL) / len(fields) * torch.cat([share, others], dim=1)
        return torch.cat([own, shift], dim=1), weight

    def _with_mirrored(self, exemplars: Tensor, dim: int) -> Tensor:
        """A statement on the exemplars, said of their mirror images too."""
        return torch.cat([exemplars, exemplars], dim) if self.mirrored else exemplars

    def library(self) -> Library:
        """The exemplars as floating-point numbers, made once."""
        if self._library is None or self._library.mean.device != self.exemplars.device:
            codes = self.exemplars
            if self.mirrored:
                shape = (-1, *[self.cells] * self.coord_dim, self.value_dim)
                codes = torch.cat([codes, codes.reshape(shape).flip(-2).flatten(1)])
            fields = codes.float() / _CODES
            mean = fields.mean(dim=0)
            deviation = fields - mean
            covariance = deviation.T @ deviation / len(fields)
            self._library = Library(fields, codes.T.contiguous(), mean, covariance)
        return self._library


def _distances(y: Tensor, codes: Tensor) -> Tensor:
    """Squared distances of observations (B, n) from exemplars, codes (n, E), shape (B, E).

    Through matrix products a distance loses digits, and exemplars that are equally near (white in
    the same corner) would be chosen by rounding errors, which depend on the rest of the batch. So
    they are computed in whole numbers, which double precision holds exactly.
    """
    whole = (y.double() * _CODES * _FINE).round()
    parts = []
    for some in codes.split(64 * _AT_ONCE, dim=1):
        exact = some.double()
        parts.append(_FINE**2 * exact.square().sum(0) - 2 * _FINE * whole @ exact)
    squared = whole.square().sum(1)[:, None] + torch.cat(parts, dim=1)
    return (squared / (_CODES * _FINE) ** 2).to(y.dtype)


def _correction(
    across: Tensor, L: Tensor, analogues: Tensor, observed: Tensor, weight: Tensor, residual: Tensor
) -> Tensor:
    """E[x | y] - m for x ~ N(m, S + Σ_j d_j z_j z_jᵀ), where weights d_j may be negative.

    The Cholesky factor of S + nugget at the observed places is shared by all fields; the low-rank
    rest, of each field its own, enters by the Woodbury identity.

    Args:
        across: S between the n observed places and all, shape (n, P).
        L: The factor, shape (n, n).
        analogues: z_j, shape (B, r, P).
        observed: Which places, shape (n,).
        weight: d_j, shape (B, r).
        residual: y - m at the observed places, shape (B, n).

    Returns:
        Shape (B, P).
    """
    batch, r = weight.shape
    Z = analogues[:, :, observed]
    columns = torch.cat([Z, residual[:, None]], dim=1).flatten(0, 1).T
    U = torch.linalg.solve_triangular(L, columns, upper=False).T.unflatten(0, (batch, r + 1))
    U, u = U[:, :-1], U[:, -1:]
    D = weight[..., None]
    inner = torch.eye(r, device=U.device, dtype=U.dtype) + D * (U @ U.transpose(1, 2))
    s = torch.linalg.solve(inner, D * (U @ u.transpose(1, 2)))
    rest = (u - s.transpose(1, 2) @ U)[:, 0]
    alpha = torch.linalg.solve_triangular(L.T, rest.T, upper=True).T
    local = (D * (Z @ alpha[..., None])).transpose(1, 2) @ analogues
    return alpha @ across + local[:, 0]
