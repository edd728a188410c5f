"""What the components of the mixture count, and what is not computed where one counts nothing."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from mixture_cases import CELL, seen, waves

from mamba_diffae.fields import Observations
from mamba_diffae.priors.mixture.targets import Targets
from mamba_diffae.priors.mixture.weights import statistics, weights


def test_kriging_that_does_not_count_is_not_asked_and_changes_nothing(fitted):
    given, targets = seen(waves(1, seed=3), 40), Targets.of_lattice(fitted.config)
    weighed = fitted.weigh(given)
    assert weighed.kriged
    w = weighed.weights.clone()
    w[0] = 0
    weighed = weighed._replace(weights=w / w.sum(dim=0))
    assert not weighed.kriged
    asked = weighed.gaussians.roughly(targets), weighed.gaussians.roughly(targets, kriged=False)
    assert asked[0].mean[0].any()
    assert not asked[1].mean[0].any()
    torch.testing.assert_close(asked[0].variance, asked[1].variance)
    mixed = (weighed.weights[:, None] * asked[0].mean).sum(dim=0)
    torch.testing.assert_close(weighed.roughly(targets)[0], mixed)
    assert not weighed.gaussians.moments(targets, kriged=False).variance[0].any()


def test_fields_observed_alike_do_not_depend_on_each_other(fitted):
    """Kriging counts for the last alone, and is tried by one law for the others."""
    rng = np.random.default_rng(0)
    strange = np.repeat(np.repeat(rng.normal(size=(1, 2, 2, 2)), 4, 1), 4, 2).clip(-1, 1)
    values = np.concatenate([waves(6, seed=3), strange.astype(np.float32)])
    cells = torch.from_numpy(rng.permutation(64)[:16])
    picked = torch.from_numpy(values.reshape(7, 64, 2))[:, cells]
    places = fitted.config.centres().float()[cells].expand(7, -1, -1)
    known = torch.ones_like(picked, dtype=torch.bool)
    alike = Observations(places, picked, known, torch.full_like(places, CELL))
    together = fitted.posterior(alike)
    assert together.weights[-1, 0] > 0.1
    assert not together.weights[:-1, 0].all()
    for b in range(7):
        alone = fitted.posterior(alike[[b]])
        for name in ("mean", "std", "weights", "familiarity"):
            torch.testing.assert_close(getattr(alone, name)[0], getattr(together, name)[b])


def test_weights_that_say_nothing_are_none():
    logs = torch.tensor([-12.0, 0.0, 0.0, -3.0]).reshape(4, 1, 1).double()
    w = weights(logs)
    assert w[0] == 0
    assert w.sum() == pytest.approx(1)
    torch.testing.assert_close(w[1:], logs[1:].softmax(dim=0))


def test_an_exemplar_of_which_nothing_is_known_is_like_any_other_field():
    errors = torch.ones(4, 1, 2, dtype=torch.float64)
    told = statistics(errors, torch.tensor([2.0, torch.inf]).double())
    torch.testing.assert_close(told[0], told[1])
