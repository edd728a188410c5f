"""Which values occur in a field, and how often, wherever they lie."""

from __future__ import annotations

import warnings
from typing import ClassVar, final

import torch
from torch import Tensor

from mamba_diffae.fields import Observations
from mamba_diffae.models.codes.base import LatentCode, rotation
from mamba_diffae.models.config import AutoencoderConfig
from mamba_diffae.priors import PriorPosterior

CONCENTRATION = 2
"""Dirichlet concentration: pseudo-counts drawn from the mean training histogram."""
FINEST = 1 / 16
"""Width of a bin at the least, in root mean square deviations of all values."""
_SAMPLE, _AT_ONCE = 20_000, 64
"""Values that bins are learned from, and fields that are counted at a time."""


@final
class HistogramCode(LatentCode):
    """How the observed values are distributed over bins, as square roots.

    Bins are the clusters (k-means) of the values of training fields; a value belongs to those near
    it, with Gaussian weights, by the variables that were observed. Of N observations, n_k in bin k,
    the share is the posterior mean p_k = (n_k + α u_k) / (N + α) of a Dirichlet law around the mean
    training histogram u. The code is √p, centred, turned by a fixed rotation, and scaled so that
    training fields have variance 1 on average. Distances are so Hellinger's, and chance moves rare
    bins no more than frequent ones. See docs/concepts.md, eq. (17).

    No linear code of the field can say this: where a value is counts for nothing.

    Args:
        dim: Bins, K, as many as coordinates.
        config: Of the network.

    Reference:
        Arandjelović & Zisserman (2012), Three things everyone should know to improve object
        retrieval, https://doi.org/10.1109/CVPR.2012.6248018, for the square roots; van Gemert et
        al. (2010), Visual word ambiguity, https://doi.org/10.1109/TPAMI.2009.132, for the weights.
    """

    share: ClassVar[float | None] = 1 / 4
    decodes: ClassVar[bool] = False
    codebook: Tensor
    width: Tensor
    usual: Tensor
    turn: Tensor
    centre: Tensor

    def __init__(self, dim: int, config: AutoencoderConfig) -> None:
        super().__init__(dim, config)
        self.cells = config.prior_config.cells
        self.register_buffer("codebook", torch.zeros(dim, config.value_dim))
        self.register_buffer("width", torch.ones(()))
        self.register_buffer("usual", torch.full((dim,), 1 / max(dim, 1)))
        self.register_buffer("turn", torch.zeros(dim, dim))
        self.register_buffer("centre", torch.zeros(dim))

    def fit(self, fields: Tensor, known: Tensor) -> None:
        """See `LatentCode.fit`."""
        if not self.dim:
            return
        values = _known_values(fields, known)
        codebook, error = _clusters(_sample(values), self.dim)
        deviation = values.std(dim=0, correction=0).square().sum().sqrt()
        self.codebook.copy_(codebook)
        self.width.copy_(error.to(deviation).maximum(FINEST * deviation).clamp(min=1e-3))
        total = known.any(dim=-1).sum(dim=1, keepdim=True)
        seen = total[:, 0] > 0
        parts = zip(fields[seen].split(_AT_ONCE), known[seen].split(_AT_ONCE), strict=True)
        counts, total = torch.cat([self._counts(*part) for part in parts]), total[seen]
        self.usual.copy_((counts / total).mean(dim=0))
        roots = self._roots(counts, total)
        deviation = roots.var(dim=0, correction=0).mean().sqrt()
        scale = deviation.reciprocal() if deviation > 1e-6 else 0.0
        self.turn.copy_(rotation(self.dim).to(roots.device) * scale)
        self.centre.copy_(roots.mean(dim=0))

    def encode(self, observations: Observations, posterior: PriorPosterior) -> Tensor:
        """See `LatentCode.encode`."""
        count = self._counts(observations.values, observations.mask)
        total = observations.present.sum(dim=1, keepdim=True)
        return (self._roots(count, total) - self.centre) @ self.turn

    def decode(self, code: Tensor) -> Tensor:
        """See `LatentCode.decode`: nothing."""
        return code.new_zeros(len(code), self.cells, self.value_dim)

    def _counts(self, values: Tensor, known: Tensor) -> Tensor:
        """Values (B, N, C) in each bin, (B, K); the weights of a value sum to 1.

        Of |v - c|² the part |v|² is the same for all bins, so it is left out.
        """
        c, here = self.codebook, known.to(values.dtype)
        near = (values.masked_fill(~known, 0) @ c.T - here @ c.square().T / 2) / self.width**2
        present = known.any(dim=-1).to(values.dtype)
        return (near.softmax(dim=-1) * present[..., None]).sum(dim=1)

    def _roots(self, count: Tensor, total: Tensor) -> Tensor:
        share = (count + CONCENTRATION * self.usual) / (total + CONCENTRATION)
        return share.sqrt()


def _known_values(fields: Tensor, known: Tensor) -> Tensor:
    """Values (n, C) of the cells (of fields (E, P, C)) where every variable is known.

    Where there is no such cell, of those that have any, the mean in place of what is missing.
    """
    complete = known.all(dim=-1)
    if complete.any():
        return fields[complete]
    mean = fields.masked_fill(~known, 0).sum((0, 1)) / known.sum((0, 1)).clamp(min=1)
    return torch.where(known, fields, mean)[known.any(dim=-1)]


def _sample(values: Tensor) -> Tensor:
    """Some of the values (n, C), with replacement, the same in every run."""
    generator = torch.Generator().manual_seed(0)
    return values[torch.randint(len(values), (_SAMPLE,), generator=generator).to(values.device)]


def _clusters(values: Tensor, bins: int) -> tuple[Tensor, Tensor]:
    """Centres of clusters of values (n, C), and the root mean square distance to the nearest."""
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning

    values = values.cpu()
    clusters = KMeans(bins, n_init=1, random_state=0)  # pyright: ignore[reportArgumentType]
    with warnings.catch_warnings():
        # Fewer different values than bins: some bins are then the same.
        warnings.simplefilter("ignore", ConvergenceWarning)
        centres = torch.from_numpy(clusters.fit(values.numpy()).cluster_centers_)
    return centres, torch.cdist(values, centres).amin(dim=1).square().mean().sqrt()
