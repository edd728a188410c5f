"""Energy scores of two draws: closed forms, properness, gaps, every number of axes."""

import itertools
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from mamba_diffae.training.objectives.energy_terms import (
    HALVINGS,
    Differences,
    Norms,
    offsets,
    patch_means,
)


def foremost(side: int, axis: int, count: int) -> int:
    """Patches begun as far in front as can be."""
    return 0


def differences(*fields: Tensor, weight: Tensor | None = None, **about: tuple) -> Differences:
    """Of x_1, x_2 and y, each (B, *shape, C)."""
    shape = fields[0].shape[1:-1]
    weight = torch.ones_like(fields[0]) if weight is None else weight
    first, second, truth, weight = (x.flatten(1, -2) for x in (*fields, weight))
    periodic = about.get("periodic", (False,) * len(shape))
    return Differences.of((first, second), truth, weight, shape, periodic)


def every(found: Differences) -> list[Norms]:
    """All kinds of terms."""
    patches = [found.patches(side, foremost) for side in (2, 3)]
    return [found.pixels(), *patches, found.neighbours(), *found.bands(), found.whole()]


def normal(*shape: int, seed: int = 0) -> Tensor:
    """Standard normals."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_pixels_are_norms_over_the_variables():
    x, z, y = (normal(2, 4, 5, 3, seed=s) for s in range(3))
    found = differences(x, z, y).pixels()
    norm = [(a - b).square().mean(-1).sqrt().mean((1, 2)) for a, b in ((x, y), (z, y), (x, z))]
    torch.testing.assert_close(found.error, (norm[0] + norm[1]) / 2)
    torch.testing.assert_close(found.spread, norm[2] / 2)


def test_the_whole_is_one_vector():
    x, z, y = (normal(2, 4, 5, 3, seed=s) for s in range(3))
    found = differences(x, z, y).whole()
    torch.testing.assert_close(found.spread, (x - z).square().mean((1, 2, 3)).sqrt() / 2)


def test_neighbours_see_no_constant_and_bands_no_mean():
    y = normal(2, 6, 6, 1)
    found = differences(y + 3, y + 3, y)
    assert found.neighbours().error.max() < 1e-4
    assert all(band.error.max() < 1e-4 for band in found.bands())
    torch.testing.assert_close(found.pixels().error, torch.full((2,), 3.0))


def test_a_band_holds_what_its_averages_leave_out():
    fine = torch.tensor([1.0, -1.0]).repeat(4)[None, :, None]
    coarse = torch.tensor([2.0, -2.0]).repeat_interleave(4)[None, :, None]
    first, second, third = differences(fine + coarse, fine + coarse, 0 * fine).bands()
    torch.testing.assert_close(first.error, torch.ones(1))
    assert second.error.item() < 1e-4
    torch.testing.assert_close(third.error, torch.full((1,), 2.0))


@given(st.lists(st.integers(1, 6), min_size=1, max_size=3), st.integers(1, 9), st.data())
def test_every_cell_lies_in_equally_many_patches(shape: list[int], side: int, data: st.DataObject):
    """On average over all offsets: gradients of the sum of the means count the patches."""
    periodic = tuple(data.draw(st.booleans()) for _ in shape)
    sides = [min(side, n) for n in shape]
    room = [offsets(*given) for given in zip(shape, sides, periodic, strict=True)]
    values = torch.zeros(1, *shape, requires_grad=True)
    means = [
        patch_means(values, sides, begin, periodic).sum()
        for begin in itertools.product(*map(range, room))
    ]
    (count,) = torch.autograd.grad(torch.stack(means).mean() * math.prod(sides), values)
    assert count.min() > 0
    torch.testing.assert_close(count, count.mean().expand_as(count))


def test_across_an_open_edge_a_patch_holds_what_lies_within():
    error = torch.tensor([4.0, 1.0, 1.0])[None, :, None]
    found = differences(error, error, 0 * error).patches(2, foremost).error
    # [0 4], [4 1], [1 1], [1 0]: of the size of what is known in each, by how much that is.
    expected = (4 + 2 * math.sqrt(17 / 2) + 2 * 1 + 1) / 6
    torch.testing.assert_close(found, torch.tensor([expected]))


@given(st.lists(st.integers(1, 9), min_size=1, max_size=3), st.integers(1, 2), st.data())
def test_what_stands_in_gaps_changes_nothing(shape: list[int], C: int, data: st.DataObject):
    periodic = tuple(data.draw(st.booleans()) for _ in shape)
    x, z, y = (normal(2, *shape, C, seed=s) for s in range(3))
    weight = (normal(2, *shape, C, seed=4) > -0.5).float()
    away = [torch.where(weight > 0, f, v) for f, v in ((x, 9.0), (z, -9.0), (y, 5.0))]
    about = {"weight": weight, "periodic": periodic}
    zeroed = [torch.where(weight > 0, f, 0.0) for f in (x, z, y)]
    for one, other in zip(
        every(differences(*away, **about)), every(differences(*zeroed, **about)), strict=True
    ):
        torch.testing.assert_close(one.error, other.error, rtol=1e-4, atol=1e-4)
        assert torch.isfinite(one.spread).all()


def test_an_axis_that_closes_has_a_pair_across_its_seam():
    y = torch.zeros(1, 4, 1)
    x = torch.tensor([1.0, 0.0, 0.0, 0.0])[None, :, None]
    open_, closed = (
        differences(x, x, y, periodic=(closes,)).neighbours().error for closes in (False, True)
    )
    torch.testing.assert_close(open_, torch.tensor([1 / 3]))
    torch.testing.assert_close(closed, torch.tensor([2 / 4]))


def test_few_cells_have_few_bands():
    assert len(differences(*(normal(1, 2, 1, 1),) * 3).bands()) == 1
    assert len(differences(*(normal(1, 64, 64, 1),) * 3).bands()) == HALVINGS


@pytest.mark.parametrize("kind", ["pixels", "neighbours", "whole", "patches"])
def test_the_score_is_least_at_the_law_of_the_truth(kind: str):
    """Of draws s e around the mean of a truth of spread 1 the best s is 1."""
    B = 4000
    y, e, f = (normal(B, 4, 4, 1, seed=s) for s in range(3))

    def score(s: float) -> float:
        found = differences(s * e, s * f, y)
        terms = found.patches(3, foremost) if kind == "patches" else getattr(found, kind)()
        return float((terms.error - terms.spread).mean())

    scores = {s: score(s) for s in (0.0, 0.7, 1.0, 1.3)}
    assert min(scores, key=lambda s: scores[s]) == 1.0


def test_where_draws_and_truth_agree_gradients_are_finite():
    x = torch.zeros(1, 4, 4, 2, requires_grad=True)
    found = every(differences(x, x, torch.zeros(1, 4, 4, 2)))
    torch.stack([norms.error - norms.spread for norms in found]).sum().backward()
    assert x.grad is not None
    assert math.isfinite(float(x.grad.abs().sum()))
