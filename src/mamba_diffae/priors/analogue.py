"""A Gaussian of the training fields that are most like the observations.

Its posterior mean is known in closed form: the network starts from the best linear guess of a local
model, and learns only what is left.
"""

from __future__ import annotations

from typing import Any, final

import torch
from torch import Tensor

from mamba_diffae.fields import FieldData, Observations
from mamba_diffae.fields.errors import FieldError
from mamba_diffae.priors.base import Prior, PriorConfig, PriorPosterior, bin_observations
from mamba_diffae.priors.exemplars import GAP, ExemplarBank, choose, encode
from mamba_diffae.priors.field_law import FieldLaw
from mamba_diffae.priors.randomness import generator_of, normals
from mamba_diffae.priors.woodbury import correction

ANALOGUES, BANDWIDTH = 64, 12
"""Training fields looked at, and the one of them that counts 1/e as much as the nearest."""
LOCAL = 0.5
"""Share of the covariance that is the analogues' own; the rest is that of all training fields."""
NUGGET = 4e-3
"""Variance, on the scale [-1, 1], of what the Gaussian leaves unexplained."""
_AT_ONCE = 8
"""Fields whose analogues are looked at together: much memory at a time is slow to get."""


@final
class AnaloguePrior(Prior):
    """The posterior mean of a field under a Gaussian of the exemplars that resemble it.

    Exemplars are training fields, averaged to a lattice. Observations are averaged in the
    lattice's cells. The nearest exemplars there get weights w; with m their weighted mean, the
    field is taken to be N(m, Σ), where Σ mixes their weighted covariance with that of all
    exemplars, and is conditioned on the observed cells: docs/concepts.md, eq. (9) to (11).
    With equal weights this is gappy POD.

    Args:
        config: Lattice and sizes.

    Raises:
        FieldError: If it may keep no exemplar.

    Reference:
        Everson & Sirovich (1995), https://doi.org/10.1364/JOSAA.12.001657, for the global part;
        Lorenz (1969), Atmospheric predictability as revealed by naturally occurring analogues.
    """

    exemplars: Tensor

    def __init__(self, config: PriorConfig) -> None:
        super().__init__(config)
        if not config.exemplars:
            raise FieldError(
                "The analogue prior was given exemplars=0; give one at least, or prior='none'."
            )
        size = config.cells * config.value_dim
        exemplars = torch.zeros(config.exemplars, size, dtype=torch.int8)
        self.register_buffer("exemplars", exemplars)
        self.register_buffer("groups", torch.zeros(config.exemplars, dtype=torch.int64))
        self._bank: ExemplarBank | None = None

    @property
    def fitted(self) -> bool:
        """Whether there are exemplars."""
        return bool(self.exemplars.any())

    def fit(self, data: FieldData, validation: FieldData | None = None) -> None:
        """Keep training fields: all, or as many as there is room for.

        Raises:
            FieldError: If there is room for more than there are.
        """
        if len(self.exemplars) > len(data):
            raise FieldError(
                f"The prior has room for {len(self.exemplars)} exemplars, but there are "
                f"{len(data)} training fields; build the network with exemplars={len(data)} or "
                "less."
            )
        kept = data.take(choose(len(data), len(self.exemplars)))
        # The lattice is equally spaced, also where its shape is that of an uneven grid.
        self.exemplars.copy_(encode(kept.at(kept.grid.regrid(self.config.shape))))
        self.groups.copy_(torch.as_tensor(kept.groups))
        self._bank = None

    def fields(self) -> tuple[Tensor, Tensor]:
        """See `Prior.fields`; mirrored ones too, if they count."""
        shape = (-1, self.config.cells, self.config.value_dim)
        known = self._codes() != GAP
        return self.bank().fields.reshape(shape), known.reshape(shape)

    def _load_from_state_dict(self, *args: Any, **options: Any) -> None:
        """Loaded exemplars are others than those of the bank."""
        super()._load_from_state_dict(*args, **options)
        self._bank = None

    def __getstate__(self) -> dict[str, Any]:
        """Copies and pickles leave out what is computed from the exemplars."""
        return {**self.__dict__, "_bank": None}

    @torch.no_grad()
    def posterior(
        self,
        observations: Observations,
        groups: Tensor | None = None,
        keys: Tensor | None = None,
    ) -> PriorPosterior:
        """See `Prior.posterior`; fields observed in the same cells share one factorisation.

        Draws vary as stated: around the mean as the analogues do, nothing where observed.
        """
        observed, average = bin_observations(self.config, observations)
        hidden = None if groups is None else groups[:, None] == self.groups
        patterns, pattern = observed.flatten(1).unique(dim=0, return_inverse=True)
        mean, std = average.new_empty(average.shape), average.new_empty(*average.shape[:2], 1)
        none = pattern.new_empty(len(pattern), 0)
        given = none if keys is None else keys.to(pattern.device)
        draws = average.new_empty(*given.shape, *average.shape[1:])
        for p, values in enumerate(patterns):
            rows = (pattern == p).nonzero()[:, 0]
            excluded = None if hidden is None else hidden[rows]
            found = self._estimate(values, average[rows].flatten(1), excluded, given[rows])
            mean[rows], std[rows], draws[rows] = found
        unseen = 1 - observed.to(std.dtype).mean(dim=-1, keepdim=True)
        draws = mean[:, None] + draws.masked_fill(observed[:, None], 0)
        asked = None if keys is None else draws
        return PriorPosterior.of(mean, std * unseen, observed, draws=asked)

    def _estimate(
        self, pattern: Tensor, average: Tensor, excluded: Tensor | None, keys: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Of fields whose same values were observed, see `_local`."""
        observed, across, L = self._observed(pattern, 1 - LOCAL)
        y = average[:, observed]
        distance = self.bank().distances(y, observed)
        hidden = [None] * len(y) if excluded is None else excluded.split(_AT_ONCE)
        given = y.split(_AT_ONCE), distance.split(_AT_ONCE), keys.split(_AT_ONCE)
        parts = zip(*given, hidden, strict=False)
        found = [self._local(*part, observed, across, L) for part in parts]
        mean, std, moved = map(torch.cat, zip(*found, strict=True))
        return mean, std, moved

    def _observed(self, pattern: Tensor, share: float) -> tuple[Tensor, Tensor, Tensor]:
        """Which values (n,), a share of their covariance with all (n, P), and the factor (n, n).

        The factor is of that covariance at the observed values, with the nugget.
        """
        observed = pattern.nonzero()[:, 0]
        across = self.bank().covariance.index_select(0, observed).mul_(share)
        K = across[:, observed]
        K.diagonal().add_(NUGGET)
        return observed, across, torch.linalg.cholesky(K)

    @torch.no_grad()
    def condition_increment(self, change: Tensor, observed: Tensor) -> Tensor:
        """See `Prior.condition_increment`: docs/concepts.md, eq. (14)."""
        patterns, pattern = observed.flatten(1).unique(dim=0, return_inverse=True)
        flat = change.flatten(1)
        left = flat.clone()
        for p, values in enumerate(patterns):
            index, across, L = self._observed(values, 1.0)
            moved = flat[pattern == p]
            left[pattern == p] -= torch.cholesky_solve(moved[:, index].T, L).T @ across
        return left.unflatten(1, change.shape[1:])

    def field_law(self) -> FieldLaw:
        """See `Prior.field_law`: the moments of all exemplars, and the nugget."""
        bank, shape = self.bank(), (self.config.cells, self.config.value_dim)
        deviations = bank.deviations(torch.arange(len(bank.fields), device=bank.fields.device))
        modes = (deviations / len(deviations) ** 0.5).T.double().cpu().reshape(*shape, -1)
        return FieldLaw.of_modes(self.config, bank.mean.double().cpu().view(shape), modes, NUGGET)

    def _local(
        self,
        y: Tensor,
        distance: Tensor,
        keys: Tensor,
        excluded: Tensor | None,
        observed: Tensor,
        across: Tensor,
        L: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Mean (B, P, C), deviation (B, P, 1) and draws around 0 (B, K, P, C) of each field.

        The mean is that of its own Gaussian, the others are those of its analogues.
        """
        centre, analogues, weight = self._analogues(distance, excluded)
        moved = _random_size(keys, weight) @ analogues
        if excluded is not None:
            own, share = self._own(excluded)
            analogues, weight = torch.cat([analogues, own], 1), torch.cat([weight, share], 1)
        residual = y - centre[:, observed]
        field = centre + correction(across, L, analogues, observed, weight, residual)
        std = (weight.clamp(min=0)[..., None] * analogues.square()).sum(dim=1).sqrt()
        C = self.config.value_dim
        field, std, moved = (x.unflatten(-1, (-1, C)) for x in (field, std, moved))
        return field, std.mean(dim=-1, keepdim=True), moved

    def _analogues(
        self, distance: Tensor, excluded: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Weighted mean (B, P), deviations from it (B, r, P) and weights (B, r) of analogues.

        See docs/concepts.md, eq. (8).
        """
        fields = self.bank().fields
        if excluded is not None:
            distance = distance.masked_fill(self._with_mirrored(excluded, 1), torch.inf)
        near, index = distance.topk(min(ANALOGUES, len(fields)), dim=1, largest=False)
        allowed = torch.isfinite(near)
        reach = near[:, : BANDWIDTH + 1].masked_fill(~allowed[:, : BANDWIDTH + 1], 0).amax(dim=1)
        nearest = near[:, :1].masked_fill(~allowed[:, :1], 0)
        width = (reach[:, None] - nearest).clamp(min=1e-6)
        weight = torch.exp(-(near - nearest) / width).masked_fill(~allowed, 0)
        # The nearest counts 1, so less than that is nothing: all exemplars are excluded.
        weight = weight / weight.sum(dim=1, keepdim=True).clamp(min=1)
        found = fields.index_select(0, index.flatten()).unflatten(0, index.shape)
        centre = (weight[..., None] * found).sum(dim=1)
        return centre, found - centre[:, None], LOCAL * weight

    def _own(self, excluded: Tensor) -> tuple[Tensor, Tensor]:
        """What takes excluded exemplars out of the covariance of all: negative weights.

        Σ over the others of (x - μ')² is Σ over all of (x - μ)², less that of the excluded, less
        E' (μ' - μ)²: their own mean μ' is another one. Where exemplars have gaps, that is so up to
        terms of the order of 1 / E. See docs/concepts.md, eq. (12).
        """
        bank = self.bank()
        out = self._with_mirrored(excluded, 1).to(bank.mean.dtype)
        count = out.sum(dim=1, keepdim=True)
        share, index = out.topk(int(count.max().clamp(min=1)), dim=1)
        own, others = bank.deviations(index), (len(bank.fields) - count).clamp(min=1)
        shift = (share[..., None] * own).sum(dim=1, keepdim=True) / others[..., None]
        weight = -(1 - LOCAL) / len(bank.fields) * torch.cat([share, others], dim=1)
        return torch.cat([own, shift], dim=1), weight

    def _with_mirrored(self, per_exemplar: Tensor, dim: int) -> Tensor:
        """Repeat a per-exemplar mask for the mirrored exemplars."""
        return torch.cat([per_exemplar] * (2 if self.config.mirrored else 1), dim)

    def _codes(self) -> Tensor:
        """The exemplars, and mirrored ones if they count."""
        if not self.config.mirrored:
            return self.exemplars
        shape = (-1, *self.config.shape, self.config.value_dim)
        return torch.cat([self.exemplars, self.exemplars.reshape(shape).flip(-2).flatten(1)])

    def bank(self) -> ExemplarBank:
        """The exemplars as floating-point numbers, made once."""
        if self._bank is None or self._bank.mean.device != self.exemplars.device:
            self._bank = ExemplarBank.of(self._codes())
        return self._bank


def _random_size(keys: Tensor, weight: Tensor) -> Tensor:
    """Normals of each key (B, K) of the variances (B, r), shape (B, K, r)."""
    found = weight.new_empty(*keys.shape, weight.shape[1])
    for row, of in zip(found.flatten(0, 1), keys.flatten().tolist(), strict=True):
        row.copy_(normals(generator_of(of), len(row)))
    return found * weight.sqrt()[:, None]
