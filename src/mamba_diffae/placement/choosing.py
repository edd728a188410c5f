"""Sets of sensors: greedy by posterior variance, at random, and by QR with pivoting."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Self, final

import numpy as np
import torch
from scipy.linalg import qr
from torch import Tensor

from mamba_diffae.placement.design import Design
from mamba_diffae.placement.spacing import Spacing
from mamba_diffae.priors import Prior
from mamba_diffae.priors.kriging.gaussian import cholesky
from mamba_diffae.priors.mixture.lattice import LatticeMap

_MORE, _ITERATIONS = 16, 3
"""Components beyond those that are wanted, and iterations, of a randomised decomposition."""


@final
class Free:
    """Candidates that may still be taken.

    Args:
        places: Shape (M, D).
        spacing: How far apart.
        occupied: Places of existing sensors, shape (m, D).
    """

    def __init__(self, places: np.ndarray, spacing: Spacing, occupied: np.ndarray) -> None:
        self.places, self.spacing = places, spacing
        self.mask = spacing.free(places, occupied)

    def copy(self) -> Self:
        """The same, to be taken from by itself."""
        other = copy.copy(self)
        other.mask = self.mask.copy()
        return other

    def take(self, j: int) -> None:
        """Take one, and with it those that lie too near."""
        self.mask &= self.spacing.free(self.places, self.places[j : j + 1])
        self.mask[j] = False


def greedy(design: Design, n: int, free: Free) -> list[int]:
    """Up to n candidates, each the one that lowers the weighted mean variance most.

    With X the covariance of candidates and targets, V that of the variables at a candidate and N
    its error, a candidate lowers it by tr((V + N)⁻¹ X W Xᵀ), and taking it is one step of a
    Cholesky factorisation: docs/sensor_placement.md, (2).

    Returns:
        Numbers of the candidates, fewer than n where no more are free.
    """
    X = design.cross * design.importance.sqrt().flatten()
    M, C = len(design), design.variables
    V, told = design.own.clone(), X.new_zeros(M * C, 0)
    chosen: list[int] = []
    while len(chosen) < n and free.mask.any():
        each = X.view(M, C, -1)
        S = V + design.error
        gain = torch.linalg.solve(S, each @ each.mT).diagonal(dim1=1, dim2=2).sum(dim=1)
        j = int(gain.masked_fill(torch.from_numpy(~free.mask), -torch.inf).argmax())
        L, own = cholesky(S[j]), slice(j * C, (j + 1) * C)
        column = design.covariance([j]).T - told @ told[own].T
        step = torch.linalg.solve_triangular(L, column.T, upper=False).T.contiguous()
        X.addmm_(step, torch.linalg.solve_triangular(L, X[own], upper=False), alpha=-1)
        V -= step.view(M, C, C) @ step.view(M, C, C).mT
        told = torch.cat([told, step], dim=1)
        free.take(j)
        chosen.append(j)
    return chosen


def at_random(n: int, free: Free, rng: np.random.Generator) -> list[int]:
    """Up to n candidates in a random order, those left out that lie too near to earlier ones."""
    return _in_order(rng.permutation(len(free.mask)), n, free)


def by_qr(modes: Tensor, n: int, free: Free) -> list[int]:
    """Up to n candidates by QR with pivoting of empirical orthogonal functions.

    As many sensors as there are functions; of more, the next ones in the same way among the rest.

    Args:
        modes: Functions at the candidates, shape (M, C, r).
        n: How many.
        free: Which may be taken.

    Reference:
        Manohar, Brunton, Kutz & Brunton (2018), Data-driven sparse sensor placement for
        reconstruction, https://doi.org/10.1109/MCS.2018.2810460
    """
    C, r = modes.shape[1:]
    chosen: list[int] = []
    while len(chosen) < n and free.mask.any():
        rest = np.flatnonzero(free.mask)
        columns = modes[torch.from_numpy(rest)].flatten(0, 1).T.numpy()
        pivots: np.ndarray = qr(columns, mode="r", pivoting=True)[-1]
        order = rest[pivots[: max(1, r)] // C]
        chosen += _in_order(order, n - len(chosen), free)
    return chosen


def _in_order(order: Sequence[int] | np.ndarray, n: int, free: Free) -> list[int]:
    chosen: list[int] = []
    for j in map(int, order):
        if len(chosen) == n:
            break
        if free.mask[j]:
            free.take(j)
            chosen.append(j)
    return chosen


def orthogonal_functions(prior: Prior, design: Design, coords: Tensor, n: int) -> Tensor:
    """Leading empirical orthogonal functions of the training fields at the candidates, (M, C, r).

    Each variable in units of its deviation. A prior that keeps no fields has those of its law.

    Args:
        prior: Of the model.
        design: Its law at the candidates.
        coords: Inside coordinates of the candidates, shape (M, D), float64.
        n: How many, at most.
    """
    fields, known = (part.cpu() for part in prior.fields())
    C = design.variables
    if len(fields) < 2:
        U, size, _ = _decomposed(design.cross * design.importance.sqrt().flatten(), n)
        return _told(U, size).unflatten(0, (-1, C))
    known = known.double()
    mean = (fields * known).sum(dim=0) / known.sum(dim=0).clamp(min=1)
    moved = (fields - mean) * known
    deviation = moved.square().mean(dim=(0, 1)).sqrt()
    moved = moved / torch.where(deviation > 0, deviation, 1)
    _, size, V = _decomposed(moved.flatten(1), n)
    modes = _told(V, size).unflatten(0, (-1, C))
    return LatticeMap.of(prior.config, coords, torch.zeros_like(coords))(modes)


def _decomposed(A: Tensor, n: int) -> tuple[Tensor, Tensor, Tensor]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        U, size, V = torch.svd_lowrank(A, q=min(n + _MORE, *A.shape), niter=_ITERATIONS)
    return U[:, :n], size[:n], V[:, :n]


def _told(vectors: Tensor, size: Tensor) -> Tensor:
    """Those whose singular value is no rounding."""
    return vectors[:, size > 1e-9 * size[0]]
