"""Distances: chords where places are embedded, arcs where they are told to people."""

from __future__ import annotations

import numpy as np
import pytest

from mamba_diffae.evaluation.baselines.space import Space
from mamba_diffae.fields import Axis, Grid

LAT = Axis.regular("lat", -90, 90, 18, "degrees_north")


@pytest.mark.parametrize("periodic", [True, False])
def test_distances_on_the_globe_are_along_great_circles(periodic):
    lon = Axis.regular("lon", 0, 360, 36, "degrees_east", periodic=periodic)
    space = Space.of_grid(Grid((LAT, lon)))
    ours = space.places(np.array([[0.0, 0], [0, 0], [0, 350], [60, 20], [89, 0]]))
    theirs = space.places(np.array([[0.0, 90], [0, 180], [0, 10], [60, 20], [89, 180]]))
    found = space.distances(ours, theirs) * space.length[-1]
    assert found == pytest.approx([90, 180, 20, 0, 2], abs=1e-4)


def test_distances_on_a_ring_and_a_straight_axis_add_in_squares():
    ring, depth = Axis.regular("x", 0, 8, 8, "m", periodic=True), Axis.regular("y", 0, 8, 8, "m")
    space = Space.of_grid(Grid((depth, ring)))
    ours, theirs = space.places(np.array([[1.0, 7.5]])), space.places(np.array([[5.0, 2.5]]))
    assert space.distances(ours, theirs) * space.length[-1] == pytest.approx(5)
