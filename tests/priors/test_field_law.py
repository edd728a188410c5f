"""What priors state of a field before it is observed, against what they draw and condition on."""

import pytest
import torch
from mixture_cases import config, data, seen, waves

from mamba_diffae.fields import FieldError
from mamba_diffae.priors import AnaloguePrior, NoPrior, PriorConfig
from mamba_diffae.priors.field_law import FieldLaw
from mamba_diffae.priors.kriging.prior import KrigingPrior
from mamba_diffae.priors.kriging.readings import Boxes
from mamba_diffae.priors.mixture.learned import Learned
from mamba_diffae.priors.mixture.prior import MixturePrior
from mamba_diffae.priors.mixture.targets import Targets

PLACES = torch.tensor([[0.1, 0.2], [0.5, 0.5], [0.52, 0.47], [0.9, 0.33]], dtype=torch.float64)


@pytest.fixture(scope="module")
def mixture():
    values = waves(60)
    prior = MixturePrior(config(values))
    prior.fit(data(values), data(waves(16, seed=5)))
    return prior


def left(law: FieldLaw, at: torch.Tensor, targets: torch.Tensor, error: torch.Tensor):
    """Variance (T, C) after readings of all variables at places, by the direct formula."""
    a, t = law.at(at), law.at(targets)
    K = law.covariance(a, a).flatten(2).flatten(0, 1) + torch.kron(torch.eye(len(at)), error)
    across = law.covariance(a, t).flatten(2).flatten(0, 1)
    whole = law.variance(t).diagonal(dim1=1, dim2=2)
    return whole - (across * torch.linalg.solve(K, across)).sum(dim=0).view(whole.shape)


def test_the_mixture_states_the_law_that_its_library_conditions(mixture):
    law, given = mixture.field_law(), seen(waves(1, seed=2), 9)
    readings = mixture.kriging.see(given)
    hybrid = Learned(mixture.library(), mixture.law(), 0.3, readings, mixture.config).hybrid
    targets = Targets.of(mixture.config, PLACES)
    found = hybrid.variance(hybrid.at(targets.boxes, targets.cells(mixture.library().modes)))
    # `seen` averages over cells of the lattice, where interpolation is exact.
    stated = left(law, given.coords[0].double(), PLACES, law.nugget)
    expected = stated / mixture.kriging.deviation.square()
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-6)


def test_the_mixture_draws_from_the_law_that_it_states(mixture):
    law, targets = mixture.field_law(), Targets.of(mixture.config, PLACES)
    draws = mixture.draw_unseen(targets, torch.arange(4000)[None], white=False)[0].flatten(1)
    expected = law.covariance(law.at(PLACES), law.at(PLACES)).flatten(2).flatten(0, 1)
    size = expected.diagonal().max()
    assert (draws.T.cov() - expected).abs().max() < 0.1 * size
    assert (draws.mean(dim=0) - law.at(PLACES).mean.flatten()).abs().max() < 0.1 * size.sqrt()


def test_kriging_states_its_kernel_and_trend():
    values = waves(30)
    prior = KrigingPrior(config(values, exemplars=0))
    prior.fit(data(values))
    law = prior.field_law()
    places = law.at(PLACES)
    torch.testing.assert_close(
        law.covariance(places, places).diagonal(dim1=0, dim2=2).permute(2, 0, 1),
        law.variance(places),
    )
    expected = prior.deviation.square() * (1 + prior.trend)
    torch.testing.assert_close(law.variance(places)[0].diagonal(), expected)
    assert isinstance(places.boxes, Boxes)
    plain = MixturePrior(config(values, exemplars=0))
    plain.kriging = prior
    assert torch.equal(plain.field_law().sill, law.sill)


def test_analogues_state_the_moments_of_their_exemplars():
    values = waves(20)
    prior = AnaloguePrior(config(values))
    prior.fit(data(values))
    law, centres = prior.field_law(), prior.config.centres()
    every = law.covariance(law.at(centres), law.at(centres)).flatten(2).flatten(0, 1)
    torch.testing.assert_close(every, prior.bank().covariance.double(), rtol=1e-4, atol=1e-6)


def test_no_prior_states_no_law():
    nothing = NoPrior(PriorConfig(geometry=config(waves(1)).geometry, shape=(8, 8), value_dim=1))
    with pytest.raises(FieldError, match="prior='mixture'"):
        nothing.field_law()
