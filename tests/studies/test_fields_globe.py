"""The table of a model of windows on the globe: which cells are scored, and how."""

from __future__ import annotations

import numpy as np
import pytest

from mamba_diffae import Prediction
from studies.fields.globe import Globe, rows_of


@pytest.fixture(scope="module")
def globe() -> Globe:
    return Globe(2, seed=0)


def test_scored_are_the_test_sectors_alone(globe):
    assert len(globe.places) == 181 * 36 * 3
    assert len(set((globe.places[:, 1] // 36).tolist())) == 3


def test_an_oracle_has_no_error_and_a_shifted_one_its_shift(globe):
    hours = iter(range(2))

    def shifted(seen, places):
        hour = globe.truth.take(slice(s := next(hours), s + 1))
        true = hour.values.reshape(hour.grid.cells, -1)[globe.cells][None].astype(np.float64)
        draws = true + np.array([1.0, 3.0])[:, None, None, None]
        quantiles = np.stack([true - 2, true + 0.5])
        return Prediction(true + 1, draws, quantiles=quantiles, levels=(0.05, 0.95))

    found = globe.score(shifted, 0.05)
    assert found.squared == pytest.approx(np.ones(4))
    # Of two draws at 1 and 3: (1 + 3) / 2 less 2 / 2.
    assert found.crps == pytest.approx(np.ones(4), rel=1e-6)
    assert found.covered is not None
    assert len(found.covered) == 2 * 9
    assert found.covered == pytest.approx(np.ones(18))
    line = rows_of("shifted", found, ["K", "m s-1", "m s-1", "Pa"], found)
    assert line[:2] == ["shifted", "1 K"]
    assert line[5] == "1.000"
