"""A stationary Gaussian with a constant trend, conditioned on readings."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from mamba_diffae.priors.kriging.kernels import Law, correlation
from mamba_diffae.priors.kriging.readings import Boxes, Readings

JITTER = 1e-10
"""Least share of the variance on the diagonal: it keeps matrices regular."""
_BLOCK = 2**22
"""Kernel values that are held at once."""


class Moments(NamedTuple):
    """What readings are compared with.

    Attributes:
        law: Kernel, lengths and ratios.
        scale: Length of each embedded coordinate, shape (E,).
        between: Covariance of the kinds, shape (T, T).
        trend: Precision of the trend before any reading, shape (T, T); 0: nothing is known of it.
    """

    law: Law
    scale: Tensor
    between: Tensor
    trend: Tensor


class Solved(NamedTuple):
    """Readings under a Gaussian.

    With S their covariance, X their trend's functions and y their values:

    Attributes:
        factor: Lower Cholesky factor L of S, shape (..., m, m).
        design: L⁻¹ X, shape (..., m, T).
        residual: L⁻¹ (y - X β), shape (..., m, W).
        trend: β = (Xᵀ S⁻¹ X + P)⁻¹ Xᵀ S⁻¹ y, shape (..., T, W).
        information: Lower factor of Xᵀ S⁻¹ X + P, shape (..., T, T).
    """

    factor: Tensor
    design: Tensor
    residual: Tensor
    trend: Tensor
    information: Tensor


def covariance(moments: Moments, a: Boxes, b: Boxes) -> Tensor:
    """Correlation of averages over boxes (..., n, m): a double sum over the nodes of their rules.

    Points are boxes of one node. Between cells of a lattice there are few different steps.
    """
    if a.cells is not None and b.cells is not None and a.cells.tabled(b.cells, len(a) * len(b)):
        step = a.cells.step(b.cells)
        table = a.cells.correlations(moments.law.kernel, moments.scale)
        return table.index_select(0, step.flatten()).view(step.shape)
    x, y = a.nodes / moments.scale, b.nodes / moments.scale
    n, p, m, q = a.nodes.shape[-3], a.rule, b.nodes.shape[-3], b.rule
    x, y = x.flatten(-3, -2), y.flatten(-3, -2)
    distance = torch.cdist(x, y, compute_mode="donot_use_mm_for_euclid_dist")
    found = correlation(moments.law.kernel, distance)
    if p == q == 1:
        return found
    parts = found.unflatten(-1, (m, q)).unflatten(-3, (n, p))
    return torch.einsum("...npmq,p,q->...nm", parts, a.weights, b.weights)


def within(moments: Moments, boxes: Boxes) -> Tensor:
    """Variance of the average over each box, as a share of that at a point, shape (..., n)."""
    if boxes.rule == 1:
        return boxes.nodes.new_ones(boxes.nodes.shape[:-2])
    single = Boxes(boxes.nodes[..., None, :, :], boxes.weights)
    return covariance(moments, single, single)[..., 0, 0]


def signal(moments: Moments, readings: Readings) -> Tensor:
    """Covariance of readings, without the errors of each alone, shape (..., m, m)."""
    S = covariance(moments, readings.boxes, readings.boxes)
    if readings.group is not None and moments.law.offset:
        same = readings.group[..., :, None] == readings.group[..., None, :]
        S = S + moments.law.offset * same
    if readings.noise is None and readings.place is not None:
        S = S + moments.law.nugget * _same_place(readings)
    if len(moments.between) == 1:
        return S * moments.between[0, 0]
    return S * moments.between[readings.kind[..., :, None], readings.kind[..., None, :]]


def _same_place(readings: Readings) -> Tensor:
    """Correlation of nuggets, shape (..., m, m): of averages over repeats it is less."""
    assert readings.place is not None
    same = readings.place[..., :, None] == readings.place[..., None, :]
    each = readings.repeats.rsqrt()
    return same * each[..., :, None] * each[..., None, :]


def errors(moments: Moments, readings: Readings) -> Tensor:
    """Variance of the error of each reading that is of no other one, shape (..., m)."""
    own = moments.between.diagonal()[readings.kind]
    if readings.place is not None and readings.noise is None:
        return own * JITTER
    if readings.noise is None:
        return own * (moments.law.nugget / readings.repeats).clamp(min=JITTER)
    return readings.noise.maximum(JITTER * own)


def solve(moments: Moments, readings: Readings, absent: Tensor | None = None) -> Solved:
    """Generalised least squares: the trend, and what of the readings it leaves.

    Args:
        moments: Of the field.
        readings: m of them; leading axes are a batch.
        absent: Readings that do not count, shape (..., m).
    """
    S, variance = signal(moments, readings), errors(moments, readings)
    X = torch.nn.functional.one_hot(readings.kind, len(moments.between)).double()
    y = readings.values
    if absent is not None:
        S = S.masked_fill(absent[..., :, None] | absent[..., None, :], 0)
        X, y = X.masked_fill(absent[..., None], 0), y.masked_fill(absent[..., None], 0)
        variance = variance.masked_fill(absent, 1)
    S.diagonal(dim1=-2, dim2=-1).add_(variance)
    L = cholesky(S)
    T = X.shape[-1]
    whitened = torch.linalg.solve_triangular(L, torch.cat([X, y], dim=-1), upper=False)
    A, u = whitened[..., :T], whitened[..., T:]
    return _least_squares(L, A, cholesky(A.mT @ A + moments.trend), u)


def solve_again(solved: Solved, values: Tensor) -> Solved:
    """The same for other values of the readings, shape (..., m, W)."""
    u = torch.linalg.solve_triangular(solved.factor, values, upper=False)
    return _least_squares(solved.factor, solved.design, solved.information, u)


def _least_squares(L: Tensor, A: Tensor, M: Tensor, u: Tensor) -> Solved:
    beta = torch.cholesky_solve(A.mT @ u, M)
    return Solved(L, A, u - A @ beta, beta, M)


def predict(
    moments: Moments, readings: Readings, solved: Solved, targets: Boxes, with_var: bool = True
) -> tuple[Tensor, Tensor | None]:
    """Mean (n, T·W) and variance (n, T) at targets, block by block.

    The variance counts what the unknown trend adds, for the variance 1 of the field.
    """
    weights = torch.linalg.solve_triangular(solved.factor.mT, solved.residual, upper=True)
    T, rows = len(moments.between), max(1, _BLOCK // max(1, readings.boxes.nodes[..., 0].numel()))
    means, variances = [], []
    for start in range(0, len(targets), rows):
        block = targets[slice(start, start + rows)]
        K, own = covariance(moments, block, readings.boxes), within(moments, block)
        mean, variance = [], []
        for t in range(T):
            k = K * moments.between[t, readings.kind] if T > 1 else K * moments.between[0, 0]
            mean.append(solved.trend[t] + k @ weights)
            if with_var:
                variance.append(_left(solved, k, t, moments.between[t, t] * own))
        means.append(torch.cat(mean, dim=-1))
        variances += [torch.stack(variance, dim=-1)] if with_var else []
    return torch.cat(means), torch.cat(variances) if with_var else None


def _left(solved: Solved, k: Tensor, t: int, own: Tensor) -> Tensor:
    """Variance at targets (n,) that readings of covariance k (n, m) with them leave, (n,)."""
    # Rows from the right: in memory targets come first, and the solver is a quarter faster.
    v = torch.linalg.solve_triangular(solved.factor.mT, k, upper=True, left=False)
    h = -(v @ solved.design)
    h[:, t] += 1
    h = torch.linalg.solve_triangular(solved.information.mT, h, upper=True, left=False)
    return (own - v.square().sum(1) + h.square().sum(1)).clamp(min=0)


def cholesky(S: Tensor) -> Tensor:
    """The lower factor; a matrix that rounding made indefinite gets a larger diagonal."""
    L, info = torch.linalg.cholesky_ex(S)
    if not info.any():
        return L
    mean = S.diagonal(dim1=-2, dim2=-1).mean(dim=-1).clamp(min=torch.finfo(S.dtype).tiny)
    bad, more = info > 0, JITTER
    while info.any() and more < 1:
        more, bad = 10 * more, bad | (info > 0)
        added = bad * mean * more
        L, info = torch.linalg.cholesky_ex(
            S + torch.diag_embed(added[..., None].expand(mean.shape + S.shape[-1:]))
        )
    return L
