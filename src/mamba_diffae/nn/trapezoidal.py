"""The selective scan as a quadrature between points: discretised by a trapezoidal rule."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mamba_diffae.scan import selective_scan

_LEAST_DT = 1e-6
"""Least step of a real point: its input is divided by what the scan multiplies it by."""


@final
class ExponentialTrapezoidal(nn.Module):
    """Scans in K directions whose input is integrated over each gap by both of its ends.

    With Δ_t the step times the gap before point t, and λ_t in (0, 1) of each point and direction:

        h_t = exp(Δ_t A) h_{t-1} + (1 - λ_t) Δ_t exp(Δ_t A) B_{t-1} x_{t-1} + λ_t Δ_t B_t x_t.

    λ = 1/2, as it begins, is of second order, λ = 1 Euler's rule. See docs/concepts.md, section 5.

    Args:
        d_model: Width of a token.
        directions: K.

    Reference:
        Lahoti et al. (2026), Mamba-3, arXiv 2603.15569.
    """

    def __init__(self, d_model: int, directions: int) -> None:
        super().__init__()
        self.share = nn.Linear(d_model, directions)
        nn.init.zeros_(self.share.bias)

    def forward(
        self,
        x: Tensor,
        dt: Tensor,
        A: Tensor,
        B: Tensor,
        C: Tensor,
        order: Tensor,
        gap: Tensor | None,
    ) -> Tensor:
        """The sum of all directions, shape (B, L, D).

        Args:
            x: Input, shape (B, L, D).
            dt: Steps, 0 at padded points, shape (B, L, D).
            A: Decay rates, shape (K, D, N).
            B: Input weights, shape (B, K, L, N).
            C: Output weights, shape (B, K, L, N).
            order: Of the points in each scan, shape (B, K, L).
            gap: Before each point in each scan, shape (B, K, L); None: 1.
        """
        dt = torch.where(dt > 0, dt.clamp(min=_LEAST_DT), 0)
        share = torch.sigmoid(self.share(x)).transpose(1, 2)
        after = successors(order)
        total = torch.zeros_like(x)
        for k in range(order.shape[1]):
            before = None if gap is None else gap[:, k]
            scanned = trapezoidal_scan(
                x, dt, A[k], (B[:, k], C[:, k]), share[:, k], (order[:, k], after[:, k]), before
            )
            total = total + scanned
        return total


def successors(order: Tensor) -> Tensor:
    """The point after each point of each scan, L after the last, shape (B, K, L) like `order`."""
    following = F.pad(order[..., 1:], (0, 1), value=order.shape[-1])
    return torch.zeros_like(order).scatter(-1, order, following)


def trapezoidal_scan(
    x: Tensor,
    dt: Tensor,
    A: Tensor,
    weights: tuple[Tensor, Tensor],
    share: Tensor,
    path: tuple[Tensor, Tensor],
    gap: Tensor | None,
) -> Tensor:
    """One direction of `ExponentialTrapezoidal`, by one Euler scan.

    What a gap takes from its first end is added to the state at once, with the next point's step;
    the state so decays over that gap as well, and the point's own output takes it back:

        h'_t = exp(Δ_t A) h'_{t-1} + (λ_t Δ_t + a_t) B_t x_t,    a_t = (1 - λ_{t+1}) Δ_{t+1},
        y_t = C_t · h'_t - a_t (C_t · B_t) x_t.

    Args:
        x: Input, shape (B, L, D).
        dt: Steps, 0 at padded points, elsewhere at least 1e-6, shape (B, L, D).
        A: Decay rates, shape (D, N).
        weights: B and C, shape (B, L, N) each.
        share: λ, shape (B, L).
        path: The points in their order and the successor of each, from `successors`, both (B, L).
        gap: Before each point, shape (B, L); None: 1.

    Returns:
        Shape (B, L, D).
    """
    (B, C), (order, after) = weights, path
    closing, opening = (share, 1 - share) if gap is None else (share * gap, (1 - share) * gap)
    # A padded point has no step, so what the last real one and padded ones get from here is 0.
    entering = F.pad(opening[..., None] * dt, (0, 0, 0, 1))
    ahead = entering.gather(1, after[..., None].expand_as(x))
    scaled = x * (closing[..., None] + ahead / dt.clamp(min=_LEAST_DT))
    y = selective_scan(scaled, dt, A, B, C, step=gap, order=order[:, None])
    return y - ahead * (B * C).sum(dim=-1, keepdim=True) * x
