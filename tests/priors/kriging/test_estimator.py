"""A model with the kriging prior: where no analogue can be used, and where no field is complete."""

import numpy as np
import pytest

from mamba_diffae import FieldAutoencoder, FieldData, observe
from mamba_diffae.testing.cases import waves

pytestmark = pytest.mark.slow  # they train

FEW = {"steps": 2, "batch_size": 4, "show_progress": False}
CHANGES = {
    "model": {"d_model": 16},
    "data": {"encodings": 2},
    **dict.fromkeys(("autoencoder", "flow", "latent"), FEW),
}


def single_group() -> FieldData:
    data = waves(9)
    return FieldData(data.variables, data.grid, data.values, groups=np.zeros(9, dtype=int))


def full_of_gaps() -> FieldData:
    data = waves(9)
    valid = np.random.default_rng(0).random(data.values.shape) < 0.3
    return FieldData(data.variables, data.grid, data.values, valid)


@pytest.mark.parametrize("make", [single_group, full_of_gaps])
def test_it_fits_predicts_and_is_saved(make, tmp_path):
    data = make()
    model = FieldAutoencoder("tiny", parts={"prior": "kriging"}, changes=CHANGES, device="cpu")
    assert "Prior: kriging on 8 × 12 cells." in model.settings(data).describe()
    model.fit(data)
    config = model.fitted.network.config
    assert (config.prior, config.codes, config.exemplars) == ("kriging", (), 0)
    seen = observe(waves(2, seed=3), 0.4, seed=1)
    found = model.predict(seen, n_draws=2)
    assert np.isfinite(found.mean).all()
    assert np.isfinite(found.draws).all()
    assert found.std.max() < 3
    model.save_pretrained(tmp_path)
    again = FieldAutoencoder.from_pretrained(tmp_path, device="cpu").predict(seen)
    np.testing.assert_array_equal(again.mean, model.predict(seen).mean)


def test_codes_that_learn_from_fields_are_refused():
    changes = {**CHANGES, "model": {"prior": "kriging", "codes": ("pca",)}}
    with pytest.raises(ValueError, match=r"prior 'kriging' keeps none; give codes=\(\)"):
        FieldAutoencoder("tiny", changes=changes).settings(waves(9))
