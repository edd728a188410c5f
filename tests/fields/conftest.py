"""Random fields on irregular grids."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from mamba_diffae.fields import Affine, Axis, FieldData, Grid, Variable


@pytest.fixture(scope="session")
def random_grid() -> Callable[..., Grid]:
    """Grids of any shape with cells of different widths, in a region away from 0."""

    def make(
        seed: int, shape: Sequence[int], periodic: Sequence[bool] = (), land: float = 0.0
    ) -> Grid:
        rng = np.random.default_rng((1, seed))
        axes = []
        for d, n in enumerate(shape):
            edges = np.cumsum(np.concatenate([[rng.uniform(-5, 5)], rng.uniform(0.5, 2, n)]))
            axes.append(Axis(f"a{d}", edges, "m", bool(periodic[d]) if periodic else False))
        mask = rng.random(shape) >= land
        mask.flat[0] = True
        return Grid(tuple(axes), mask)

    return make


@pytest.fixture(scope="session")
def random_data(random_grid: Callable[..., Grid]) -> Callable[..., FieldData]:
    """Random values on such grids, with gaps as asked."""

    def make(
        seed: int,
        shape: Sequence[int],
        *,
        count: int = 2,
        variables: int = 2,
        gaps: float = 0.0,
        land: float = 0.0,
        periodic: Sequence[bool] = (),
    ) -> FieldData:
        rng = np.random.default_rng((2, seed))
        values = rng.normal(size=(count, *shape, variables))
        valid = rng.random(values.shape) >= gaps if gaps else None
        if valid is not None:
            valid.reshape(count, -1, variables)[:, 0] = True
        names = [Variable(f"v{c}", transform=Affine(-5.0, 5.0)) for c in range(variables)]
        return FieldData(names, random_grid(seed, shape, periodic, land), values, valid)

    return make
