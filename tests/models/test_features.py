"""What every part knows of single observations."""

import math

import pytest
import torch

from mamba_diffae.fields import Geometry, Observations
from mamba_diffae.models.config import FieldConfig
from mamba_diffae.models.features import (
    coordinate_features,
    observation_features,
    observation_width,
)

CONFIG = FieldConfig(value_dim=2, sigma=0.5, length_scale=0.1)


def seen(**parts) -> Observations:
    values = torch.tensor([[[0.3, 7.0], [-0.2, 0.1]]])
    mask = torch.tensor([[[True, False], [True, True]]])
    return Observations(torch.rand(1, 2, 2), values, mask, **parts)


def test_a_point_with_an_exact_value_adds_nothing_but_what_is_missing() -> None:
    zeros = torch.zeros(1, 2, 2)
    found = observation_features(seen(support=zeros, noise=zeros), CONFIG)
    expected = torch.tensor([[0.3, 0.0, 0, 1, 0, 0, 0, 0], [-0.2, 0.1, 0, 0, 0, 0, 0, 0]])
    torch.testing.assert_close(found, expected[None])


def test_a_noise_to_be_estimated_is_no_exact_value() -> None:
    found = observation_features(seen(), CONFIG)
    assert (found[..., 6:] == -1).all()


def test_support_and_noise_are_in_units_of_length_scale_and_sigma() -> None:
    support = torch.tensor([[[0.1, 0.0], [0.3, 0.7]]])
    noise = torch.tensor([[[0.5, 9.0], [0.0, 1.0]]])
    found = observation_features(seen(support=support, noise=noise), CONFIG)
    logs = [[math.log(2), 0], [math.log(4), math.log(8)]]
    torch.testing.assert_close(found[0, :, 4:6], torch.tensor(logs))
    # The noise of a missing value is none.
    torch.testing.assert_close(found[0, :, 6:], torch.tensor([[math.log(2), 0], [0, math.log(3)]]))


@pytest.mark.parametrize("given", [False, True])
def test_covariates_stand_last(given: bool) -> None:
    config = FieldConfig(value_dim=2, covariate_dim=3)
    covariates = torch.rand(1, 2, 3) if given else None
    found = observation_features(seen(covariates=covariates), config)
    assert found.shape[-1] == observation_width(config) == 11
    expected = covariates if given else torch.zeros(1, 2, 3)
    assert torch.equal(found[..., 8:], expected)
    # A network that knows of none ignores them.
    plain = observation_features(seen(covariates=covariates), CONFIG)
    assert plain.shape[-1] == observation_width(CONFIG) == 8


def test_places_across_the_seam_are_alike() -> None:
    geometry = Geometry(extent=(0.5, 1.0), periodic=(False, True))
    features = coordinate_features(FieldConfig(geometry=geometry))
    ends = features(torch.tensor([[0.2, 0.0], [0.2, 1.0], [0.2, 0.5]]))
    torch.testing.assert_close(ends[0], ends[1], rtol=0, atol=1e-3)
    assert (ends[0] - ends[2]).abs().max() > 0.1
