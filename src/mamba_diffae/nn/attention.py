"""Reading from points: pooling, cross-attention, nearest observations, surrounding anchors."""

from __future__ import annotations

import itertools
from typing import NamedTuple, final

import torch
from torch import Tensor, nn
from torch.nn import functional as F


@final
class AttentionPool(nn.Module):
    """A fixed number of learned queries read a set of tokens; permuting the set changes nothing.

    Args:
        d_model: Width of a token.
        queries: Learned queries; the output is `queries * d_model` wide.
    """

    def __init__(self, d_model: int, queries: int) -> None:
        super().__init__()
        self.score = nn.Linear(d_model, queries)
        self.value = nn.Linear(d_model, d_model)

    def forward(self, tokens: Tensor, mask: Tensor) -> Tensor:
        """Tokens (B, L, d) and mask (B, L) to (B, queries * d)."""
        score = self.score(tokens).masked_fill(~mask[..., None], -torch.inf)
        return (score.softmax(dim=1).transpose(1, 2) @ self.value(tokens)).flatten(1)


def mean_pool(tokens: Tensor, mask: Tensor) -> Tensor:
    """Mean of the real tokens, (B, L, d) and (B, L) to (B, d)."""
    weight = mask[..., None].to(tokens.dtype)
    return (tokens * weight).sum(1) / weight.sum(1).clamp(min=1)


@final
class CrossAttention(nn.Module):
    """Queries attend to context tokens, with a residual.

    Args:
        d_model: Width of a token.
        heads: Attention heads.
    """

    def __init__(self, d_model: int, heads: int = 4) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(d_model)
        self.q = nn.Linear(d_model, d_model)
        self.kv = nn.Linear(d_model, 2 * d_model)
        self.out = nn.Linear(d_model, d_model)

    def forward(self, queries: Tensor, context: Tensor, mask: Tensor) -> Tensor:
        """Queries (B, M, d), context (B, L, d), mask (B, L) to (B, M, d)."""
        q = self.q(self.norm(queries)).unflatten(-1, (self.heads, -1)).transpose(1, 2)
        k, v = self.kv(context).unflatten(-1, (2, self.heads, -1)).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=mask[:, None, None])
        return queries + self.out(y.transpose(1, 2).flatten(2))


class Neighbours(NamedTuple):
    """The k nearest points of every query.

    Attributes:
        point: Which points, shape (B, M, k).
        offset: From the query to the point, shape (B, M, k, D).
        weight: 1 at the query, falling to 0 at the k-th neighbour, shape (B, M, k): a field read
            with these weights is continuous, since a point enters and leaves with weight 0.
    """

    point: Tensor
    offset: Tensor
    weight: Tensor


def nearest(query_coords: Tensor, coords: Tensor, mask: Tensor, k: int) -> Neighbours:
    """Find the k nearest real points of every query.

    Args:
        query_coords: Shape (B, M, D).
        coords: Shape (B, L, D).
        mask: Shape (B, L); padded points get no weight.
        k: Neighbours; with fewer points than that, all of them, within the square's diameter.
    """
    # Through matrix products a distance would lose digits and depend on the rest of the batch.
    distance = torch.cdist(query_coords, coords, compute_mode="donot_use_mm_for_euclid_dist")
    distance = distance.masked_fill(~mask[:, None], torch.inf)
    near, index = distance.topk(min(k, coords.shape[1]), dim=-1, largest=False)
    rows = torch.arange(len(coords), device=coords.device)[:, None, None]
    offset = coords[rows, index] - query_coords[:, :, None]
    # Where no k-th point exists there is no edge to fall to: the whole domain is near.
    edge = near[..., -1:] if k <= coords.shape[1] else near.new_full((1,), torch.inf)
    radius = torch.where(torch.isfinite(edge), edge, 2 * coords.shape[-1] ** 0.5)
    weight = (1 - (near / radius.clamp(min=1e-12)).square()).clamp(min=0).square()
    return Neighbours(index, offset, weight)


@final
class LocalRead(nn.Module):
    """What the nearest encoded observations say at a query, fading to zero at the edge.

    Each neighbour sends gelu(P token + Q offset); a learned score times the neighbour's weight says
    how much it counts. The same weights average the observed values: an interpolation to start
    from.

    Args:
        coord_dim: D.
        d_model: Width of an encoded observation.
        width: Width of a message.
        heads: Parts of the message that are weighted apart.
        length: Unit of the offset.
    """

    def __init__(
        self, coord_dim: int, d_model: int, width: int, length: float, heads: int = 4
    ) -> None:
        super().__init__()
        self.length = length
        self.width = width
        self.token = nn.Linear(d_model, width)
        self.offset = nn.Linear(2 * coord_dim + 1, width)
        self.score = nn.Linear(width, heads)

    def forward(self, near: Neighbours, tokens: Tensor, values: Tensor) -> Tensor:
        """Read at every query.

        Args:
            near: The neighbours, of M queries.
            tokens: Encoded observations, shape (B, L, d_model).
            values: Observed values, shape (B, L, C).

        Returns:
            Messages and averaged values, shape (B, M, width + C); zero where nothing is near.
        """
        table = torch.cat([self.token(tokens), values], dim=-1)
        batch, points, size = table.shape
        start = torch.arange(batch, device=table.device)[:, None, None] * points
        rows = F.embedding(near.point + start, table.reshape(-1, size))
        sent, value = rows.split([self.width, size - self.width], dim=-1)
        message = F.gelu(sent + self.offset(self._offsets(near.offset)))
        share = self._shares(self.score(message), near.weight)  # (B, M, k, heads)
        heads = message.unflatten(-1, (share.shape[-1], -1))
        read = (share[..., None] * heads).sum(dim=2).flatten(2)
        return torch.cat([read, (share.mean(-1, keepdim=True) * value).sum(dim=2)], dim=-1)

    def _offsets(self, offset: Tensor) -> Tensor:
        """Near and far alike: the offset in cells, a saturating form, and its length."""
        r = offset / self.length
        return torch.cat([r, torch.tanh(r), r.norm(dim=-1, keepdim=True)], dim=-1)

    @staticmethod
    def _shares(score: Tensor, weight: Tensor) -> Tensor:
        """Weighted softmax over the neighbours; all zero where every weight is."""
        score = score.masked_fill(weight[..., None] == 0, -1e9)
        score = score - score.amax(dim=2, keepdim=True).detach()
        share = weight[..., None] * score.exp()
        return share / share.sum(dim=2, keepdim=True).clamp(min=1e-9)


def spline_weights(coords: Tensor, cells: int) -> Tensor:
    """Weights of every anchor of a regular grid at every coordinate, by cubic B-splines.

    They are smooth, positive, sum to one, and vanish outside the surrounding 4^D anchors; at the
    border the outermost anchor stands in for those beyond.

    Args:
        coords: Positions in [0, 1]^D, shape (B, M, D).
        cells: Anchors a side, at centres (i + 0.5) / cells.

    Returns:
        Shape (B, M, cells^D), x fastest.
    """
    position = coords * cells - 0.5
    base = position.floor()
    f = position - base
    g = 1 - f
    parts = torch.stack([g**3, 3 * f**3 - 6 * f**2 + 4, 3 * g**3 - 6 * g**2 + 4, f**3])
    axes = []
    for d in range(coords.shape[-1]):
        axis = coords.new_zeros(*coords.shape[:-1], cells)
        for i, weight in enumerate(parts[..., d] / 6):
            node = (base[..., d].long() + i - 1).clamp(0, cells - 1)
            axis = axis.scatter_add(-1, node[..., None], weight[..., None])
        axes.append(axis)
    total = axes[-1]
    for axis in reversed(axes[:-1]):  # the last axis runs slowest
        total = (total[..., :, None] * axis[..., None, :]).flatten(-2)
    return total


def lattice(cells: int, dim: int) -> Tensor:
    """Centres of a regular grid, shape (cells^dim, dim), x fastest."""
    axis = [(i + 0.5) / cells for i in range(cells)]
    return torch.tensor(list(itertools.product(axis, repeat=dim))).flip(-1)
