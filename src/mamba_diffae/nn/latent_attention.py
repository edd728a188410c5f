"""Attention of a set through a few learned vectors: linear in the number of points."""

from __future__ import annotations

import math
from typing import final

import torch
from torch import Tensor, nn

from mamba_diffae.nn.attention import CrossAttention

_MOST_HEADS = 4


@final
class AttentionBlock(nn.Module):
    """Attention to a normalised context, then a perceptron for each query; both are residual.

    Args:
        d_model: Width of a token.
    """

    def __init__(self, d_model: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(d_model)
        self.attention = CrossAttention(d_model, math.gcd(d_model, _MOST_HEADS))
        self.perceptron = nn.Sequential(
            nn.LayerNorm(d_model),
            nn.Linear(d_model, 2 * d_model),
            nn.GELU(),
            nn.Linear(2 * d_model, d_model),
        )

    def forward(self, queries: Tensor, context: Tensor, mask: Tensor) -> Tensor:
        """Queries (B, M, d), context (B, L, d), mask (B, L) to (B, M, d)."""
        queries = self.attention(queries, self.norm(context), mask)
        return queries + self.perceptron(queries)


@final
class LatentAttention(nn.Module):
    """Learned vectors read the points, attend to one another, and are read by the points.

    Its cost is (L M + blocks M²) d for L points and M vectors.

    Args:
        d_model: Width of a token.
        latents: Learned vectors, M.
        blocks: Blocks of self-attention among them.

    Reference:
        Jaegle et al. (2021), Perceiver IO, arXiv 2107.14795.
    """

    def __init__(self, d_model: int, latents: int, blocks: int) -> None:
        super().__init__()
        self.latents = nn.Parameter(torch.randn(latents, d_model))
        self.read = AttentionBlock(d_model)
        self.blocks = nn.ModuleList(AttentionBlock(d_model) for _ in range(blocks))
        self.write = AttentionBlock(d_model)

    def forward(self, tokens: Tensor, mask: Tensor) -> Tensor:
        """Tokens (B, L, d) and mask (B, L), True where a point is real, to tokens (B, L, d)."""
        latents = self.latents.expand(len(tokens), -1, -1)
        every = mask.new_ones(latents.shape[:2])
        latents = self.read(latents, tokens, mask)
        for block in self.blocks:
            latents = block(latents, latents, every)
        return self.write(tokens, latents, every)
