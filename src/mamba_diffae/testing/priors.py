"""Contracts of priors."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from mamba_diffae.priors import Prior
from mamba_diffae.testing.cases import close, padded, permuted, scattered, tiny_config, waves


def check_prior(prior: type[Prior], **options: Any) -> None:
    """Shapes, sets, hidden groups, and that weights carry all that it has learned.

    Args:
        prior: The class.
        options: What it is given beside the config.
    """
    config = tiny_config(prior="analogue").prior_config
    if not prior.keeps_fields:
        config = config.model_copy(update={"exemplars": 0})
    train, seen = waves().split("train"), scattered()
    fitted = prior(config, **options)
    fitted.fit(train)
    assert fitted.fitted, "after fit it is not fitted"
    found = fitted.posterior(seen)
    if prior.empty:
        assert not found.lattice.shape[1], "a prior that says nothing has a lattice without cells"
        return
    P, C = config.cells, config.value_dim
    assert found.mean.shape == (2, P, C), "the mean has another shape"
    assert found.std.shape == (2, P, 1), "the deviation has another shape"
    assert found.lattice.isfinite().all(), "the posterior is not finite"
    assert (found.std >= 0).all(), "a deviation is negative"
    close(fitted.posterior(permuted(seen)).lattice, found.lattice, "the order of points matters")
    close(fitted.posterior(padded(seen)).lattice, found.lattice, "absent points matter")
    close(fitted.posterior(seen[[1]]).lattice, found.lattice[1:], "the batch matters")
    if len(fitted.groups):
        _check_hidden(fitted, seen, train)
    change = torch.randn(2, P, C, generator=torch.Generator().manual_seed(0))
    left = fitted.condition_increment(change, found.observed)
    assert left.shape == change.shape, "an increment has another shape"
    loaded = prior(config, **options)
    loaded.load_state_dict(fitted.state_dict())
    close(loaded.posterior(seen).lattice, found.lattice, "saved and loaded it is another one", 0)


def _check_hidden(fitted: Prior, seen: Any, train: Any) -> None:
    """Fields of a group are as if they had never been there, whatever they hold."""
    group = int(np.asarray(train.groups)[0])
    hidden = torch.full((2,), group)
    before = fitted.posterior(seen, hidden)
    other = type(train)(
        train.variables,
        train.grid,
        np.where((train.groups == group)[:, None, None, None], -train.values, train.values),
        groups=train.groups,
        splits=train.splits,
    )
    fitted.keep(other)
    after = fitted.posterior(seen, hidden)
    fitted.keep(train)
    close(after.lattice, before.lattice, "a hidden field is used all the same", 2e-3)
