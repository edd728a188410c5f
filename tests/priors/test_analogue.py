"""The analogue prior: the mean of the Gaussian that it says it is, and nothing it must not know."""

import copy
import pickle
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from lattice_cases import (
    GLOBE,
    SQUARE,
    C,
    cells_of,
    close,
    geometry_of,
    lattice_data,
    prior_of,
    seen_at,
    smooth,
    some,
)
from torch import Tensor

from mamba_diffae.fields import Axis, FieldData, Grid, Observations, Variable
from mamba_diffae.fields.errors import FieldError
from mamba_diffae.priors import AnaloguePrior, PriorConfig, analogue
from mamba_diffae.priors.analogue import ANALOGUES, BANDWIDTH, LOCAL, NUGGET


def gaussian(
    fields: np.ndarray, known: np.ndarray, y: np.ndarray, at: np.ndarray, own: Sequence[int] = ()
):
    """The same posterior mean from dense matrices in double precision.

    Exemplars of `own` are taken out: of the analogues, and of the covariance of all, where the
    others keep the weight 1/E that they had. In gaps stands the mean; they count in no distance.
    """
    E, count = len(fields), np.maximum(known.sum(axis=0), 1)
    mean_of_all = np.where(known, fields, 0).sum(axis=0) / count
    fields = np.where(known, fields, mean_of_all)
    others, here = np.delete(fields, own, axis=0), np.delete(known, own, axis=0)[:, at]
    shared = here.sum(axis=1)
    distance = (here * (others[:, at] - y) ** 2).sum(axis=1) * len(at) / np.maximum(shared, 1)
    distance[(shared == 0) & bool(shared.any())] = np.inf
    nearest = np.argsort(distance, kind="stable")[:ANALOGUES]
    d = distance[nearest] - distance[nearest[0]]
    finite = d[: BANDWIDTH + 1][np.isfinite(d[: BANDWIDTH + 1])]
    weight = np.exp(-d / max(finite.max(), 1e-6))
    weight /= weight.sum()
    mean = weight @ others[nearest]
    around = others[nearest] - mean
    about = (others - others.mean(axis=0)) * np.sqrt(E / count)
    S = LOCAL * (weight[:, None] * around).T @ around + (1 - LOCAL) * about.T @ about / E
    K = S[np.ix_(at, at)] + NUGGET * np.eye(len(at))
    return mean + S[:, at] @ np.linalg.solve(K, y - mean[at])


def dense(
    prior: AnaloguePrior, seen: Observations, cells: Sequence[int], own: Sequence[int] = ()
) -> Tensor:
    """`gaussian` for every field of a batch that was observed at the centres of cells."""
    fields, known = prior.fields()
    if prior.config.mirrored:
        own = (*own, *(i + len(fields) // 2 for i in own))
    rows = []
    for values, mask in zip(seen.values, seen.mask, strict=True):
        at = (torch.tensor(cells)[:, None] * C + torch.arange(C))[mask].numpy()
        y = values[mask].double().numpy()
        args = fields.flatten(1).double().numpy(), known.flatten(1).numpy(), y, at, own
        rows.append(torch.from_numpy(gaussian(*args)).float().unflatten(0, (-1, C)))
    return torch.stack(rows)


# The Gaussian that it says it is


@pytest.mark.parametrize("shape", [(24,), SQUARE, (4, 9), (3, 3, 3), (2, 3, 5)])
@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("count", [1, 2, 5, 40, 90])  # fewer than a bandwidth, more than analogues
def test_it_is_the_posterior_mean_of_its_gaussian(shape, mirrored: bool, count: int) -> None:
    prior = prior_of(smooth(count, shape), shape, mirrored=mirrored)
    cells = list(range(1, cells_of(shape), 4))
    seen = seen_at(smooth(3, shape, seed=9), cells, shape)
    found = prior.posterior(seen)
    assert found.lattice.shape == (3, cells_of(shape), C + 2)
    close(found.mean, dense(prior, seen, cells))


@pytest.mark.parametrize("mirrored", [False, True])
@settings(max_examples=15)
@given(seed=st.integers(0, 2**16), gaps=st.sampled_from([0.0, 0.3]), missing=st.booleans())
def test_so_it_is_with_gaps_in_exemplars_and_with_missing_variables(
    seed: int, gaps: float, missing: bool, mirrored: bool
) -> None:
    fields, cells = smooth(50, seed=seed), [0, 4, 9, 17, 22, 30]
    known = some(fields.shape, 1 - gaps, seed)
    prior = prior_of(fields, known=known, mirrored=mirrored)
    mask = some((len(cells), C), 0.6, seed) if missing else None
    seen = seen_at(smooth(2, seed=seed + 1), cells, mask=mask)
    # Closest are two exemplars now and then by chance: which is the last analogue, matters little.
    close(prior.posterior(seen).mean, dense(prior, seen, cells), atol=2e-3 if gaps else 3e-4)


@settings(max_examples=25)
@given(
    seed=st.integers(0, 2**16),
    own=st.sets(st.integers(0, 19), max_size=6),
    cells=st.sets(st.integers(0, 35), min_size=1, max_size=36),
    mirrored=st.booleans(),
)
def test_hidden_exemplars_are_in_neither_covariance(seed, own, cells, mirrored: bool) -> None:
    groups = [7 if i in own else 100 + i for i in range(20)]
    prior = prior_of(smooth(20, seed=seed), mirrored=mirrored, groups=groups)
    seen = seen_at(smooth(2, seed=seed + 1), sorted(cells))
    found = prior.posterior(seen, torch.tensor([7, 7]))
    close(found.mean, dense(prior, seen, sorted(cells), tuple(own)), atol=3e-4)


def test_fields_of_a_batch_hide_groups_of_their_own() -> None:
    fields, groups = smooth(12), [0, 1, 2, 3, 4, 5, 6, 2, 8, 9, 10, 11]
    prior, cells = prior_of(fields, groups=groups), [0, 8, 9, 20, 31]
    seen = seen_at(fields[:3], cells)
    together = prior.posterior(seen, torch.tensor([0, 77, 2])).mean  # one, none and two
    for row, own in enumerate([(0,), (), (2, 7)]):
        close(together[row : row + 1], dense(prior, seen[[row]], cells, own))


def test_with_all_weights_alike_it_is_gappy_pod(monkeypatch) -> None:
    # A bandwidth of infinity: the local covariance is that of all exemplars.
    monkeypatch.setattr(analogue, "BANDWIDTH", 0)
    monkeypatch.setattr(torch, "exp", torch.ones_like)
    prior, cells = prior_of(smooth(30)), list(range(0, 36, 3))
    seen = seen_at(smooth(2, seed=4), cells)
    X = prior.fields()[0].flatten(1).double()
    covariance, mean = torch.cov(X.T, correction=0), X.mean(dim=0)
    at = torch.tensor([c * C + i for c in cells for i in range(C)])
    K = covariance[at][:, at] + NUGGET * torch.eye(len(at))
    residual = seen.values.flatten(1).double() - mean[at]
    expected = mean + torch.linalg.solve(K, residual.T).T @ covariance[at]
    close(prior.posterior(seen).mean, expected.float().unflatten(1, (-1, C)))


# What it must and must not know


def test_an_exemplar_is_recognised_unless_it_is_hidden() -> None:
    fields = smooth(50)
    prior, cells = prior_of(fields), [0, 7, 14, 21, 28, 35]
    seen, truth = seen_at(fields[:8], cells), fields[:8]
    known = (prior.posterior(seen).mean - truth).square().mean().sqrt()
    guessed = (prior.posterior(seen, torch.arange(8)).mean - truth).square().mean().sqrt()
    assert known < 0.7 * guessed


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("copies", [1, 2, 4])
def test_what_is_hidden_could_be_anything(mirrored: bool, copies: int) -> None:
    # Few exemplars, so that each moves their mean a lot.
    fields, other = smooth(6), smooth(6, seed=3)
    groups, hidden = [0] * copies + list(range(1, 7 - copies)), torch.tensor([0, 0])
    seen = seen_at(smooth(2, seed=8), [3, 9, 17, 30])
    changed = torch.cat([other[:copies], fields[copies:]])
    one, two = (prior_of(f, mirrored=mirrored, groups=groups) for f in (fields, changed))
    close(one.posterior(seen, hidden).lattice, two.posterior(seen, hidden).lattice, atol=2e-5)
    apart = one.posterior(seen).lattice - two.posterior(seen).lattice
    assert apart.abs().max() > 0.01


def test_with_gaps_what_is_hidden_matters_by_one_of_many() -> None:
    # A gap is filled with the mean of all, in which the hidden one has its small part.
    fields, known = smooth(300), some((300, 36, C), 0.7)
    changed = torch.cat([-fields[:1], fields[1:]])
    one, two = (prior_of(f, known=known) for f in (fields, changed))
    seen, hidden = seen_at(fields[:1], [3, 9, 17, 30]), torch.tensor([0])
    left = (one.posterior(seen, hidden).mean - two.posterior(seen, hidden).mean).abs().max()
    told = (one.posterior(seen).mean - two.posterior(seen).mean).abs().max()
    assert left < 0.1 * told
    assert left < 3 / 300


def test_nothing_is_guessed_where_every_exemplar_is_hidden() -> None:
    seen = seen_at(smooth(2, seed=1), [3, 9])
    prior = prior_of(smooth(4), groups=[5] * 4)
    found = prior.posterior(seen, torch.tensor([5, 0]))
    assert found.lattice.isfinite().all()
    close(found.mean[0], torch.zeros(36, C), atol=1e-3)
    close(found.lattice[1:], prior.posterior(seen[[1]]).lattice)


def test_what_lies_under_a_gap_changes_nothing() -> None:
    fields, known = smooth(30), some((30, 36, C), 0.8)
    known[:, 7] = False  # land
    seen = seen_at(smooth(2, seed=8), [3, 7, 9, 17])
    one, two = (
        prior_of(torch.where(known, fields, under), known=known).posterior(seen).lattice
        for under in (0.0, torch.nan)
    )
    assert torch.equal(one, two)
    assert one.isfinite().all()


def test_where_no_exemplar_has_the_observed_values_it_is_their_mean() -> None:
    fields, known = smooth(30), torch.ones(30, 36, C, dtype=torch.bool)
    known[:, 7] = False
    found = prior_of(fields, known=known).posterior(seen_at(smooth(2, seed=8), [7])).mean
    expected = prior_of(fields).fields()[0].mean(dim=0)
    expected[7] = 0
    close(found, expected.expand(2, -1, -1), atol=1e-5)


def test_observed_cells_are_reproduced_within_the_nugget() -> None:
    fields, cells = smooth(80), list(range(0, 36, 5))
    new = smooth(5, seed=2)
    mean = prior_of(fields).posterior(seen_at(new, cells)).mean
    error = (mean - new)[:, cells].square().mean().sqrt()
    assert error < NUGGET**0.5
    assert error < 0.2 * (mean - new).square().mean().sqrt() + 0.5 * NUGGET**0.5


def test_spread_and_share_say_what_is_known() -> None:
    prior, cells = prior_of(smooth(30)), [2, 3, 20]
    mask = torch.tensor([[True, True], [True, False], [True, True]])
    found = prior.posterior(seen_at(smooth(2, seed=5), cells, mask=mask))
    expected = torch.zeros(2, 36)
    expected[:, cells] = torch.tensor([1.0, 0.5, 1.0])
    assert torch.equal(found.lattice[..., -1], expected)
    assert torch.equal(found.observed.float().mean(dim=-1), expected)
    std = found.std[..., 0]
    assert not std[expected == 1].any()
    assert std[expected < 1].min() > 0
    alike = prior_of(smooth(1).expand(5, -1, -1)).posterior(seen_at(smooth(2, seed=5), cells))
    assert alike.std.max() < 1e-6


def test_a_mirror_image_is_known_too() -> None:
    fields = smooth(30)
    image = fields.unflatten(1, SQUARE).flip(2).flatten(1, 2)
    plain, mirrored = prior_of(fields), prior_of(fields, mirrored=True)
    twice = prior_of(torch.cat([fields, image]), groups=[*range(30), *range(30)])
    assert mirrored.exemplars.shape == plain.exemplars.shape
    assert len(mirrored.fields()[0]) == 60
    seen = seen_at(image[:4], list(range(0, 36, 2)))
    close(mirrored.posterior(seen).lattice, twice.posterior(seen).lattice, atol=1e-5)
    error = [(p.posterior(seen).mean - image[:4]).abs().mean() for p in (mirrored, plain)]
    assert error[0] < 0.5 * error[1]
    # Hidden is a field in either shape.
    own = torch.arange(4)
    close(mirrored.posterior(seen, own).lattice, twice.posterior(seen, own).lattice, atol=1e-5)


@pytest.mark.parametrize("shape", [(8,), (3, 5), (2, 3, 4)])
def test_only_the_last_axis_is_mirrored(shape) -> None:
    found, known = prior_of(
        smooth(2, shape), shape, mirrored=True, known=some((2, cells_of(shape), C), 0.7)
    ).fields()
    for part in (found, known):
        turned = part[2:].unflatten(1, shape).flip(len(shape)).flatten(1, len(shape))
        close(turned.float(), part[:2].float(), atol=1e-6)


def test_an_increment_is_the_gaussian_around_it_given_none_where_it_was_seen() -> None:
    fields, change = smooth(60), 0.4 * smooth(3, seed=7)
    observed = torch.zeros(3, 36, C, dtype=torch.bool)
    observed[:2, [0, 8, 21]] = True  # two alike, one of which nothing was seen
    observed[:2, 8, 1] = False
    prior = prior_of(fields)
    found = prior.condition_increment(change, observed)
    flat = prior.fields()[0].flatten(1).double()
    S = (flat - flat.mean(0)).T @ (flat - flat.mean(0)) / len(flat)
    at = observed[0].flatten().nonzero()[:, 0]
    K = S[at][:, at] + NUGGET * torch.eye(len(at), dtype=torch.float64)
    d = change.flatten(1).double()
    expected = d[:2] - d[:2, at] @ torch.linalg.solve(K, S[at])
    close(found[:2].flatten(1), expected.float())
    assert torch.equal(found[2], change[2])
    # Of a change that its fields could make, next to nothing is left there.
    left = prior.condition_increment(fields[:3] - fields[3:6], observed)[:2]
    assert (
        left[observed[:2]].abs().max() < 0.1 * (fields[:2] - fields[3:5])[observed[:2]].abs().max()
    )


# How it is kept


def test_an_uneven_grid_of_the_lattices_shape_is_made_even() -> None:
    edges = np.array([0, 0.05, 0.1, 0.15, 0.3, 0.6, 1.0])
    axis = Axis("depth", edges)
    values = np.stack([axis.centres, -axis.centres], axis=-1)[None].astype(np.float32)
    data = FieldData([Variable("a"), Variable("b")], Grid((axis,)), values.repeat(2, 0))
    config = PriorConfig(geometry=geometry_of((6,)), shape=(6,), value_dim=C, exemplars=2)
    prior = AnaloguePrior(config)
    prior.fit(data)
    # Cell averages of the native step function over six equal cells.
    expected = data.at(data.grid.regrid((6,))).values[0]
    close(prior.fields()[0][0], torch.from_numpy(expected), atol=1 / 254 + 1e-6)
    assert (prior.fields()[0][0, :, 0] - torch.from_numpy(values[0, :, 0])).abs().max() > 0.1


def test_loaded_and_refitted_exemplars_are_taken_up_also_after_an_estimate() -> None:
    seen = seen_at(smooth(2, seed=1), [3, 9, 20])
    prior, other = prior_of(smooth(8)), prior_of(smooth(8, seed=5))
    expected = other.posterior(seen).lattice
    prior.posterior(seen)
    prior.fit(lattice_data(smooth(8, seed=5)))
    assert torch.equal(prior.posterior(seen).lattice, expected)
    prior = prior_of(smooth(8))
    prior.posterior(seen)
    prior.load_state_dict(other.state_dict())
    assert torch.equal(prior.posterior(seen).lattice, expected)


def test_copies_and_pickles_leave_out_what_is_computed() -> None:
    seen, prior = seen_at(smooth(2, seed=1), [3, 9, 20]), prior_of(smooth(8))
    fresh, expected = len(pickle.dumps(prior)), prior.posterior(seen).lattice
    assert abs(len(pickle.dumps(prior)) - fresh) < 100
    for copied in (copy.deepcopy(prior), pickle.loads(pickle.dumps(prior))):
        assert copied._bank is None
        assert torch.equal(copied.posterior(seen).lattice, expected)
    assert prior._bank is not None


def test_of_more_fields_some_are_kept_with_their_groups() -> None:
    config = PriorConfig(geometry=geometry_of(SQUARE), shape=SQUARE, value_dim=C, exemplars=5)
    prior, again = AnaloguePrior(config), AnaloguePrior(config)
    assert not prior.fitted
    for each in (prior, again):
        each.fit(lattice_data(smooth(40), groups=range(100, 140)))
    assert prior.fitted
    assert torch.equal(prior.groups, again.groups)
    close(prior.fields()[0], smooth(40)[prior.groups - 100], atol=1 / 254 + 1e-6)


def test_too_few_fields_and_no_room_at_all_are_refused() -> None:
    config = {"geometry": geometry_of(SQUARE), "shape": SQUARE, "value_dim": C}
    prior = AnaloguePrior(PriorConfig(**config, exemplars=9))
    with pytest.raises(FieldError, match=r"room for 9 exemplars.* 4 training fields.*exemplars=4"):
        prior.fit(lattice_data(smooth(4)))
    with pytest.raises(FieldError, match="exemplars=0; give one"):
        AnaloguePrior(PriorConfig(**config))


def test_on_a_periodic_axis_the_end_is_the_first_cell() -> None:
    fields, shape = smooth(20, (4, 8)), (4, 8)
    seam = torch.tensor([[[0.2, 1.0]]])
    for geometry, cell in ((GLOBE, 8), (geometry_of(shape), 15)):
        prior = prior_of(fields, shape, geometry=geometry)
        seen = seen_at(fields[:1], [cell], shape, geometry)
        moved = seen.replace(coords=seam)
        close(prior.posterior(moved).lattice, prior.posterior(seen).lattice, atol=0)
