"""Covariates of training fields reach every row of a batch as its field has them."""

from dataclasses import replace

import numpy as np
import torch
from field_cases import no_prior

from mamba_diffae.fields import Covariates, FieldData, Observations, observe
from mamba_diffae.training.data.backgrounds import Backgrounds
from mamba_diffae.training.data.batches import FieldBatches
from mamba_diffae.training.data.config import DataConfig
from mamba_diffae.training.data.field_snapshots import FieldSnapshots

ANCHORS = (24, 24)
SETTINGS = {"observed_shape": (12, 12), "mirrored": True}
CONFIG = DataConfig(**SETTINGS)


def with_itself(data: FieldData) -> FieldData:
    """With its own values as a covariate."""
    return replace(data, covariates=Covariates(["itself"], [data.values[..., 0]]))


def known(seen: Observations) -> np.ndarray:
    assert seen.background is not None
    return seen.background.values.flatten(1, 2)[..., 0].numpy()


def test_rows_have_the_covariates_of_their_fields_mirrored_with_them(inside) -> None:
    data = with_itself(inside(count=10, variables=1))
    about = {"seed": 1, "batch_size": 8, "anchor_shape": ANCHORS}
    for views in (1, 2):
        batches = FieldBatches(data, CONFIG, no_prior(data), views=views, **about)
        for step in range(3):
            batch = batches(step)
            np.testing.assert_array_equal(known(batch.inputs), batch.anchor_values[..., 0])
    assert batches.config.mirrored


def test_what_is_validated_and_encoded_has_them_too(inside) -> None:
    data = with_itself(inside(count=10, variables=1))
    snapshots = FieldSnapshots(data)
    flat = data.values[..., 0].reshape(len(data), -1)
    asked = snapshots.residual_set((12, 12))
    np.testing.assert_array_equal(known(asked.inputs), asked.values[..., 0])
    encoded = snapshots.most_of(np.random.default_rng(0), CONFIG, 0.5, False)
    np.testing.assert_array_equal(known(encoded), flat)
    case = next(snapshots.skill_cases(CONFIG, no_prior(data).config.geometry, 0))
    count = len(case.seen) // 2
    np.testing.assert_array_equal(known(case.seen)[:count], known(case.seen)[count:])
    assert {"covariate itself"} < {name for name, _ in snapshots.contents()}


def test_fields_without_covariates_stay_as_they_are(inside) -> None:
    data = inside(count=3, variables=1)
    seen = observe(data, 0.5).to(torch.float32)
    assert Backgrounds(data).joined(seen, np.arange(3), np.zeros(3, bool)) is seen
    assert FieldSnapshots(data).n_covariates == 0
