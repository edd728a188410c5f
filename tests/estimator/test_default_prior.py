"""The default prior in a model: fitted, saved, asked, and a warning of fields unlike the others."""

from __future__ import annotations

import numpy as np
import pytest

from mamba_diffae import FieldAutoencoder, observe
from mamba_diffae.fields import UnfamiliarFieldsWarning
from mamba_diffae.models import config


@pytest.fixture
def _default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config, "DEFAULT_PRIOR", "mixture")


@pytest.mark.usefixtures("_default")
def test_a_model_with_the_mixture_is_fitted_saved_and_asked(truth, few, tmp_path) -> None:
    changes = {name: part for name, part in few.items() if name != "latent"}
    model = FieldAutoencoder("tiny", changes=changes, device="cpu")
    model.fit(truth, phases=("autoencoder",))
    assert type(model.fitted.autoencoder.prior).__name__ == "MixturePrior"
    seen = observe(truth, 0.3, seed=1)
    field = model.predict(seen)
    assert field.familiarity is not None
    assert field.weights is not None
    np.testing.assert_allclose(field.weights.sum(axis=1), 1, atol=1e-5)
    model.save_pretrained(tmp_path / "saved")
    again = FieldAutoencoder.from_pretrained(tmp_path / "saved").predict(seen)
    np.testing.assert_array_equal(again.mean, field.mean)
    np.testing.assert_array_equal(again.familiarity, field.familiarity)
    rng = np.random.default_rng(0)
    strange = seen.with_values(seen.values + 30 * np.ptp(truth.values) * rng.normal())
    with pytest.warns(UnfamiliarFieldsWarning, match="unlike the training fields"):
        model.predict(strange)
