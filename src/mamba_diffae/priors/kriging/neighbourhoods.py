"""Kriging from the neighbourhood of each target: no matrix grows with the number of readings.

A neighbourhood is the nearest readings, and some of the nearest of a thinned set: where stations
lie in clusters or along tracks, those alone would all be of one cluster. The trend is that of the
thinned set, one for the whole field. So two targets side by side differ by what the furthest of
their neighbours say, which the nearer ones screen; `tests/priors/kriging` measures the jump.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import torch
from torch import Tensor

from mamba_diffae.priors.kriging.gaussian import (
    Moments,
    Solved,
    covariance,
    predict,
    solve,
    within,
)
from mamba_diffae.priors.kriging.readings import Boxes, Readings

EXACT = 1024
"""Readings up to which one system is solved for all of them."""
NEAR, FAR = 64, 16
"""Readings of a neighbourhood: the nearest, and the nearest of the thinned set."""
THINNED = 768
"""Readings of the thinned set."""
_ENTRIES = 2**22
"""Entries of all matrices that are factored together."""


def condition(
    moments: Moments, readings: Readings, targets: Boxes, with_var: bool = True
) -> tuple[Tensor, Tensor | None]:
    """Mean (n, T·W) and variance (n, T) at targets, from all readings or from neighbourhoods.

    Args:
        moments: Of the field.
        readings: m of them, in the order of `merge`; above `EXACT` neighbourhoods are taken.
        targets: n boxes or points.
        with_var: Whether the variance is wanted.
    """
    if len(readings) <= EXACT:
        return predict(moments, readings, solve(moments, readings), targets, with_var)
    thin = spread_out(readings.boxes.centres / moments.scale, THINNED)
    whole = solve(moments, readings[thin])
    left = replace(readings, values=readings.values - whole.trend[readings.kind])
    means, variances = [], []
    for block, index, absent in _neighbourhoods(moments, readings, thin, targets):
        mean, variance = _local(moments, left[index], absent, block, whole)
        means.append(mean + whole.trend.flatten())
        variances.append(variance)
    return torch.cat(means), torch.cat(variances) if with_var else None


def _neighbourhoods(
    moments: Moments, readings: Readings, thin: Tensor, targets: Boxes
) -> Iterator[tuple[Boxes, Tensor, Tensor]]:
    """Blocks of targets, the readings next to each (n, k), and which of these come twice (n, k)."""
    from scipy.spatial import KDTree

    places = (readings.boxes.centres / moments.scale).numpy()
    trees = KDTree(places), KDTree(places[thin.numpy()])
    more = min(len(moments.between), 2)  # a place of several variables is several readings
    nodes = targets.rule * readings.boxes.rule**2
    rows = max(1, _ENTRIES // ((NEAR + FAR) * more) ** 2 // nodes)
    for start in range(0, len(targets), rows):
        block = targets[slice(start, start + rows)]
        at = (block.centres / moments.scale).numpy()
        near = torch.from_numpy(trees[0].query(at, k=NEAR * more)[1])
        far = thin[torch.from_numpy(trees[1].query(at, k=FAR * more)[1])]
        twice = (far[:, :, None] == near[:, None, :]).any(dim=-1)
        absent = torch.cat([torch.zeros_like(near, dtype=torch.bool), twice], dim=1)
        yield block, torch.cat([near, far], dim=1), absent


def _local(
    moments: Moments, near: Readings, absent: Tensor, targets: Boxes, whole: Solved
) -> tuple[Tensor, Tensor]:
    """Mean (n, T·W) and variance (n, T), each target (n) from its own k readings."""
    T, single = len(moments.between), Boxes(targets.nodes[:, None], targets.weights)
    K = covariance(moments, single, near.boxes)[:, 0]
    solved, own = solve(moments, near, absent), within(moments, targets)
    # The trend is that of the whole field, which is subtracted already: its local estimate is
    # added to what it left.
    u = solved.residual + solved.design @ solved.trend
    means, variances = [], []
    for t in range(T):
        k = (K * moments.between[t, near.kind]).masked_fill(absent, 0)
        v = torch.linalg.solve_triangular(solved.factor, k[..., None], upper=False)
        means.append((v.mT @ u)[:, 0])
        h = torch.eye(T, dtype=torch.float64)[t] - (v.mT @ solved.design)[:, 0]
        h = torch.linalg.solve_triangular(whole.information, h.T, upper=False)
        left = moments.between[t, t] * own - v.square().sum(dim=(1, 2)) + h.square().sum(0)
        variances.append(left.clamp(min=0))
    return torch.cat(means, dim=-1), torch.stack(variances, dim=-1)


def spread_out(places: Tensor, count: int) -> Tensor:
    """Indices of places far from each other: each next one is the furthest from those before.

    Args:
        places: Shape (m, E).
        count: How many, at most m.
    """
    chosen = [0]
    distance = (places - places[0]).square().sum(dim=1)
    while len(chosen) < min(count, len(places)):
        chosen.append(int(distance.argmax()))
        distance = distance.minimum((places - places[chosen[-1]]).square().sum(dim=1))
    return torch.tensor(chosen).sort().values
