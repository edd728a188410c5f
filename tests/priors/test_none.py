"""No prior: nothing is said, of whatever is observed."""

import torch
from lattice_cases import SQUARE, C, geometry_of, lattice_data, seen_at, smooth

from mamba_diffae.priors import PRIORS, NoPrior, PriorConfig
from mamba_diffae.priors.base import PriorPosterior


def test_it_says_nothing() -> None:
    prior = NoPrior(PriorConfig(geometry=geometry_of(SQUARE), shape=SQUARE, value_dim=C))
    prior.fit(lattice_data(smooth(3)))
    assert prior.empty
    assert prior.fitted
    found = prior.posterior(seen_at(smooth(2), [3, 4]), torch.tensor([0, 1]))
    assert found.lattice.shape == (2, 0, C + PriorPosterior.EXTRA)
    assert found.mean.shape == found.observed.shape == (2, 0, C)
    assert found.draws is None
    drawn = prior.posterior(seen_at(smooth(2), [3, 4]), keys=torch.arange(6).reshape(2, 3)).draws
    assert drawn is not None
    assert drawn.shape == (2, 3, 0, C)
    assert prior.fields()[0].shape == prior.fields()[1].shape == (0, 0, C)
    change = torch.randn(2, 0, C)
    assert prior.condition_increment(change, found.observed) is change
    assert not prior.state_dict()


def test_priors_are_known_by_name() -> None:
    assert PRIORS.get("none") is NoPrior
    assert PRIORS.names()[:2] == ["none", "analogue"]
