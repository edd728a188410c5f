"""The mean of a Gaussian with a shared covariance and a low-rank part of each field's own."""

from __future__ import annotations

import torch
from torch import Tensor


def correction(
    across: Tensor, L: Tensor, analogues: Tensor, observed: Tensor, weight: Tensor, residual: Tensor
) -> Tensor:
    """E[x | y] - m for x ~ N(m, S + Σ_j d_j z_j z_jᵀ), where weights d_j may be negative.

    The Cholesky factor of S + nugget at the observed values is shared by all fields; the low-rank
    rest, of each field its own, enters by the Woodbury identity: docs/concepts.md, eq. (13).

    Args:
        across: S between the n observed values and all, shape (n, P).
        L: The factor, shape (n, n).
        analogues: z_j, shape (B, r, P).
        observed: Which values, shape (n,).
        weight: d_j, shape (B, r).
        residual: y - m at the observed values, shape (B, n).

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
