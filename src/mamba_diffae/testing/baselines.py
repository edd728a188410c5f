"""Contracts of baselines."""

from __future__ import annotations

import numpy as np

from mamba_diffae.evaluation.baselines import Baseline
from mamba_diffae.fields import Grid, Observations, observe
from mamba_diffae.testing.cases import waves


def check_baseline(baseline: Baseline) -> None:
    """Shapes, units, order of points, one observation, and places as well as grids.

    Args:
        baseline: One that is not fitted yet.
    """
    data = waves()
    fitted, test = baseline.fit(data.split("train")), data.split("test")
    # Off the lattice: of points at equal distances any may be the nearest.
    seen = observe(test, 0.4, pattern="scattered", seed=0)
    found = fitted.predict(seen, test.grid)
    assert found.mean.shape == test.values.shape, "on a grid the mean has another shape"
    assert np.isfinite(found.mean).all(), "the mean is not finite"
    if found.stated_std is not None:
        assert found.stated_std.shape == found.mean.shape, "the deviation has another shape"
        assert (found.stated_std >= 0).all(), "a deviation is negative"
    order = np.random.default_rng(0).permutation(seen.coords.shape[1])
    turned = Observations(seen.coords[:, order], seen.values[:, order], seen.mask[:, order])
    plain = Observations(seen.coords, seen.values, seen.mask)
    one, two = (fitted.predict(part, test.grid).mean for part in (plain, turned))
    np.testing.assert_allclose(one, two, atol=1e-4, err_msg="the order of the points matters")
    at_places = fitted.predict(seen, test.grid.centres()).mean
    assert at_places.shape == (len(test), test.grid.cells, 2), "at places: another shape"
    single = Observations(seen.coords[:, :1], seen.values[:, :1], seen.mask[:, :1])
    alone = fitted.predict(single, Grid(test.grid.axes)).mean
    assert np.isfinite(alone).all(), "from one observation the mean is not finite"
