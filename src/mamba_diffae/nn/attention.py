"""Reading from points: pooling, cross-attention, nearest observations, surrounding anchors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple, final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mamba_diffae.fields.geometry import Geometry
from mamba_diffae.nn.interpolation import Taps, bspline

_LEAST_WEIGHT = 1e-2
"""Where the points that have a variable weigh less than this, its average fades to 0."""
_FEW_PAIRS = 2**17
"""Pairs of a query and a point, of which all distances are computed."""


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
    search = _by_tree if _is_large(query_coords, coords) else _by_distance
    embedded = geometry.embed(query_coords), geometry.embed(coords)
    near, index = search(*embedded, mask, min(k, coords.shape[1]))
    rows = torch.arange(len(coords), device=coords.device)[:, None, None]
    offset = geometry.tangent(query_coords[:, :, None], coords[rows, index])
    # Where no k-th point exists there is no edge to fall to: the whole domain is near.
    edge = near[..., -1:] if k <= coords.shape[1] else near.new_full((1,), torch.inf)
    radius = torch.where(torch.isfinite(edge), edge, 2 * geometry.diameter)
    weight = (1 - (near / radius.clamp(min=1e-12)).square()).clamp(min=0).square()
    return Neighbours(index, offset, weight)


def _is_large(queries: Tensor, coords: Tensor) -> bool:
    """Whether a tree is quicker than all distances; it has no gradient and cannot be traced."""
    if torch.compiler.is_compiling() or queries.requires_grad or coords.requires_grad:
        return False
    return queries.device.type == "cpu" and queries.shape[1] * coords.shape[1] > _FEW_PAIRS


def _by_distance(queries: Tensor, coords: Tensor, mask: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Distances of the k nearest real points and their numbers, both (B, M, k), from (B, M, E)."""
    # Through matrix products a distance would lose digits and depend on the rest of the batch.
    distance = torch.cdist(queries, coords, compute_mode="donot_use_mm_for_euclid_dist")
    distance = distance.masked_fill(~mask[:, None], torch.inf)
    return distance.topk(k, dim=-1, largest=False)


def _by_tree(queries: Tensor, coords: Tensor, mask: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The same by a k-d tree for each field; a point that does not exist is infinitely far."""
    from scipy.spatial import KDTree

    shape = (*queries.shape[:2], k)
    near, index = coords.new_empty(shape), torch.empty(shape, dtype=torch.int64)
    for b, here in enumerate(mask):
        real = here.nonzero()[:, 0]
        tree = KDTree(coords[b, real].detach().numpy())
        distance, number = tree.query(queries[b].detach().numpy(), k)
        near[b] = torch.as_tensor(distance).reshape(-1, k)
        # Beyond the last point the tree says its count: any padded place.
        padded = (~here).nonzero()[:1, 0]
        index[b] = torch.cat([real, padded])[torch.as_tensor(number).reshape(-1, k)]
    return near, index


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
        batch, points = tokens.shape[:2]
        first = torch.arange(batch, device=tokens.device)[:, None, None] * points
        rows = near.point + first
        # Two tables: a part of the rows of one would not be contiguous, and slow to add to.
        sent = F.embedding(rows, self.token(tokens).flatten(0, 1))
        table = torch.cat([values, mask.to(values.dtype)], dim=-1)
        value, present = F.embedding(rows, table.flatten(0, 1)).split([C, C], dim=-1)
        message = F.gelu(self.offset(self._offsets(near.offset)).add_(sent))
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
    taps = Taps.of(coords, shape, geometry, bspline)
    weights = coords.new_zeros(*coords.shape[:-1], math.prod(shape))
    around = (len(coords), -1, -1)
    return weights.scatter_add(-1, taps.node.expand(around), taps.weight.expand(around))


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
