"""Fields unlike the training fields: a warning in Python, nothing else changes."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch

import mamba_diffae as mda
from mamba_diffae.benchmark import Protocol, benchmark_page, run_benchmark

P, KRIGING = [0.01, 0.6, 0.02], [0.9, 0.1, 1.0]
SAID = (
    "2 of 3 fields are unlike the training fields (p < 0.05); the answer leans on kriging "
    "(weight 0.95)"
)


@pytest.fixture
def unlike(model, monkeypatch) -> mda.FieldAutoencoder:
    """A model whose prior finds two of three fields unlike its own."""
    prior = model.fitted.network.prior
    posterior = prior.posterior

    def stated(observations, groups=None, keys=None):
        p = torch.tensor(P)[: len(observations)]
        kriging = torch.tensor(KRIGING)[: len(observations)]
        weights = torch.stack([kriging, 1 - kriging], dim=-1)
        return replace(posterior(observations, groups, keys), familiarity=p, weights=weights)

    monkeypatch.setattr(prior, "posterior", stated)
    return model


def test_a_call_warns_once_and_says_how_familiar_each_field_is(unlike, seen) -> None:
    with pytest.warns(mda.UnfamiliarFieldsWarning) as caught:
        field = unlike.predict(seen, n_draws=2, steps=2)
    assert [str(w.message) for w in caught] == [f"{SAID}."]
    assert caught[0].filename == __file__
    np.testing.assert_allclose(field.familiarity, P, rtol=1e-6)
    np.testing.assert_allclose(field.weights[:, 0], KRIGING, rtol=1e-6)
    assert field.draws.shape[0] == 2


def test_the_warning_changes_nothing(unlike, seen, monkeypatch) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", mda.UnfamiliarFieldsWarning)
        told = unlike.predict(seen).mean
    monkeypatch.undo()
    plain = unlike.predict(seen)
    np.testing.assert_array_equal(plain.mean, told)
    assert plain.familiarity is None
    assert plain.weights is None


def test_familiar_fields_and_latents_alone_say_nothing(unlike, seen) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert unlike.decode(np.zeros((2, unlike.latent_dim))).familiarity is None
        latents = unlike.encode(seen)
        with pytest.raises(mda.UnfamiliarFieldsWarning, match="2 of 3"):
            unlike.predict(seen, latents=latents)


@pytest.mark.slow
def test_a_benchmark_says_it_on_its_page_without_warning(unlike, truth) -> None:
    protocol = Protocol(scales=(12,), fraction=0.3, draws=2)
    with warnings.catch_warnings():
        warnings.simplefilter("error", mda.UnfamiliarFieldsWarning)
        test = truth.take(slice(0, 3))
        result = run_benchmark(unlike, test, truth.split("train"), protocol)
    assert f"{SAID}." in benchmark_page(result).findings
