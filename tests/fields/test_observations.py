"""The batch type: masks, padding, stacking and what each part must be."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mamba_diffae.fields import Observations, ShapeError, as_observations

PARTS = ("coords", "values", "mask", "support", "noise", "noise_group", "covariates")


def scattered(count, variables=2, dim=2, seed=0, full=True):
    rng = np.random.default_rng((seed, count))
    values = rng.normal(size=(count, variables))
    values[rng.random(values.shape) < 0.3] = np.nan
    values[:, 0] = rng.normal(size=count)
    more = {
        "support": rng.random((count, dim)),
        "noise": rng.random((count, variables)) + 0.1,
        "noise_group": rng.integers(0, 3, count),
        "covariates": rng.random((count, 3)),
    }
    return Observations.from_points(rng.random((count, dim)), values, **(more if full else {}))


def assert_same(one, other):
    for name in PARTS:
        ours, theirs = getattr(one, name), getattr(other, name)
        assert (ours is None) == (theirs is None), name
        if ours is not None:
            assert torch.equal(ours, theirs), name


batches = st.lists(st.integers(1, 9), min_size=1, max_size=5)


@given(batches, st.integers(1, 3), st.integers(1, 4), st.booleans())
def test_stack_then_fields_is_the_identity(counts, dim, variables, full):
    parts = [scattered(n, variables, dim, i, full) for i, n in enumerate(counts)]
    batch = Observations.stack(parts)
    assert batch.coords.shape == (len(counts), max(counts), dim)
    assert batch.counts.tolist() == counts
    assert (batch.dim, batch.n_variables, len(batch)) == (dim, variables, len(counts))
    assert (batch.values[~batch.mask] == 0).all()
    for before, after in zip(parts, batch.fields(), strict=True):
        assert_same(before, after)


def test_a_padded_point_stands_where_a_real_one_does():
    batch = Observations.stack([scattered(1), scattered(4)])
    assert torch.equal(batch.coords[0], batch.coords[0, :1].expand(4, -1))
    assert not batch.mask[0, 1:].any()


def test_a_field_without_points_can_be_padded():
    nothing = scattered(3).replace(mask=torch.zeros(1, 3, 2, dtype=torch.bool)).fields()[0]
    assert nothing.coords.shape == (1, 0, 2)
    batch = Observations.stack([nothing, scattered(3)])
    assert batch.counts.tolist() == [0, 3]


@pytest.mark.parametrize("under", [np.nan, np.inf, 9.97e36])
def test_what_lies_under_a_mask_is_zero(under):
    values, noise = torch.full((1, 2, 2), under), torch.full((1, 2, 2), under)
    values[0, 0, 1] = noise[0, 0, 1] = 0.5
    mask = torch.tensor([[[False, True], [False, False]]])
    given_ = Observations(torch.rand(1, 2, 1), values, mask, noise=noise)
    assert given_.values.tolist() == [[[0, 0.5], [0, 0]]]
    assert given_.noise is not None
    assert given_.noise.tolist() == [[[0, 0.5], [0, 0]]]
    assert (given_.with_values(torch.full((1, 2, 2), under)).values[~mask] == 0).all()


@pytest.mark.parametrize(
    "index",
    [slice(1, 3), [1, 2], np.array([1, 2]), torch.tensor([1, 2]), np.array([False, True, True])],
)
def test_indexing_chooses_fields(index):
    parts = [scattered(n) for n in (2, 5, 3)]
    batch = Observations.stack(parts)
    chosen = batch[index]
    assert chosen.counts.tolist() == [5, 3]
    assert_same(chosen.fields()[1], parts[2])


def test_a_number_alone_gives_a_batch_of_one():
    parts = [scattered(n) for n in (2, 5, 3)]
    assert_same(Observations.stack(parts)[1], parts[1])
    assert_same(Observations.stack(parts)[-1].fields()[0], parts[2])
    assert [len(part) for part in Observations.stack(parts)] == [1, 1, 1]


def test_other_parts_can_take_the_place():
    batch = Observations.stack([scattered(1), scattered(3)])
    shifted = batch.with_values(batch.values + 7)
    assert (shifted.values[~shifted.mask] == 0).all()
    torch.testing.assert_close(shifted.values[batch.mask], batch.values[batch.mask] + 7)
    assert shifted.coords is batch.coords
    assert batch.replace(noise=None, support=None).noise is None


def test_single_precision_leaves_flags_and_numbers_of_groups():
    single = scattered(4).to(torch.float32)
    assert single.noise_group is not None
    assert single.covariates is not None
    assert single.coords.dtype == single.values.dtype == single.covariates.dtype == torch.float32
    assert single.noise_group.dtype == torch.int64
    assert single.mask.dtype == torch.bool
    assert_same(scattered(4).to("cpu"), scattered(4).to(torch.device("cpu")))


def test_an_empty_batch_is_refused():
    with pytest.raises(ShapeError, match="No observations were given"):
        Observations.stack([])


@pytest.mark.parametrize(
    ("other", "told"),
    [
        ({"dim": 3}, r"axes: \['2', '3'\]"),
        ({"variables": 3}, r"variables: \['2', '3'\]"),
        ({"full": False}, r"with support: .*with noise: .*with covariates"),
    ],
)
def test_fields_of_different_kinds_are_refused(other, told):
    with pytest.raises(ShapeError, match=rf"cannot be one batch \({told}.*batch those of one grid"):
        Observations.stack([scattered(2), scattered(2, **other)])


def shaped(**shapes):
    usual = {"coords": (2, 3, 2), "values": (2, 3, 1), "mask": (2, 3, 1)} | shapes
    kinds = {"mask": torch.bool, "noise_group": torch.int64}
    return Observations(**{k: torch.zeros(s, dtype=kinds.get(k)) for k, s in usual.items()})


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("coords", (3, 2)),
        ("values", (3, 1)),
        ("values", (2, 4, 1)),
        ("mask", (2, 3)),
        ("support", (2, 3, 1)),
        ("noise", (2, 3, 2)),
        ("noise_group", (2, 3, 1)),
        ("covariates", (2, 3)),
        ("covariates", (2, 4, 1)),
    ],
)
def test_parts_of_another_shape_are_refused(name, shape):
    with pytest.raises(ShapeError, match=r"has shape .*beside coords of shape"):
        shaped(**{name: shape})
    shaped(support=(2, 3, 2), noise=(2, 3, 1), noise_group=(2, 3), covariates=(2, 3, 5))


def test_the_mask_is_bool():
    with pytest.raises(ShapeError, match=r"mask is of torch\.float32; expected bool"):
        Observations(torch.zeros(1, 2, 1), torch.zeros(1, 2, 1), torch.ones(1, 2, 1))


def test_one_or_several_are_a_batch():
    one = scattered(3)
    assert as_observations(one) is one
    assert len(as_observations([one, scattered(2)])) == 2
    with pytest.raises(ShapeError, match=r"given as ndarray; expected Observations, as from"):
        as_observations(np.zeros((3, 2)))  # pyright: ignore[reportArgumentType]
    with pytest.raises(ShapeError, match=r"given as list"):
        as_observations([one, 3])  # pyright: ignore[reportArgumentType]
