"""The closed form: against direct conditioning, a search over all candidates, and sampling."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mamba_diffae.fields import Affine, ExistingSensorsError, Log
from mamba_diffae.placement.candidates import Sensors
from mamba_diffae.placement.choosing import Free, at_random, by_qr, greedy
from mamba_diffae.placement.design import MOST_EXISTING, Design
from mamba_diffae.placement.region import Region, _unit_variance
from mamba_diffae.placement.spacing import Spacing

CANDIDATES = np.array([[46.2, 3.1], [50.5, 9.5], [41.5, 12.5], [47.5, 7.5], [51.0, 1.0]])
STANDING = np.array([[44.0, 10.0], [49.0, 4.0]])


def design_of(model, noise=None, existing=None, candidates=CANDIDATES) -> Design:
    scaler = model.fitted.scaler
    law = model.fitted.network.prior.field_law()
    region = Region.of(law, scaler, len(candidates), noise)
    standing = Sensors.of(existing, scaler.grid, scaler.variables)
    return Design(region, candidates, standing)


def directly(design: Design, places: np.ndarray, reads: np.ndarray) -> torch.Tensor:
    """Variance (T, C) given readings at places, of which `reads` (m, C): one matrix, inverted."""
    region, law = design.region, design.law
    at, targets = region.at(places), region.targets()
    rows = torch.from_numpy(np.flatnonzero(reads))
    S = law.covariance(at, at).flatten(2).flatten(0, 1)
    S = (S + torch.block_diag(*region.errors(at, region.noise)))[rows][:, rows]
    across = law.covariance(at, targets).flatten(2).flatten(0, 1)[rows]
    whole = law.variance(targets).diagonal(dim1=1, dim2=2)
    return whole - (across * (torch.linalg.inv(S) @ across)).sum(dim=0).view(whole.shape)


@pytest.mark.parametrize("noise", [None, 0.0, 0.3])
@pytest.mark.parametrize("existing", [None, STANDING])
@pytest.mark.parametrize("which", ["model", "pair"])
def test_the_variance_after_k_sensors_is_that_of_conditioning_on_them(
    which, existing, noise, request
):
    design = design_of(request.getfixturevalue(which), noise, existing)
    standing = np.zeros((0, 2)) if existing is None else existing
    found = design.after([3, 0, 4])
    for k, chosen in enumerate(([3], [3, 0], [3, 0, 4]), start=1):
        places = np.concatenate([standing, CANDIDATES[chosen]])
        reads = np.ones((len(places), design.variables), dtype=bool)
        torch.testing.assert_close(found[k], directly(design, places, reads), atol=1e-8, rtol=1e-6)


def test_a_sensor_that_lacks_a_variable_tells_less(pair, sea_data):
    scaler = pair.fitted.scaler
    reads = np.array([[True, False], [True, True]])
    law = pair.fitted.network.prior.field_law()
    region = Region.of(law, scaler, len(CANDIDATES), None)
    design = Design(region, CANDIDATES, Sensors(STANDING, reads))
    torch.testing.assert_close(design.left, directly(design, STANDING, reads), atol=1e-8, rtol=1e-6)
    full = design_of(pair, existing=STANDING).left
    assert (design.left[:, 1].mean() > 1.01 * full[:, 1].mean()).item()


@pytest.mark.parametrize("which", ["model", "pair"])
def test_each_greedy_step_is_the_best_of_all_candidates(which, request):
    model = request.getfixturevalue(which)
    rng = np.random.default_rng(0)
    candidates = np.stack([rng.uniform(46, 52, 30), rng.uniform(0, 16, 30)], axis=1)
    design = design_of(model, 0.1, STANDING, candidates)
    free = Free(candidates, Spacing(model.fitted.scaler, 0.0), STANDING)
    chosen = greedy(design, 6, free)
    for k in range(6):
        before = chosen[:k]
        errors = {
            j: design.relative(design.after([*before, j]))[-1] for j in range(30) if j not in before
        }
        assert errors[chosen[k]] <= min(errors.values()) * (1 + 1e-9)


@settings(max_examples=30)
@given(st.lists(st.integers(0, 191), min_size=1, max_size=12, unique=True))
def test_an_error_never_rises(model, chosen):
    centres = model.grid.centres()
    design = design_of(model, candidates=centres)
    left = design.after(chosen)
    assert (np.diff(design.relative(left)) <= 1e-9).all()
    assert (np.diff(design.region.rmse(left)[:, 0]) <= 1e-9).all()


def test_before_any_sensor_the_standardised_error_is_one(pair):
    design = design_of(pair)
    assert design.relative(design.left[None])[0] == pytest.approx(1)


def test_greedy_is_better_than_random_on_average(pair):
    centres = pair.grid.centres()[pair.grid.exists.ravel()]
    design = design_of(pair, candidates=centres)
    free = Free(centres, Spacing(pair.fitted.scaler, 0.0), np.zeros((0, 2)))
    ours = design.relative(design.after(greedy(design, 4, free.copy())))[-1]
    rngs = (np.random.default_rng(k) for k in range(20))
    others = [design.relative(design.after(at_random(4, free.copy(), r)))[-1] for r in rngs]
    assert ours < np.mean(others)


def test_qr_takes_the_pivots_and_goes_on_where_functions_end():
    modes = torch.tensor([[3.0, 0.0], [0.0, 0.1], [2.9, 0.0], [0.0, 2.0], [1.0, 1.0]])[:, None]
    places = np.arange(10.0).reshape(5, 2)

    class Anywhere:
        def free(self, places, occupied):
            return np.ones(len(places), dtype=bool)

    def free():
        return Free(places, Anywhere(), np.zeros((0, 2)))

    assert by_qr(modes, 2, free()) == [0, 3]
    assert sorted(by_qr(modes, 5, free())) == [0, 1, 2, 3, 4]


def test_an_error_in_a_curved_unit_is_that_of_samples():
    log, rng = Log.fit(np.array([0.1, 50.0])), np.random.default_rng(0)
    mean, prior, left = np.array([0.2]), np.array([0.09]), np.array([[0.02]])
    middle = mean + np.sqrt(prior - left[0]) * rng.standard_normal((400, 1))
    inner = log.inverse(middle + np.sqrt(left[0]) * rng.standard_normal((1, 4000)))
    sampled = inner.var(axis=1).mean()
    assert _unit_variance(log, mean, prior, left)[0, 0] == pytest.approx(sampled, rel=0.15)
    plain = _unit_variance(Affine(0.0, 40.0), mean, prior, left)
    assert plain[0, 0] == pytest.approx(0.02 * 400)


def test_too_many_existing_sensors_are_refused(model):
    places = np.random.default_rng(0).uniform(46, 50, (MOST_EXISTING + 1, 2)) % [90, 16]
    with pytest.raises(ExistingSensorsError, match=f"at most {MOST_EXISTING}"):
        design_of(model, existing=places)
