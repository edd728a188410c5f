"""A model answers the same whatever defaults of torch and NumPy others have set."""

import copy
import pickle

import numpy as np
import pytest
import torch

from mamba_diffae import FieldAutoencoder, FieldData, Observations, evaluate, observe


@pytest.fixture
def changed():
    torch.set_default_dtype(torch.float64)
    torch.set_grad_enabled(False)
    former = np.seterr(all="raise")
    yield
    np.seterr(**former)
    torch.set_grad_enabled(True)
    torch.set_default_dtype(torch.float32)


@pytest.fixture(scope="module")
def expected(model: FieldAutoencoder, seen: Observations) -> np.ndarray:
    return model.predict(seen, n_draws=1, seed=3).draws


def test_predictions_stay(model, truth: FieldData, seen, expected, changed, tmp_path) -> None:
    again = observe(truth.take(slice(0, 3)), 0.3, seed=1)
    assert (model.predict(again, n_draws=1, seed=3).draws == expected).all()
    model.save_pretrained(tmp_path / "model")
    read = FieldAutoencoder.from_pretrained(tmp_path / "model", device="cpu")
    assert (read.predict(seen, n_draws=1, seed=3).draws == expected).all()
    score = evaluate(model.predict(seen), truth.take(slice(0, 3)))
    assert np.isfinite(score["rmse"] if not isinstance(score["rmse"], dict) else 0)


def test_a_model_is_trained_to_the_same_weights(truth, few, changed) -> None:
    phases = ["autoencoder"]
    ours = FieldAutoencoder("tiny", changes=few, device="cpu").fit(truth, phases=phases)
    torch.set_default_dtype(torch.float32)
    theirs = FieldAutoencoder("tiny", changes=few, device="cpu").fit(truth, phases=phases)
    for name, weights in theirs.fitted.network.state_dict().items():
        assert torch.equal(ours.fitted.network.state_dict()[name], weights), name


def test_deterministic_algorithms_change_nothing(model, seen, expected) -> None:
    torch.use_deterministic_algorithms(True)
    try:
        assert (model.predict(seen, n_draws=1, seed=3).draws == expected).all()
    finally:
        torch.use_deterministic_algorithms(False)


def test_a_used_model_is_copied_and_pickled_without_caches(model, seen, expected, tmp_path) -> None:
    model.save_pretrained(tmp_path / "model")
    fresh = len(pickle.dumps(FieldAutoencoder.from_pretrained(tmp_path / "model", device="cpu")))
    used = pickle.dumps(model)
    assert len(used) < 1.2 * fresh
    for other in (copy.deepcopy(model), pickle.loads(used)):
        assert (other.predict(seen, n_draws=1, seed=3).draws == expected).all()
