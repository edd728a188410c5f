"""Foreign fields: by their seed alone, in range, with the gaps and the circles of their source."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from field_cases import no_prior, prior_of, same

from mamba_diffae.fields import Axis, FieldData, Grid, Variable
from mamba_diffae.priors import Prior, PriorPosterior
from mamba_diffae.training.data import foreign_rows, random_fields
from mamba_diffae.training.data.batches import FieldBatches
from mamba_diffae.training.data.config import DataConfig
from mamba_diffae.training.data.foreign import KINDS, UNSEEN, ForeignFields
from mamba_diffae.training.data.random_fields import RandomFields

EVERY = (*KINDS, UNSEEN)


def rngs(count: int, seed: int = 0) -> list[np.random.Generator]:
    return [np.random.default_rng((seed, i)) for i in range(count)]


def one(data: FieldData, kind: str, row: int = 1, seed: int = 0) -> np.ndarray:
    return ForeignFields(data).of_kinds([kind], rngs(1, seed), np.array([row])).values[0]


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.corrcoef(a.ravel(), b.ravel())[0, 1])


# The fields


@pytest.mark.parametrize("kind", EVERY)
@pytest.mark.parametrize("shape", [(40,), (16, 24), (6, 8, 10)])
def test_a_foreign_field_is_another_one_in_range_by_its_seed_alone(inside, kind, shape) -> None:
    data = inside(count=6, shape=shape, variables=3)
    found = one(data, kind)
    np.testing.assert_array_equal(found, one(data, kind))
    assert found.shape == (*shape, 3)
    assert found.dtype == np.float32
    assert np.abs(found).max() <= 1.001
    assert not np.allclose(found, data.values[1], atol=0.05)
    if kind != "inverted":
        assert not np.allclose(found, one(data, kind, seed=1), atol=0.05)


@pytest.mark.parametrize("kind", EVERY)
def test_gaps_are_those_of_the_source_and_nothing_is_said_of_them(inside, kind: str) -> None:
    data = inside(count=6, variables=2, gaps=True)
    if kind in ("recoloured", "grey"):  # of both variables at a place
        data = replace(data, valid=np.repeat(data.valid[..., :1], 2, axis=-1))
    made = ForeignFields(data).of_kinds([kind], rngs(1), np.array([5]))
    np.testing.assert_array_equal(made.valid, data.valid[[5]])
    assert not made.values[~made.valid].any()
    assert made.groups.tolist() == [data.groups[5]]
    under = replace(data, values=np.where(data.valid, data.values, 7.0))
    np.testing.assert_array_equal(one(under, kind, row=5), made.values[0])


def test_variables_are_mixed_only_where_all_are_known(inside) -> None:
    assert ForeignFields(inside(variables=2)).kinds(0) == KINDS
    apart = ForeignFields(inside(variables=2, gaps=True))
    single = ForeignFields(inside(variables=1))
    assert apart.kinds(0) == single.kinds(0) == KINDS[:4]


def test_a_periodic_axis_closes_and_another_one_does_not() -> None:
    axes = (Axis("y", np.linspace(0, 1, 33)), Axis("x", np.linspace(0, 1, 65), periodic=True))
    fields = RandomFields(Grid(axes))
    assert fields.padded[1] == 64
    steps = []
    for seed in range(20):
        f = fields.draw(np.random.default_rng(seed), 1, smooth=True)[..., 0]
        inside = np.abs(np.diff(f, axis=1)).mean()
        steps.append(
            [np.abs(f[:, 0] - f[:, -1]).mean() / inside, np.abs(f[0] - f[-1]).mean() / inside]
        )
    across_x, across_y = np.mean(steps, axis=0)
    assert across_x < 1.5
    assert across_y > 5


def test_a_fine_grid_reads_a_coarser_lattice(monkeypatch) -> None:
    monkeypatch.setattr(random_fields, "CELLS", 200)
    fields = RandomFields(Grid.default((40, 60)))
    assert np.prod(fields.shape) <= 250
    found = fields.draw(np.random.default_rng(0), 2, smooth=True)
    assert found.shape == (40, 60, 2)
    assert np.abs(np.diff(found, axis=0)).max() < 0.3 * np.ptp(found)


def test_kinds_are_what_they_are_called(inside) -> None:
    data = inside(count=6, variables=3)
    source = data.values[1]
    np.testing.assert_array_equal(one(data, "inverted"), -source)
    grey = one(data, "grey")
    assert (grey == grey[..., :1]).all()
    for seed in range(6):
        recoloured = one(data, "recoloured", seed=seed)
        basis = source.reshape(-1, 3)
        rest = np.linalg.lstsq(basis, recoloured.reshape(-1, 3), rcond=None)[1]
        assert rest.max() < 1e-6  # a linear map of the variables
    assert 0.2 < correlation(one(data, "blend"), source) < 0.999


# In batches


class Familiar(Prior):
    """A prior that says nothing but how familiar a field is, and notes whom it was not to use."""

    groups = torch.zeros(0, dtype=torch.int64)
    fitted = True

    def fit(self, data, validation=None) -> None: ...
    def fields(self): ...
    def condition_increment(self, change, observed): ...

    def posterior(self, observations, groups=None, keys=None) -> PriorPosterior:
        self.hidden = groups
        B, C = len(observations), self.config.value_dim
        lattice = torch.zeros(B, self.config.cells, C + 2)
        return PriorPosterior(lattice, lattice[..., :C] > 0, familiarity=torch.ones(B))


@pytest.fixture
def data(inside) -> FieldData:
    return inside(count=10, variables=2)


def make(data: FieldData, share: float, prior: Prior | None = None, **config) -> FieldBatches:
    prior = prior or Familiar(no_prior(data).config)
    settings = DataConfig(observed_shape=(12, 12), foreign_share=share, queries=50, **config)
    options = {"seed": 3, "batch_size": 8, "anchor_shape": (6, 6), "views": 2}
    return FieldBatches(data, settings, prior, **options)


def changed(batch, plain) -> list[bool]:
    """Which rows ask for another field than the same batch without foreign fields."""
    pairs = zip(batch.query_values, plain.query_values, strict=True)
    return [not torch.equal(a, b) for a, b in pairs]


@pytest.mark.parametrize("gaps", [False, True])
def test_a_share_of_the_fields_is_foreign_the_others_are_as_they_were(inside, gaps) -> None:
    data = inside(count=10, variables=2, gaps=gaps)
    some, none = make(data, 0.4), make(data, 0)
    foreign = []
    for step in range(25):
        batch, plain = some(step), none(step)
        assert same(some(step), batch)
        found = changed(batch, plain)
        assert found[::2] == found[1::2]  # both views of a field
        foreign += found[::2]
        own = ~torch.tensor(found)
        torch.testing.assert_close(batch.inputs.values[own], plain.inputs.values[own])
        torch.testing.assert_close(batch.anchor_values[own], plain.anchor_values[own])
        for name in ("index", "view_id", "keys", "query_coords", "query_weight", "anchor_weight"):
            assert torch.equal(getattr(batch, name), getattr(plain, name)), name
        assert torch.equal(batch.inputs.coords, plain.inputs.coords)
        assert torch.equal(some.prior.hidden, torch.from_numpy(data.groups)[batch.index])
    assert 25 < sum(foreign) < 55  # of 100


def test_views_of_a_foreign_field_are_one_field(data: FieldData) -> None:
    batches = make(
        data, 1.0, patterns={"random": 1}, p_noise=0, p_variables=0, fractions=(1, 1), p_sparse=0
    )
    batch, plain = batches(0), make(data, 0)(0)
    assert all(changed(batch, plain))
    order = [coords.sum(dim=-1).argsort(stable=True) for coords in batch.inputs.coords]
    values = [v[o] for v, o in zip(batch.inputs.values, order, strict=True)]
    assert all(torch.equal(a, b) for a, b in zip(values[::2], values[1::2], strict=True))
    assert torch.equal(batch.anchor_values[::2], batch.anchor_values[1::2])


@pytest.mark.parametrize("pattern", ["random", "scattered", "boxes"])
def test_what_is_observed_and_what_is_asked_is_one_field(data: FieldData, pattern: str) -> None:
    settings = {"patterns": {pattern: 1}, "fractions": (0.6, 0.6), "p_sparse": 0, "p_noise": 0}
    batch = make(data, 1.0, p_variables=0, **settings)(1)
    near = torch.cdist(batch.query_coords, batch.inputs.coords).min(dim=-1)
    observed = batch.inputs.values.gather(1, near.indices[..., None].expand(-1, -1, 2))
    close = (near.values < 0.03)[..., None].expand_as(observed)
    a, b = batch.query_values[close].numpy(), observed[close].numpy()
    assert correlation(a, b) > 0.9


def test_without_familiarity_there_are_none(data: FieldData) -> None:
    for prior in (no_prior(data), prior_of(data)):
        with_share, without = make(data, 1.0, prior), make(data, 0, prior)
        assert same(with_share(0), without(0))
        assert not foreign_rows.knows_familiarity(prior, with_share.sampler, 0)


def test_fields_without_gaps_stay_so() -> None:
    grid = Grid.default((8, 8))
    values = np.random.default_rng(0).uniform(-1, 1, (2, 8, 8, 1)).astype(np.float32)
    data = FieldData([Variable("v")], grid, values)
    made = ForeignFields(data).make(rngs(2), np.array([0, 1]))
    assert made.complete
    assert made.valid is None
