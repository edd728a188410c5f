"""Reading from points: pooling, cross-attention, nearest observations, surrounding anchors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple, final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mamba_diffae.fields.geometry import Geometry
from mamba_diffae.nn.interpolation import node_index, node_position

_LEAST_WEIGHT = 1e-2
"""Where the points that have a variable weigh less than this, its average fades to 0."""


@final
class AttentionPool(nn.Module):
    """A fixed number of learned queries read a set of tokens; permuting the set changes nothing.

    Args:
        d_model: Width of a token.
        queries: Learned queries; the output is `queries * d_model` wide.
    """

    def __init__(self, d_model: int, queries: int) -> None:
        super().__init__()
        self.width = queries * d_model
        self.score = nn.Linear(d_model, queries)
        self.value = nn.Linear(d_model, d_model)

    def forward(self, tokens: Tensor, mask: Tensor) -> Tensor:
        """Tokens (B, L, d) and mask (B, L) to (B, queries * d)."""
        score = self.score(tokens).masked_fill(~mask[..., None], -torch.inf)
        return (score.softmax(dim=1).transpose(1, 2) @ self.value(tokens)).flatten(1)


@final
class MeanPool(nn.Module):
    """Mean of the real tokens.

    Args:
        d_model: Width of a token, and of the output.
    """

    def __init__(self, d_model: int) -> None:
        super().__init__()
        self.width = d_model

    def forward(self, tokens: Tensor, mask: Tensor) -> Tensor:
        """Tokens (B, L, d) and mask (B, L) to (B, d)."""
        weight = mask[..., None].to(tokens.dtype)
        return (tokens * weight).sum(1) / weight.sum(1).clamp(min=1)


@final
class CrossAttention(nn.Module):
    """Queries attend to context tokens, with a residual connection.

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
        offset: From the query to the point along the axes, shape (B, M, k, D).
        weight: 1 at the query, falling to 0 at the k-th neighbour, shape (B, M, k): a field read
            with these weights is continuous, since a point enters and leaves with weight 0. See
            docs/concepts.md, eq. (31).
    """

    point: Tensor
    offset: Tensor
    weight: Tensor


def nearest(
    query_coords: Tensor, coords: Tensor, mask: Tensor, k: int, geometry: Geometry
) -> Neighbours:
    """Find the k nearest real points of every query.

    Args:
        query_coords: Shape (B, M, D).
        coords: Shape (B, L, D).
        mask: Shape (B, L); padded points get no weight.
        k: Neighbours; with fewer points than that, all of them, within twice the diameter.
        geometry: What the distance is measured on.
    """
    # Through matrix products a distance would lose digits and depend on the rest of the batch.
    distance = torch.cdist(
        geometry.embed(query_coords),
        geometry.embed(coords),
        compute_mode="donot_use_mm_for_euclid_dist",
    )
    distance = distance.masked_fill(~mask[:, None], torch.inf)
    near, index = distance.topk(min(k, coords.shape[1]), dim=-1, largest=False)
    rows = torch.arange(len(coords), device=coords.device)[:, None, None]
    offset = geometry.tangent(query_coords[:, :, None], coords[rows, index])
    # Where no k-th point exists there is no edge to fall to: the whole domain is near.
    edge = near[..., -1:] if k <= coords.shape[1] else near.new_full((1,), torch.inf)
    radius = torch.where(torch.isfinite(edge), edge, 2 * geometry.diameter)
    weight = (1 - (near / radius.clamp(min=1e-12)).square()).clamp(min=0).square()
    return Neighbours(index, offset, weight)


@final
class LocalRead(nn.Module):
    """Message and average value of the nearest encoded observations at a query.

    Each neighbour sends gelu(P token + Q offset). Its weight in the sum is a softmax of a learned
    score times the neighbour's weight. The same weights average the observed values: a first
    interpolation.

    Args:
        coord_dim: D.
        d_model: Width of an encoded observation.
        width: Width of a message.
        length_scale: Unit of the offset.
        heads: Parts of the message that are weighted apart.
    """

    def __init__(
        self, coord_dim: int, d_model: int, width: int, length_scale: float, heads: int = 4
    ) -> None:
        super().__init__()
        self.length_scale = length_scale
        self.width = width
        self.token = nn.Linear(d_model, width)
        self.offset = nn.Linear(2 * coord_dim + 1, width)
        self.score = nn.Linear(width, heads)

    def forward(self, near: Neighbours, tokens: Tensor, values: Tensor, mask: Tensor) -> Tensor:
        """Read at every query.

        Args:
            near: The neighbours, of M queries.
            tokens: Encoded observations, shape (B, L, d_model).
            values: Observed values, 0 where `mask` is False, shape (B, L, C).
            mask: True where a point has the variable, shape (B, L, C).

        Returns:
            Messages and averaged values, shape (B, M, width + C). A message is zero where nothing
            is near, an average where no neighbour has the variable.
        """
        C = values.shape[-1]
        table = torch.cat([self.token(tokens), values, mask.to(values.dtype)], dim=-1)
        batch, points, size = table.shape
        first = torch.arange(batch, device=table.device)[:, None, None] * points
        rows = F.embedding(near.point + first, table.reshape(-1, size))
        sent, value, present = rows.split([self.width, C, C], dim=-1)
        message = F.gelu(sent + self.offset(self._offsets(near.offset)))
        weights = self._weights(self.score(message), near.weight)  # (B, M, k, heads)
        heads = message.unflatten(-1, (weights.shape[-1], -1))
        read = (weights[..., None] * heads).sum(dim=2).flatten(2)
        weight = weights.mean(-1, keepdim=True)
        total = (weight * present).sum(dim=2).clamp(min=_LEAST_WEIGHT)
        return torch.cat([read, (weight * value).sum(dim=2) / total], dim=-1)

    def _offsets(self, offset: Tensor) -> Tensor:
        """The offset in length scales, a saturating form of it, and its length."""
        r = offset / self.length_scale
        return torch.cat([r, torch.tanh(r), r.norm(dim=-1, keepdim=True)], dim=-1)

    @staticmethod
    def _weights(score: Tensor, weight: Tensor) -> Tensor:
        """Weighted softmax over the neighbours; all zero where every weight is."""
        score = score.masked_fill(weight[..., None] == 0, -1e9)
        score = score - score.amax(dim=2, keepdim=True).detach()
        product = weight[..., None] * score.exp()
        return product / product.sum(dim=2, keepdim=True).clamp(min=1e-9)


def spline_weights(coords: Tensor, shape: Sequence[int], geometry: Geometry) -> Tensor:
    """Weights of every anchor of a regular grid at every coordinate, by cubic B-splines.

    They are smooth, positive, sum to one, and vanish outside the surrounding 4^D anchors. At a
    border the outermost anchor stands in for those outside; a periodic axis has none.

    Args:
        coords: Positions, shape (B, M, D).
        shape: Anchors along every axis, at the centres of `lattice(shape, geometry.extent)`.
        geometry: Extent of every axis, and which are periodic.

    Returns:
        Shape (B, M, prod(shape)), in C order.
    """
    position = node_position(coords, shape, geometry)
    base = position.floor()
    f = position - base
    g = 1 - f
    parts = torch.stack([g**3, 3 * f**3 - 6 * f**2 + 4, 3 * g**3 - 6 * g**2 + 4, f**3])
    total = coords.new_ones(*coords.shape[:-1], 1)
    for d, cells in enumerate(shape):
        axis = coords.new_zeros(*coords.shape[:-1], cells)
        for i, weight in enumerate(parts[..., d] / 6):
            node = node_index(base[..., d].long() + i - 1, cells, geometry.periodic[d])
            axis = axis.scatter_add(-1, node[..., None], weight[..., None])
        total = (total[..., :, None] * axis[..., None, :]).flatten(-2)
    return total


def lattice(shape: Sequence[int], extent: Sequence[float] | None = None) -> Tensor:
    """Centres of a regular grid in C order, shape (prod(shape), D).

    Args:
        shape: Cells along every axis.
        extent: Length of every axis; None: 1.
    """
    extent = (1.0,) * len(shape) if extent is None else extent
    axes = [
        (torch.arange(n, dtype=torch.float64) + 0.5) / n * a
        for n, a in zip(shape, extent, strict=True)
    ]
    grid = torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1)
    return grid.reshape(math.prod(shape), len(shape)).float()
