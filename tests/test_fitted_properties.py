"""The contracts that take a training or a judgement; 1 to 5 and 12 are in `test_properties.py`.

7. What is saved is what is loaded; training that was stopped goes on as if it had not been.
9. An oracle scores above 60 dB at every scale, so no grid is shifted.
"""

import itertools
from pathlib import Path

import numpy as np
import pytest

from mamba_diffae import FieldAutoencoder, Grid, observe
from mamba_diffae.evaluation import Method, oracle, score
from mamba_diffae.fields import FieldData, Observations, Prediction, Variable
from mamba_diffae.training import Run
from mamba_diffae.training.data.batches import FieldBatches

MODEL = {
    "d_model": 16,
    "fourier_features": 8,
    "latent_dim": 12,
    "tokens": 2,
    "patch": 2,
    "neighbours": 4,
}
STEPS = {"batch_size": 3, "checkpoint_every": 2, "log_every": 1, "validate_every": 3}
CHANGES = {
    "model": MODEL | {"message": 8, "head": [16]},
    "data": {"queries": 40, "observed_shape": (6, 12)},
    "autoencoder": STEPS | {"steps": 6, "show_progress": False},
    "ensemble": STEPS | {"steps": 4, "show_progress": False},
    "flow": STEPS | {"steps": 4, "show_progress": False},
    "latent": STEPS | {"steps": 4, "show_progress": False},
}


def tiny_model() -> FieldAutoencoder:
    return FieldAutoencoder("tiny", device="cpu", changes=CHANGES)


DRAWN_BY = {
    "ensemble": ["autoencoder", "ensemble", "latent"],
    "flow": ["autoencoder", "flow", "latent"],
    "either": ["autoencoder", "ensemble", "flow"],
    "prior": ["autoencoder"],
}
"""Phases that are trained, by what then draws."""


@pytest.mark.filterwarnings("ignore:This model has not learned to draw")
@pytest.mark.parametrize("by", DRAWN_BY)
def test_7_saved_and_loaded_is_the_same(smooth_fields, tmp_path: Path, by: str) -> None:
    truth = smooth_fields(shape=(12, 24), variables=2, gaps=True)
    model = tiny_model().fit(truth, phases=DRAWN_BY[by])
    model.save_pretrained(tmp_path / "model")
    loaded = FieldAutoencoder.from_pretrained(tmp_path / "model", device="cpu")
    seen = observe(truth, 0.2, shape=(6, 12))
    ours, theirs = (m.predict(seen, n_draws=1, steps=2) for m in (model, loaded))
    np.testing.assert_array_equal(ours.mean, theirs.mean)
    np.testing.assert_array_equal(ours.draws, theirs.draws)
    assert ours.evaluations == theirs.evaluations == (4 if by == "flow" else 1)
    np.testing.assert_array_equal(model.encode(seen), loaded.encode(seen))


@pytest.mark.parametrize("by", ["ensemble", "flow"])
@pytest.mark.parametrize("stop", [3, 6 + 3])  # batches made: in phase 1, in phase 2
def test_7_stopped_and_resumed_is_never_stopped(
    smooth_fields, tmp_path: Path, monkeypatch, stop: int, by: str
) -> None:
    truth, phases = smooth_fields(shape=(12, 24), variables=2, gaps=True), DRAWN_BY[by]
    whole = tiny_model().fit(truth, run=tmp_path / "whole", phases=phases)
    made, make = itertools.count(), FieldBatches.__call__

    def failing(self: FieldBatches, step: int):
        if next(made) == stop:
            raise OSError("the machine went down")
        return make(self, step)

    with monkeypatch.context() as patch:
        patch.setattr(FieldBatches, "__call__", failing)
        with pytest.raises(OSError, match="went down"):
            tiny_model().fit(truth, run=tmp_path / "stopped", phases=phases)
    resumed = tiny_model().fit(truth, run=tmp_path / "stopped", phases=phases, resume=True)

    timed = {"seconds", "fields_per_second"}
    curves = [
        [{k: v for k, v in row.items() if k not in timed} for row in Run.open(folder).metrics()]
        for folder in (tmp_path / "whole", tmp_path / "stopped")
    ]
    assert len(curves[0]) == (6 + 2) + 2 * (4 + 2)  # a loss for every step, and the validations
    assert curves[1] == curves[0]
    seen = observe(truth, 0.2, shape=(6, 12))
    ours, theirs = (m.predict(seen, n_draws=2, steps=2) for m in (resumed, whole))
    np.testing.assert_array_equal(ours.mean, theirs.mean)
    np.testing.assert_array_equal(ours.draws, theirs.draws)
    ours, theirs = (m.fitted.network.state_dict() for m in (resumed, whole))
    assert all(ours[name].equal(weight) for name, weight in theirs.items())


class _Formula:
    """Knows a formula of the place, and asks it where a function of a grid says."""

    def __init__(self, formula, where) -> None:
        self.formula, self.where = formula, where

    def predict(self, observations: Observations, targets: Grid) -> Prediction:
        values = self.formula(self.where(targets)).reshape(1, *targets.shape, 2)
        return Prediction.of_mean(np.repeat(values, len(observations), axis=0), grid=targets)


@pytest.mark.parametrize("shape", [(48, 48), (24, 48), (96,), (12, 24, 24)])
def test_9_an_oracle_scores_above_60_db_at_every_scale(shape: tuple[int, ...]) -> None:
    # A linear field equals its average over a cell at the cell's centre: an oracle that knows the
    # formula, not the grid, is right at every scale if the grid's centres are where it thinks.
    native, slopes = Grid.default(shape), np.array([[4.0, -2.0], [1.0, 3.0], [-2.0, 1.0]])

    def linear(coords: np.ndarray) -> np.ndarray:
        return (coords - 0.5) @ slopes[: coords.shape[1]]

    def edges(targets: Grid) -> np.ndarray:
        """The first centre put on the border, and the last."""
        low = np.array([axis.low for axis in targets.axes])
        span = np.array([axis.span for axis in targets.axes])
        cells = np.array(targets.shape)
        inside = (targets.centres() - low) / span * cells - 0.5
        return low + inside / (cells - 1) * span

    values = np.repeat(linear(native.centres()).reshape(1, *shape, 2), 3, axis=0)
    truth = FieldData(
        [Variable.of_values(n, values[..., i].ravel()) for i, n in enumerate("ab")], native, values
    )
    methods = {
        Method("oracle", kind="oracle"): oracle(truth),
        Method("formula"): _Formula(linear, Grid.centres),
        Method("shifted"): _Formula(linear, edges),
    }
    scales = [max(shape) // n for n in (4, 3, 2, 1)]
    for found in score(methods, truth, observe(truth, 0.2), scales):
        assert (found.psnr.mean > 60) == (found.method.key != "shifted")
