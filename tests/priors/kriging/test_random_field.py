"""Random fields of a stationary law: one function wherever it is asked for, of its covariance."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from mamba_diffae.fields import Geometry
from mamba_diffae.priors import PriorConfig
from mamba_diffae.priors.kriging import KERNELS, Boxes, Law, correlation
from mamba_diffae.priors.kriging.random_field import RandomField
from mamba_diffae.priors.randomness import generator_of, normals

ROOT = torch.tensor([[1.0, 0.0], [0.6, 0.8]]).double()
LATTICES = [
    ((7,), (False,)),
    ((5,), (True,)),
    ((1, 6), (False, False)),
    ((5, 6), (False, False)),
    ((6, 5), (True, False)),
    ((3, 4, 5), (False, True, False)),
]


def cells_of(shape, periodic) -> tuple[Geometry, Boxes]:
    geometry = Geometry(extent=tuple(n / max(shape) for n in shape), periodic=periodic)
    config = PriorConfig(geometry=geometry, shape=shape, value_dim=2)
    boxes = Boxes.of(config.centres(), geometry, shape=shape)
    assert boxes.cells is not None
    return geometry, boxes


@pytest.mark.parametrize(("shape", "periodic"), LATTICES)
def test_on_a_lattice_it_is_the_same_function(shape, periodic):
    geometry, boxes = cells_of(shape, periodic)
    law = Law("exponential", (0.1,) * len(shape), 0.0)
    trend = torch.tensor([1.0, 2.0]).double()
    field = RandomField(law, law.scale(geometry), ROOT, generator_of(3), trend)
    assert torch.equal(boxes.cells.flat, torch.arange(len(boxes)))
    elsewhere = field(replace(boxes, cells=None))
    torch.testing.assert_close(field(boxes), elsewhere, rtol=0, atol=1e-10)
    some = torch.tensor([len(boxes) - 1, 0])
    torch.testing.assert_close(field(boxes[some]), elsewhere[some], rtol=0, atol=1e-10)


@pytest.mark.parametrize("kernel", KERNELS)
def test_its_covariance_is_that_of_the_law(kernel):
    geometry, boxes = cells_of((4, 5), (False, True))
    law, count = Law(kernel, (0.4, 0.3), 0.0), 500
    scale, trend = law.scale(geometry), torch.tensor([0.5, 0.5]).double()
    drawn = [RandomField(law, scale, ROOT, generator_of(k), trend)(boxes) for k in range(count)]
    found = torch.stack(drawn).flatten(1)
    nodes = boxes.nodes[:, 0] / scale
    place = correlation(kernel, torch.cdist(nodes, nodes)) + 0.5
    expected = torch.kron(place, ROOT @ ROOT.mT)
    error = found.mT @ found / count - expected
    size = (expected.diagonal()[:, None] * expected.diagonal() + expected.square()) / count
    assert (error / size.sqrt()).abs().max() < 5


def test_all_bits_of_a_key_count():
    keys = [0, 1, -1, 2**32, 2**33, 2**62, (1 << 32) | 2, (2 << 32) | 1]
    found = torch.stack([normals(generator_of(key), 4) for key in keys])
    assert len(found.unique(dim=0)) == len(keys)
    torch.testing.assert_close(normals(generator_of(-1), 4), found[2], rtol=0, atol=0)


@pytest.mark.parametrize("kernel", KERNELS)
def test_fine_scales_are_as_strong_in_every_draw(kernel):
    """What dense readings of a smooth field leave open is as large in each draw, not in a few."""
    geometry, boxes = cells_of((40,), (False,))
    law, one = Law(kernel, (1.0,), 0.0), torch.ones(1, 1).double()
    strong = []
    for k in range(60):
        field = RandomField(law, law.scale(geometry), one, generator_of(k))(boxes)[:, 0]
        fourth = field
        for _ in range(4):
            fourth = fourth.diff()
        strong.append(fourth.square().mean().sqrt())
    low, middle, high = torch.stack(strong).quantile(torch.tensor([0.1, 0.5, 0.9]).double())
    assert high < 3 * middle < 9 * low
