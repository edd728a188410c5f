"""What a latent holds of a field wherever it lies: which values occur, and how often."""

from __future__ import annotations

import warnings
from typing import final

import torch
from torch import Tensor, nn

from mamba_diffae.models.code import rotation

PSEUDO = 2
"""Observations of the usual values that stand beside the real ones."""
FINEST = 1 / 16
"""Width of a kind of values at the least, in root mean square deviations of all values."""
_SAMPLE, _AT_ONCE = 20_000, 64
"""Values that kinds are learned from, and fields that are counted at a time."""


@final
class PaletteCode(nn.Module):
    """How the observed values are distributed over kinds of values, as square roots.

    Kinds are the clusters (k-means) of the values of known fields; a value belongs to those near
    it, with Gaussian weights. Of L observations, n_k of kind k, the share is the posterior mean
    p_k = (n_k + α u_k) / (L + α) of a Dirichlet law around the usual shares u. The code is √p,
    centred, turned by a fixed rotation, and scaled so that known fields have variance 1 on average.
    Distances are so Hellinger's, and chance moves rare kinds no more than frequent ones.

    No linear code of the field can say this: where a value is counts for nothing.

    Args:
        kinds: Kinds of values, K, as many as coordinates; 0: there is no code.
        channels: C.

    Reference:
        Arandjelović & Zisserman (2012), Three things everyone should know to improve object
        retrieval, https://doi.org/10.1109/CVPR.2012.6248018, for the square roots; van Gemert et
        al. (2010), Visual word ambiguity, https://doi.org/10.1109/TPAMI.2009.132, for the weights.
    """

    codebook: Tensor
    width: Tensor
    usual: Tensor
    turn: Tensor
    centre: Tensor

    def __init__(self, kinds: int, channels: int) -> None:
        super().__init__()
        self.register_buffer("codebook", torch.zeros(kinds, channels))
        self.register_buffer("width", torch.ones(()))
        self.register_buffer("usual", torch.full((kinds,), 1 / max(kinds, 1)))
        self.register_buffer("turn", torch.zeros(kinds, kinds))
        self.register_buffer("centre", torch.zeros(kinds))

    def learn(self, fields: Tensor) -> None:
        """Find the kinds of values of complete fields, shape (S, P, C), and how usual they are."""
        kinds = len(self.codebook)
        if not kinds:
            return
        codebook, error = _clusters(_sample(fields), kinds)
        finest = FINEST * fields.flatten(0, 1).std(dim=0, correction=0).square().sum().sqrt()
        self.codebook.copy_(codebook)
        self.width.copy_(error.to(finest).maximum(finest).clamp(min=1e-3))
        share = torch.cat([self._belonging(part).mean(dim=1) for part in fields.split(_AT_ONCE)])
        self.usual.copy_(share.mean(dim=0))
        roots = self._roots(share * fields.shape[1], fields.shape[1])
        deviation = roots.var(dim=0, correction=0).mean().sqrt()
        scale = deviation.reciprocal() if deviation > 1e-6 else 0.0
        self.turn.copy_(rotation(kinds).to(roots.device) * scale)
        self.centre.copy_(roots.mean(dim=0))

    def encode(self, values: Tensor, mask: Tensor) -> Tensor:
        """The code of observations, wherever they were made.

        Args:
            values: Shape (B, L, C), scaled.
            mask: True where an observation is real, shape (B, L).

        Returns:
            Shape (B, K).
        """
        real = mask.to(values.dtype)[..., None]
        count = (self._belonging(values) * real).sum(dim=1)
        return (self._roots(count, real.sum(dim=1)) - self.centre) @ self.turn

    def _belonging(self, values: Tensor) -> Tensor:
        """To which kinds values belong, (B, L, C) to (B, L, K); the weights of a value sum to 1.

        Of |v - c|² the part |v|² is the same for all kinds, so it is left out.
        """
        c = self.codebook
        return ((values @ c.T - c.square().sum(dim=1) / 2) / self.width**2).softmax(dim=-1)

    def _roots(self, count: Tensor, total: Tensor | int) -> Tensor:
        return ((count + PSEUDO * self.usual) / (total + PSEUDO)).sqrt()


def _sample(fields: Tensor) -> Tensor:
    """Some values of fields (S, P, C), with replacement, the same in every run."""
    values = fields.flatten(0, 1)
    generator = torch.Generator().manual_seed(0)
    return values[torch.randint(len(values), (_SAMPLE,), generator=generator).to(values.device)]


def _clusters(values: Tensor, kinds: int) -> tuple[Tensor, Tensor]:
    """Centres of clusters of values (n, C), and the root mean square distance to the nearest."""
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning

    values = values.cpu()
    clusters = KMeans(kinds, n_init=1, random_state=0)  # pyright: ignore[reportArgumentType]
    with warnings.catch_warnings():
        # Fewer different values than kinds: some kinds are then the same.
        warnings.simplefilter("ignore", ConvergenceWarning)
        centres = torch.from_numpy(clusters.fit(values.numpy()).cluster_centers_)
    return centres, torch.cdist(values, centres).amin(dim=1).square().mean().sqrt()
