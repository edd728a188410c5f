"""Training of a phase on fields of any shape, with gaps or without; and its validation."""

from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from torch import Tensor

from mamba_diffae.fields import Axis, FieldData, Grid
from mamba_diffae.models import FieldFlow
from mamba_diffae.training import Objective, Run, TrainingConfig
from mamba_diffae.training.data.batches import FieldBatches
from mamba_diffae.training.data.config import DataConfig
from mamba_diffae.training.fit import PhaseOptions, train_phase
from mamba_diffae.training.validation import residual, validator

QUIET = {"batch_size": 4, "warmup_steps": 2, "log_every": 1, "show_progress": False}


def fit(
    net: FieldFlow, phase: str, data: FieldData, run: Run, objective=None, **changes: Any
) -> FieldFlow:
    config = TrainingConfig(**{**QUIET, "steps": 4, **changes})
    options = PhaseOptions(config, DataConfig(queries=60), device="cpu", objective=objective)
    return train_phase(net, phase, data, run, options)


@pytest.fixture
def data(inside) -> FieldData:
    return inside(count=12)


def test_the_encoder_that_comes_out_of_phase_2_is_the_one_that_went_in(net_for, data, run) -> None:
    net = net_for(data)
    before = {name: w.clone() for name, w in net.state_dict().items()}
    after = fit(net, "flow", data, run).state_dict()
    changed = {name.split(".")[0] for name, w in after.items() if not torch.equal(w, before[name])}
    # The gate is fitted where the prior knows familiarity.
    assert changed - {"gate"} == {"decoder", "stage", "noise_weights"}


def test_phase_ensemble_teaches_a_decoder_of_its_own(net_for, data, run) -> None:
    net = net_for(data)
    before = {name: w.clone() for name, w in net.state_dict().items()}
    after = fit(net, "ensemble", data, run).state_dict()
    changed = {name.split(".")[0] for name, w in after.items() if not torch.equal(w, before[name])}
    assert changed - {"gate"} == {"ensemble"}
    assert run.metrics()[-1]["validation"]["negative_crps"] < 0


def test_batches_are_made_where_the_network_is_not(net_for, data, run, monkeypatch) -> None:
    made: list[FieldBatches] = []

    def moved(net: FieldFlow, phase, batches: FieldBatches, *rest, **options) -> FieldFlow:
        made.append(batches)
        return net.to("meta")  # as to a GPU

    monkeypatch.setattr("mamba_diffae.training.fit.train", moved)
    monkeypatch.setattr("mamba_diffae.training.fit.fit_gate", lambda *given: None)
    fit(net_for(data), "autoencoder", data, run)
    assert made[0](0).posterior.lattice.isfinite().all()


@pytest.mark.parametrize("kind", ["mamba-diffusion", "minimal-latent"])
def test_baselines_have_only_the_flow(net_for, data, run: Run, kind: str) -> None:
    net = net_for(data, kind)
    with pytest.raises(ValueError, match=f"'{kind}' has no phase 'autoencoder'; it has flow"):
        fit(net, "autoencoder", data, run)
    assert not fit(net, "diffusion", data, run).training  # the literature's name of it
    assert {row["phase"] for row in run.metrics()} == {"flow"}
    assert run.metrics()[-1]["validation"]["psnr"] > 0


@pytest.mark.parametrize("phase", ["autoencoder", "flow"])
def test_a_single_field_is_learned_by_heart(net_for, data, run: Run, phase: str) -> None:
    one = data.split("train").take(slice(1))
    net = net_for(data, exemplars=0)  # a prior has nothing left to say of one field
    fit(net, phase, one, run, steps=60, learning_rate=0.01)
    losses = [row["loss"] for row in run.metrics()]
    assert sum(losses[-10:]) < 0.5 * sum(losses[:10])


@pytest.mark.parametrize("shape", [(30,), (12, 20), (5, 6, 8)])
@pytest.mark.parametrize("kind", ["autoencoder", "minimal-latent"])
def test_fields_of_every_dimension_with_gaps_are_learned(
    net_for, inside, run: Run, shape: tuple[int, ...], kind: str
) -> None:
    gappy = inside(count=12, shape=shape, variables=2, gaps=True)
    land = np.zeros(shape, dtype=bool)
    land[:2] = True
    edges = np.linspace(0, gappy.grid.axes[0].high, shape[0] + 1) ** 1.2
    axes = (Axis(gappy.grid.axes[0].name, edges), *gappy.grid.axes[1:])
    gappy = replace(gappy, grid=Grid(axes, ~land))
    net = net_for(gappy, kind)
    for phase in (name for name in net.phases if name != "latent"):
        net = fit(net, phase, gappy, run)
    assert all(w.isfinite().all() for w in net.state_dict().values())
    assert np.isfinite([row["loss"] for row in run.metrics() if "loss" in row]).all()


@pytest.mark.parametrize("under", [np.nan, 1e30])
def test_what_lies_under_a_gap_changes_no_weight(net_for, inside, tmp_path, under: float) -> None:
    gappy, found = inside(count=12, shape=(12, 16), variables=2, gaps=True), []
    for name, number in (("zero", 0.0), ("other", under)):
        values = np.where(gappy.valid, gappy.values, number).astype(np.float32)
        fields, run = replace(gappy, values=values), Run.create(tmp_path / name, {})
        net = net_for(fields)
        for phase in ("autoencoder", "ensemble", "flow"):
            net = fit(net, phase, fields, run)
        found.append(net.state_dict())
    assert all(torch.equal(found[0][name], found[1][name]) for name in found[0])


class Foreign(Objective):
    """Everything becomes zero."""

    name: ClassVar[str] = "foreign"

    def loss(self, model: Any, batch: Any) -> Tensor:
        return sum(p.square().sum() for p in model.parameters())


def test_another_objective_may_take_the_place_of_the_phase_s_own(net_for, data, run) -> None:
    def size(net: FieldFlow) -> float:
        return sum(p.detach().square().sum().item() for p in net.parameters())

    net = net_for(data)
    before = size(net)
    after = size(fit(net, "autoencoder", data, run, Foreign(), steps=20, learning_rate=0.01))
    assert after < 0.9 * before
    losses = [row["loss"] for row in run.metrics() if "loss" in row]
    assert losses[0] == pytest.approx(before, rel=1e-4)


# Validation


class Constant(FieldFlow):
    """A network whose mean is a constant."""

    kind: ClassVar[str] = "constant"
    phases: ClassVar[tuple[str, ...]] = ("flow",)
    has_latent: ClassVar[bool] = False

    def __init__(self, net: FieldFlow, value: float) -> None:
        super().__init__(net.config)
        self.anchors = torch.zeros(0, 2)
        self.value = torch.nn.Parameter(torch.tensor(value))

    def encode_context(self, observations, **options) -> None:
        return None

    def query_features(self, context, query_coords) -> None:
        return None

    def query_flow(self, context, features, t, x, anchor_output) -> Tensor:
        return self.value - x


def psnr(net: FieldFlow, data: FieldData) -> float:
    validate = validator(data)
    assert validate is not None
    return validate(net)["psnr"]


def test_validation_is_the_psnr_of_unseen_cells(net_for, data) -> None:
    constant = Constant(net_for(data), 0.25)  # of [-1, 1]: 0.625 of [0, 1]
    unit = (data.split("val").values + 1) / 2
    expected = (-10 * np.log10(((0.625 - unit) ** 2).mean((1, 2, 3)))).mean()
    assert psnr(constant, data) == pytest.approx(expected, rel=1e-4)


def test_validation_counts_what_there_is_by_its_area(net_for, inside) -> None:
    gappy = inside(count=12, gaps=True)
    constant = Constant(net_for(gappy), 0.25)
    edges = np.linspace(0, 1, 25) ** 2
    gappy = replace(gappy, grid=Grid((Axis("y", edges), gappy.grid.axes[1])))
    val, weight = gappy.split("val"), gappy.split("val").weights()
    squared = (0.25 - val.values) ** 2 / 4
    error = (weight * squared).sum((1, 2, 3)) / weight.sum((1, 2, 3))
    assert psnr(constant, gappy) == pytest.approx((-10 * np.log10(error)).mean(), rel=1e-4)


def test_without_validation_fields_there_is_no_validation(net_for, data, run: Run) -> None:
    train = data.split("train")
    assert validator(train) is None
    fit(net_for(data), "autoencoder", train, run)
    assert all("validation" not in row for row in run.metrics())


def test_what_the_mean_leaves_open_is_zero_in_gaps(net_for, inside) -> None:
    gappy = inside(count=12, gaps=True)
    left, weight = residual(Constant(net_for(gappy), 0.25), gappy)
    val = gappy.split("val")
    assert weight is not None
    np.testing.assert_array_equal(weight, val.valid_mask())
    np.testing.assert_allclose(left, (val.values - 0.25) * val.valid_mask(), atol=1e-6)
    whole = inside(count=12)
    assert residual(Constant(net_for(whole), 0.25), whole)[1] is None
