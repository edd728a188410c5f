"""Variables: limits, spikes, files."""

import json
import math
import warnings

import numpy as np
import pytest

from mamba_diffae.fields import Affine, Log, Logit, ValuesError, Variable, robust_limits

VALUES = np.random.default_rng(0).uniform(2, 30, 5000)


def test_limits_are_by_default_those_of_the_transform():
    assert Variable("t", "degC", Affine(-2.0, 35.0)).limits == (-2.0, 35.0)
    np.testing.assert_allclose(Variable("ice", "1", Logit()).limits, (0, 1), atol=1e-12)
    assert Variable("t").limits == (-1.0, 1.0)


def test_the_unit_interval_is_between_the_limits():
    variable = Variable("p", "Pa", Affine(98_000.0, 104_000.0), (100_000.0, 102_000.0))
    np.testing.assert_allclose(
        variable.unit_interval(np.array([100_000.0, 101_325.0, 102_000.0])), [0, 0.6625, 1]
    )


@pytest.mark.parametrize("transform", ["affine", "log", "logit", "bounded", "normal_score"])
def test_variables_of_values_go_through_json(transform):
    variable = Variable.of_values("chl", VALUES / 31, "mg m-3", transform)
    assert variable.transform.kind == transform
    assert variable.limits == (VALUES.min() / 31, VALUES.max() / 31)
    assert Variable.from_dict(json.loads(json.dumps(variable.to_dict()))) == variable


def test_a_transform_can_be_given_as_it_is():
    log = Log(0.5, 90.0)
    assert Variable.of_values("chl", VALUES, transform=log).transform is log


def test_an_unknown_transform_is_answered_with_the_nearest():
    with pytest.raises(ValueError, match="Unknown transform 'logs'; did you mean 'log'"):
        Variable.of_values("chl", VALUES, transform="logs")


def test_spikes_are_counted_and_left_out_of_the_limits():
    spiked = np.concatenate([VALUES, [9999.0, -9999.0]])
    with pytest.warns(UserWarning, match=r"'t' has 2 of 5002 values far outside .*mask them"):
        limits = robust_limits(spiked, "t")
    assert limits == (VALUES.min(), VALUES.max())
    with pytest.warns(UserWarning, match="far outside"):
        assert Variable.of_values("t", spiked).transform == Affine(*limits)


def test_long_tails_are_no_spikes():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        robust_limits(np.random.default_rng(0).standard_normal(5000), "t")


def test_constant_values_are_refused():
    with pytest.raises(
        ValuesError, match=r"All values of the variable 't' are 7; a constant field"
    ):
        robust_limits(np.full(9, 7.0), "t")


def test_no_values_are_refused():
    with pytest.raises(ValuesError, match=r"'t' has no finite value in the training fields"):
        robust_limits(np.zeros(0), "t")


@pytest.mark.parametrize("limits", [(1.0, 1.0), (2.0, 1.0), (0.0, math.inf), (math.nan, 1.0)])
def test_limits_rise_and_are_finite(limits):
    with pytest.raises(ValuesError, match="'t' was given the limits"):
        Variable("t", limits=limits)
