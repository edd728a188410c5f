"""The prior: the mean of the Gaussian that it says it is, and nothing of what it must not know."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from prior_cases import CHANNELS, close, kept, mean_of, prior_of, seen_at, smooth
from torch import Tensor

from mamba_diffae.models import prior as module
from mamba_diffae.models.prior import ANALOGUES, BANDWIDTH, LOCAL, NUGGET, AnaloguePrior


def gaussian(
    fields: np.ndarray, y: np.ndarray, observed: np.ndarray, own: tuple[int, ...] = ()
) -> np.ndarray:
    """The same posterior mean from dense matrices in double precision.

    Exemplars of `own` are taken out: of the analogues, and of the covariance of all, where the
    others keep the weight 1/E that they had.
    """
    others = np.delete(fields, own, axis=0)
    distance = ((others[:, observed] - y) ** 2).sum(axis=1)
    nearest = np.argsort(distance)[:ANALOGUES]
    d = distance[nearest] - distance[nearest[0]]
    weight = np.exp(-d / max(d[min(BANDWIDTH, len(d) - 1)], 1e-6))
    weight /= weight.sum()
    mean = weight @ others[nearest]
    around, about = others[nearest] - mean, others - others.mean(axis=0)
    local = (weight[:, None] * around).T @ around
    S = LOCAL * local + (1 - LOCAL) * about.T @ about / len(fields)
    K = S[np.ix_(observed, observed)] + NUGGET * np.eye(len(observed))
    return mean + S[:, observed] @ np.linalg.solve(K, y - mean[observed])


def dense(
    prior: AnaloguePrior, values: Tensor, cells: list[int], own: tuple[int, ...] = ()
) -> Tensor:
    """`gaussian` for each field of a batch, from values (B, n, C) at cells."""
    fields = kept(prior)
    if prior.mirrored:
        side, count = prior.cells, len(fields)
        grid = fields.unflatten(1, [side] * prior.coord_dim)
        fields = torch.cat([fields, grid.flip(prior.coord_dim).flatten(1, prior.coord_dim)])
        own = (*own, *(i + count for i in own))
    observed = np.array([c * CHANNELS + i for c in cells for i in range(CHANNELS)])
    flat = fields.flatten(1).double().numpy()
    rows = [gaussian(flat, y.flatten().double().numpy(), observed, own) for y in values]
    return torch.from_numpy(np.stack(rows)).float().unflatten(1, (-1, CHANNELS))


# The Gaussian that it says it is


@pytest.mark.parametrize("dim", [1, 2, 3])
@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("count", [1, 2, 5, 40, 90])  # fewer than a bandwidth, more than analogues
def test_it_is_the_posterior_mean_of_its_gaussian(dim: int, mirrored: bool, count: int) -> None:
    side = {1: 24, 2: 6, 3: 3}[dim]
    prior = prior_of(smooth(count, side, dim), dim, mirrored=mirrored)
    cells = list(range(1, side**dim, 4))
    coords, values, mask = seen_at(smooth(3, side, dim, seed=9), cells, dim)
    estimate = prior(coords, values, mask)
    assert estimate.shape == (3, side**dim, prior.outputs)
    close(estimate[..., :CHANNELS], dense(prior, values, cells))


@settings(max_examples=25)
@given(
    seed=st.integers(0, 2**16),
    own=st.sets(st.integers(0, 19), max_size=6),
    cells=st.sets(st.integers(0, 35), min_size=1, max_size=36),
    mirrored=st.booleans(),
)
def test_excluded_exemplars_are_in_neither_covariance(seed, own, cells, mirrored: bool) -> None:
    prior = prior_of(smooth(20, seed=seed), mirrored=mirrored)
    seen = seen_at(smooth(2, seed=seed + 1), sorted(cells))
    excluded = torch.zeros(2, 20, dtype=torch.bool)
    excluded[:, sorted(own)] = True
    expected = dense(prior, seen[1], sorted(cells), tuple(own))
    close(mean_of(prior, seen, excluded), expected, atol=3e-4)


def test_fields_of_a_batch_exclude_exemplars_of_their_own() -> None:
    fields = smooth(12)
    prior, cells = prior_of(fields), [0, 8, 9, 20, 31]
    seen, excluded = seen_at(fields[:3], cells), torch.zeros(3, 12, dtype=torch.bool)
    excluded[0, 0] = excluded[2, 2] = excluded[2, 7] = True  # so one, none and two
    together = mean_of(prior, seen, excluded)
    for row, own in enumerate([(0,), (), (2, 7)]):
        close(together[row : row + 1], dense(prior, seen[1][row : row + 1], cells, own))


def test_with_all_weights_alike_it_is_gappy_pod(monkeypatch) -> None:
    # A bandwidth of infinity: the local covariance is that of all exemplars.
    monkeypatch.setattr(module, "BANDWIDTH", 0)
    monkeypatch.setattr(torch, "exp", torch.ones_like)
    prior, cells = prior_of(smooth(30)), list(range(0, 36, 3))
    _, values, _ = seen = seen_at(smooth(2, seed=4), cells)
    X = kept(prior).flatten(1).double()
    covariance, mean = torch.cov(X.T, correction=0), X.mean(dim=0)
    at = torch.tensor([c * CHANNELS + i for c in cells for i in range(CHANNELS)])
    K = covariance[at][:, at] + NUGGET * torch.eye(len(at))
    residual = values.flatten(1).double() - mean[at]
    expected = mean + torch.linalg.solve(K, residual.T).T @ covariance[at]
    close(mean_of(prior, seen), expected.float().unflatten(1, (-1, CHANNELS)))


# What it must and must not know


def test_an_exemplar_is_recognised_unless_it_is_excluded() -> None:
    fields = smooth(50)
    prior, cells = prior_of(fields), [0, 7, 14, 21, 28, 35]
    seen, truth = seen_at(fields[:8], cells), fields[:8]
    known = (mean_of(prior, seen) - truth).square().mean().sqrt()
    excluded = torch.eye(50, dtype=torch.bool)[:8]
    guessed = (mean_of(prior, seen, excluded) - truth).square().mean().sqrt()
    assert known < 0.7 * guessed


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("copies", [1, 2, 4])
def test_what_is_excluded_could_be_anything(mirrored: bool, copies: int) -> None:
    # Few exemplars, so that each moves their mean a lot.
    fields, other = smooth(6), smooth(6, seed=3)
    excluded = torch.zeros(2, 6, dtype=torch.bool)
    excluded[:, :copies] = True
    seen = seen_at(smooth(2, seed=8), [3, 9, 17, 30])
    changed = torch.cat([other[:copies], fields[copies:]])
    one, two = (prior_of(f, mirrored=mirrored)(*seen, excluded) for f in (fields, changed))
    close(one, two, atol=2e-5)
    assert (prior_of(fields)(*seen) - prior_of(changed)(*seen)).abs().max() > 0.01


def test_nothing_is_guessed_where_every_exemplar_is_excluded() -> None:
    seen = seen_at(smooth(2, seed=1), [3, 9])
    excluded = torch.tensor([[True] * 4, [False] * 4])
    estimate = prior_of(smooth(4))(*seen, excluded)
    assert estimate.isfinite().all()
    close(estimate[0, :, :CHANNELS], torch.zeros(36, CHANNELS), atol=1e-3)
    close(estimate[1:], prior_of(smooth(4))(*seen_at(smooth(2, seed=1)[1:], [3, 9])))


def test_observed_cells_are_reproduced_within_the_nugget() -> None:
    fields, cells = smooth(80), list(range(0, 36, 5))
    new = smooth(5, seed=2)
    estimate = mean_of(prior_of(fields), seen_at(new, cells))
    error = (estimate - new)[:, cells].square().mean().sqrt()
    assert error < NUGGET**0.5
    assert error < 0.2 * (estimate - new).square().mean().sqrt() + 0.5 * NUGGET**0.5


def test_spread_and_flag_say_what_is_known() -> None:
    prior, cells = prior_of(smooth(30)), [2, 3, 20]
    spread, flag = prior(*seen_at(smooth(2, seed=5), cells))[..., CHANNELS:].unbind(-1)
    expected = torch.zeros(2, 36)
    expected[:, cells] = 1
    assert torch.equal(flag, expected)
    assert not spread[:, cells].any()
    assert spread[flag == 0].min() > 0
    alike = prior_of(smooth(1).expand(5, -1, -1))(*seen_at(smooth(2, seed=5), cells))
    assert alike[..., CHANNELS].abs().max() < 1e-6


def test_a_mirror_image_is_known_too() -> None:
    fields = smooth(30)
    image = fields.unflatten(1, (6, 6)).flip(2).flatten(1, 2)
    cells = list(range(0, 36, 2))
    plain, twice = prior_of(fields), prior_of(torch.cat([fields, image]))
    mirrored = prior_of(fields, mirrored=True)
    assert mirrored.exemplars.shape == plain.exemplars.shape
    assert len(mirrored.library().fields) == 60
    seen = seen_at(image[:4], cells)
    close(mirrored(*seen), twice(*seen), atol=1e-5)
    error = [(mean_of(p, seen) - image[:4]).abs().mean() for p in (mirrored, plain)]
    assert error[0] < 0.5 * error[1]
    # Excluded is a field in either shape.
    mine, both = torch.eye(30, dtype=torch.bool)[:4], torch.eye(30, dtype=torch.bool)[:4]
    close(mirrored(*seen, mine), twice(*seen, torch.cat([mine, both], dim=1)), atol=1e-5)


def test_only_the_first_axis_is_mirrored() -> None:
    for dim, side in ((1, 8), (3, 3)):
        fields = smooth(2, side, dim)
        library = prior_of(fields, dim, mirrored=True).library().fields
        turned = library[2:].unflatten(1, (*[side] * dim, CHANNELS)).flip(dim).flatten(1)
        assert torch.equal(turned, library[:2])


def test_what_a_change_may_be_is_the_gaussian_around_it_given_none_where_it_was_seen() -> None:
    fields, change = smooth(60), 0.4 * smooth(3, seed=7)
    seen = torch.zeros(3, 36, dtype=torch.bool)
    seen[:2, [0, 8, 21]] = True  # two alike, one of which nothing was seen
    found = prior_of(fields).allowed(change, seen)
    flat = kept(prior_of(fields)).flatten(1).double()
    S = (flat - flat.mean(0)).T @ (flat - flat.mean(0)) / len(flat)
    observed = [c * CHANNELS + i for c in (0, 8, 21) for i in range(CHANNELS)]
    K = S[observed][:, observed] + NUGGET * torch.eye(len(observed), dtype=torch.float64)
    d = change.flatten(1).double()
    expected = d[:2] - d[:2, observed] @ torch.linalg.solve(K, S[observed])
    close(found[:2].flatten(1), expected.float())
    assert torch.equal(found[2], change[2])
