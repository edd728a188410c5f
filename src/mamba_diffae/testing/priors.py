"""Contracts of priors."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from mamba_diffae.fields import Observations
from mamba_diffae.priors import Prior
from mamba_diffae.priors.base import PriorPosterior
from mamba_diffae.testing.cases import (
    close,
    padded,
    permuted,
    scattered,
    tiny_config,
    waves,
    without_points,
)

_KEYS = torch.arange(64).reshape(2, 32)
"""Of draws of two fields."""


def check_prior(prior: type[Prior], **options: Any) -> None:
    """Shapes, sets, hidden groups, draws, and that weights carry all that it has learned.

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
    drawn = fitted.posterior(seen, keys=_KEYS)
    if prior.empty:
        assert not found.lattice.shape[1], "a prior that says nothing has a lattice without cells"
        assert drawn.draws is not None, "keys were given, but there are no draws"
        assert drawn.draws.shape == (*_KEYS.shape, 0, config.value_dim), "draws have another shape"
        return
    P, C = config.cells, config.value_dim
    assert found.mean.shape == (2, P, C), "the mean has another shape"
    assert found.std.shape == (2, P, 1), "the deviation has another shape"
    assert found.lattice.isfinite().all(), "the posterior is not finite"
    assert (found.std >= 0).all(), "a deviation is negative"
    close(fitted.posterior(permuted(seen)).lattice, found.lattice, "the order of points matters")
    close(fitted.posterior(padded(seen)).lattice, found.lattice, "absent points matter")
    close(fitted.posterior(seen[[1]]).lattice, found.lattice[1:], "the batch matters")
    _check_draws(fitted, seen, found, drawn)
    if len(fitted.groups):
        _check_hidden(fitted, seen, train)
    change = torch.randn(2, P, C, generator=torch.Generator().manual_seed(0))
    left = fitted.condition_increment(change, found.observed)
    assert left.shape == change.shape, "an increment has another shape"
    loaded = prior(config, **options)
    loaded.load_state_dict(fitted.state_dict())
    again = loaded.posterior(seen, keys=_KEYS)
    close(again.lattice, found.lattice, "saved and loaded it is another one", 0)
    assert again.draws is not None
    assert drawn.draws is not None
    close(again.draws, drawn.draws, "saved and loaded it draws other fields", 1e-6)


def _check_draws(
    fitted: Prior, seen: Observations, found: PriorPosterior, drawn: PriorPosterior
) -> None:
    """A draw is that of its key and observations, and spreads about as the deviation says."""
    draws = drawn.draws
    assert found.draws is None, "there are draws, but no keys were given"
    close(drawn.lattice, found.lattice, "keys change mean or deviation", 0)
    assert draws is not None, "keys were given, but there are no draws"
    assert draws.shape == (*_KEYS.shape, *found.mean.shape[1:]), "draws have another shape"
    assert draws.dtype == found.mean.dtype, "draws have another type than the mean"
    assert draws.isfinite().all(), "a draw is not finite"
    alone = fitted.posterior(seen[[1]], keys=_KEYS[1:, 2:3]).draws
    assert alone is not None
    close(alone[0, 0], draws[1, 2], "the batch or other keys matter to a draw", 1e-4)
    blank = fitted.posterior(without_points(seen), keys=_KEYS).draws
    assert blank is not None, "keys were given, but there are no draws of fields without points"
    assert blank.isfinite().all(), "a draw of a field without any observation is not finite"
    around = draws - found.mean[:, None]
    size, bias = (x.square().mean().sqrt() for x in (around, around.mean(dim=1)))
    stated = found.std.square().mean().sqrt()
    assert size <= 3 * stated + 1e-6, "draws spread far more than the deviation says"
    assert 3 * size + 1e-6 >= stated, "draws spread far less than the deviation says"
    assert bias <= size / 2 + 1e-6, "the mean of many draws is not that of the posterior"


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
