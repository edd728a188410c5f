"""Kriging that learns from scattered points alone."""

import numpy as np
import pytest
import torch

from mamba_diffae.fields import Geometry, Observations
from mamba_diffae.priors import PRIORS, PriorConfig
from mamba_diffae.priors.kriging import Boxes, Law, log_likelihood, moments_of
from mamba_diffae.priors.kriging.gaussian import covariance
from mamba_diffae.priors.kriging.points import pooled
from mamba_diffae.priors.kriging.prior import KrigingPrior

GEOMETRY, LAW = Geometry(extent=(0.75, 1.0)), Law("matern32", (0.3, 0.3), 1e-6)
MIX = torch.tensor([[0.5, 0.4], [0.0, 0.3]], dtype=torch.float64)
"""Two variables that go together: covariance 0.25, 0.2, 0.25."""


def snapshots(count: int, points: int, *, moving: bool = False, seed: int = 0) -> Observations:
    """Gaussian fields at stations, or at other places in every snapshot."""
    generator = torch.Generator().manual_seed(seed)
    places = torch.rand(count if moving else 1, points, 2, generator=generator).double()
    coords = (places * torch.tensor(GEOMETRY.extent)).expand(count, -1, -1)
    S = covariance(moments_of(LAW, GEOMETRY), *2 * [Boxes.of(coords, GEOMETRY)])
    S = S + 1e-6 * torch.eye(points)
    z = torch.randn(count, points, 2, generator=generator).double()
    trend = torch.randn(count, 1, 2, generator=generator).double()
    values = (torch.linalg.cholesky(S) @ z + trend) @ MIX + torch.tensor([0.2, -0.1])
    return Observations(coords.float(), values.float(), torch.ones_like(values, dtype=torch.bool))


def fitted(observations: Observations) -> KrigingPrior:
    prior = KrigingPrior(PriorConfig(geometry=GEOMETRY, shape=(12, 16), value_dim=2))
    prior.fit(observations)
    return prior


def test_laws_are_those_of_the_pooled_snapshots():
    prior = fitted(snapshots(30, 25))
    assert prior.fitted
    np.testing.assert_allclose(prior.family().usual.law.length, LAW.length, rtol=0.8)
    np.testing.assert_allclose(prior.deviation, [0.5, 0.5], rtol=0.35)
    assert float(prior.between[0, 1]) == pytest.approx(0.8, abs=0.15)
    assert 0.3 < float(prior.trend) < 4


def test_pooling_tells_what_one_sparse_snapshot_cannot():
    """Eight points tell no length; thirty snapshots of eight do."""
    train, test = snapshots(30, 8), snapshots(12, 30, moving=True, seed=3)
    few, truth = test.replace(mask=test.mask & (torch.arange(30) < 8)[:, None]), test.values
    errors = []
    plain = KrigingPrior(PriorConfig(geometry=GEOMETRY, shape=(12, 16), value_dim=2))
    for prior in (fitted(train), plain):
        means = [prior.at(few[b], test.coords[b])[0][0] for b in range(len(test))]
        errors.append(float((torch.stack(means) - truth)[:, 8:].square().mean()))
    assert errors[0] < 0.9 * errors[1]


def test_stations_that_report_every_time_share_their_factorisation():
    points = snapshots(6, 10)
    prior = fitted(points)
    samples = [prior.see(part).sample for part in points.fields()]
    together = pooled(samples)
    assert [sample.fields for sample in together] == [12]
    apart = pooled([prior.see(part).sample for part in snapshots(6, 10, moving=True).fields()])
    assert [sample.fields for sample in apart] == [2] * 6
    # Each of two variables of each field has its own law: first those of one variable.
    one = torch.stack([log_likelihood(LAW, sample, GEOMETRY) for sample in samples]).T.flatten()
    torch.testing.assert_close(log_likelihood(LAW, together[0], GEOMETRY), one)


def test_stated_errors_are_no_part_of_the_field():
    """Errors as large as the field: stated, the variance is the field's alone."""
    points = snapshots(30, 25)
    sigma = torch.full_like(points.values, 0.5)
    errors = sigma * torch.randn(sigma.shape, generator=torch.Generator().manual_seed(5))
    noisy = points.with_values(points.values + errors)
    prior = fitted(noisy.replace(noise=sigma))
    np.testing.assert_allclose(prior.deviation, [0.5, 0.5], rtol=0.4)
    np.testing.assert_allclose(prior.family().usual.law.length, LAW.length, rtol=1.0)


@pytest.mark.parametrize(
    "points",
    [snapshots(1, 1), snapshots(1, 2), snapshots(5, 1), snapshots(2, 3, moving=True)],
)
def test_few_points_give_sensible_laws(points):
    prior = fitted(points)
    posterior = prior.posterior(points)
    assert prior.fitted
    assert posterior.lattice.isfinite().all()
    assert (posterior.std > 0).any()


def test_a_variable_of_one_value_and_missing_ones():
    points = snapshots(8, 12, moving=True)
    values = points.values.clone()
    values[..., 1] = 0.3
    mask = points.mask.clone()
    mask[::2, :, 1] = False
    prior = fitted(points.replace(values=values, mask=mask))
    assert prior.posterior(points).lattice.isfinite().all()


def test_those_that_learn_from_points_say_so():
    kinds = {name: PRIORS.get(name).learns_from_points for name in ("kriging", "none", "analogue")}
    assert kinds == {"kriging": True, "none": True, "analogue": False}
