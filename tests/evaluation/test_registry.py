"""Baselines by name: those of the package, those of a user, and none that is wrong."""

import numpy as np
import pytest

from mamba_diffae.evaluation import BASELINES, Baseline, Method, classical_baselines, find_baseline
from mamba_diffae.fields import Grid, Observations, Prediction

USERS = """
import numpy as np
from mamba_diffae.evaluation import Baseline
from mamba_diffae.fields import Prediction


class Zero(Baseline):
    name = "zero"

    def predict(self, observations, targets):
        shape = (len(observations), *targets.shape, observations.n_variables)
        return Prediction.of_mean(np.zeros(shape), grid=targets)


class Needy(Zero):
    def __init__(self, wanted):
        pass


class Unfinished(Baseline):
    name = "unfinished"


def zero():
    return Zero()
"""


@pytest.fixture
def users_module(tmp_path, monkeypatch):
    (tmp_path / "their_methods.py").write_text(USERS)
    monkeypatch.syspath_prepend(tmp_path)


def test_keys_are_names_with_hyphens():
    methods = classical_baselines()
    assert [Method.of(m).key for m in methods] == BASELINES.names()[: len(methods)]
    for method in methods:
        assert type(find_baseline(Method.of(method).key)) is type(method)


@pytest.mark.usefixtures("users_module")
def test_a_class_of_a_user_is_found_and_predicts():
    zero = find_baseline("their_methods:Zero")
    found = zero.fit(None).predict(
        Observations.from_points([[0.1, 0.2]], [1.0]), Grid.default((2, 3))
    )
    assert isinstance(found, Prediction)
    assert found.mean.shape == (1, 2, 3, 1)


@pytest.mark.usefixtures("users_module")
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("krigging", "did you mean 'kriging'"),
        ("no_such_package:Zero", "cannot be imported.*PYTHONPATH"),
        ("their_methods:Nothing", "no class 'Nothing'"),
        ("their_methods:zero", "no class that implements"),
        ("their_methods:np", "no class that implements"),
        ("their_methods:Unfinished", "no class that implements"),
        ("their_methods:Needy", "without arguments.*wanted"),
    ],
)
def test_what_is_no_baseline_is_refused(name, message):
    with pytest.raises(ValueError, match=message):
        find_baseline(name)


def test_a_registered_class_is_found_by_its_name(monkeypatch):
    class Half(Baseline):
        name = "half"

        def predict(self, observations, targets):
            return Prediction.of_mean(np.full((len(observations), *targets.shape, 1), 0.5))

    monkeypatch.setattr(BASELINES, "_registered", {})
    BASELINES.register("half", Half)
    assert isinstance(find_baseline("half"), Half)
    assert "half" in BASELINES.names()
