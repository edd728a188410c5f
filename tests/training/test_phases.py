"""The phases: which velocity is right, what is withheld, what is frozen; and that they learn."""

from dataclasses import replace
from typing import ClassVar

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from mamba_diffae.fields import GridField
from mamba_diffae.models import FieldFlow
from mamba_diffae.models.config import CONTEXTS, AutoencoderConfig
from mamba_diffae.models.pretrained import MODELS
from mamba_diffae.models.readout import Prepared
from mamba_diffae.training import Run, TrainingConfig
from mamba_diffae.training.batches import DataConfig, FieldBatches, TrainingBatch
from mamba_diffae.training.contrast import info_nce
from mamba_diffae.training.fit import train_phase, validator
from mamba_diffae.training.phases import (
    ABSENT,
    CONTRAST_WEIGHT,
    DENSITY_POWER,
    LATENT_ONLY,
    MEAN_ONLY,
    NOTHING,
    PHASES,
)

FIELDS, PLACES = 3000, 16
DATA = DataConfig(queries=60, cells=12)


class Witness(FieldFlow):
    """A network that knows the truth, and notes what it is asked.

    Its queries stand where its anchors are.
    """

    kind: ClassVar[str] = "witness"
    config_class = AutoencoderConfig
    phases: ClassVar[tuple[str, ...]] = ("autoencoder", "diffusion")
    has_latent: ClassVar[bool] = True

    def __init__(self, truth: Tensor) -> None:
        super().__init__(AutoencoderConfig(value_dim=1, noise_cells=(4,)))
        self.truth = truth
        self.anchors = torch.rand(PLACES, 2, generator=torch.Generator().manual_seed(0))
        self.weight = nn.Parameter(torch.zeros(()))

    def condition(self, *seen, latent=None, context, estimate=None) -> Prepared:
        self.context = context
        return Prepared(torch.zeros(FIELDS, 1), None)

    def site(self, condition, query_coords) -> None:
        return None

    def anchor_flow(self, condition, t, x, present=None) -> tuple[Tensor, Tensor]:
        self.t, self.anchor_state, self.present = t, x, present
        return x, self._right(t, x)

    def query_flow(self, condition, site, t, x, tokens) -> Tensor:
        self.query_state = x
        return self._right(t, x)

    def origin(self, coords: Tensor, keys: Tensor) -> Tensor:
        return coords.new_zeros(*coords.shape[:-1], 1)

    def _right(self, t: Tensor, x: Tensor) -> Tensor:
        """x_1 - x_0, from x_t and x_1."""
        return (self.truth - x) / (1 - t[:, None, None])


def asked(phase: str, shift: float = 0.0) -> tuple[Witness, float]:
    """A witness after one batch of a phase, and its loss; its truth may be off by a shift."""
    truth = torch.randn(FIELDS, PLACES, 1, generator=torch.Generator().manual_seed(1))
    witness = Witness(truth + shift)
    batch = TrainingBatch(
        input_coords=torch.rand(FIELDS, 2, 2),
        input_values=torch.rand(FIELDS, 2, 1),
        input_mask=torch.ones(FIELDS, 2, dtype=torch.bool),
        query_coords=witness.anchors.expand(FIELDS, -1, -1),
        query_values=truth,
        anchor_values=truth,
        keys=torch.arange(FIELDS),
        index=torch.arange(FIELDS),
        draw=torch.arange(FIELDS),
        share=torch.ones(FIELDS),
        estimate=torch.zeros(FIELDS, 0, 0),
    )
    return witness, float(PHASES[phase].loss(witness, batch))


# Which velocity is right


@pytest.mark.parametrize("phase", PHASES)
def test_the_right_velocity_has_no_loss(phase: str) -> None:
    assert asked(phase)[1] < 1e-4
    assert asked(phase, shift=0.1)[1] > 0.005


def test_phase_1_is_the_flow_at_its_start() -> None:
    witness, _ = asked("autoencoder")
    assert not witness.t.any()
    assert not witness.query_state.any()
    assert not witness.anchor_state.any()
    assert witness.present is None


def test_phase_2_keeps_a_quarter_at_the_start_and_spreads_the_rest() -> None:
    witness, _ = asked("diffusion")
    at_start = witness.t == 0
    assert at_start.float().mean().item() == pytest.approx(MEAN_ONLY, abs=0.04)
    quantiles = torch.tensor([0.1, 0.5, 0.9])
    spread = witness.t[~at_start].quantile(quantiles)
    torch.testing.assert_close(spread, quantiles, rtol=0, atol=0.04)
    # There the state is zero, as in phase 1 and in `reconstruct`, and every anchor is known.
    assert not witness.query_state[at_start].any()
    assert witness.query_state[~at_start].abs().min() > 0
    assert witness.present[at_start].all()


def test_phase_2_withholds_all_anchors_of_some_fields_and_the_states_are_of_one_path() -> None:
    witness, _ = asked("diffusion")
    moving = witness.t > 0
    absent = ~witness.present[moving]
    assert torch.equal(absent, absent[:, :1].expand_as(absent))
    assert absent.float().mean().item() == pytest.approx(ABSENT, abs=0.02)
    # Anchors and queries at one place have one noise.
    torch.testing.assert_close(witness.query_state, witness.anchor_state)
    t = witness.t[moving][:, None, None]
    x_0 = (witness.query_state[moving] - t * witness.truth[moving]) / (1 - t)
    early = (t < 0.9).flatten()
    assert x_0[early].std().item() == pytest.approx(1, abs=0.03)


@pytest.mark.parametrize(("phase", "nothing"), [("autoencoder", 0), ("diffusion", NOTHING)])
def test_some_fields_are_read_from_the_latent_alone_and_some_from_nothing(
    phase: str, nothing: float
) -> None:
    shares = asked(phase)[0].context.bincount(minlength=3) / FIELDS
    expected = torch.tensor([nothing, LATENT_ONLY, 1 - nothing - LATENT_ONLY])
    torch.testing.assert_close(shares, expected, rtol=0, atol=0.03)


@pytest.mark.parametrize("phase", PHASES)
def test_a_network_without_a_latent_always_reads_the_points(phase: str, monkeypatch) -> None:
    monkeypatch.setattr(Witness, "has_latent", False)
    assert (asked(phase)[0].context == CONTEXTS.index("latent+points")).all()


def test_draws_for_different_ends_are_independent() -> None:
    witness, _ = asked("diffusion")
    columns = torch.stack(
        [
            witness.context.float(),
            (witness.t == 0).float(),
            witness.query_state[:, 0, 0] - witness.t * witness.truth[:, 0, 0],
        ]
    )
    assert torch.corrcoef(columns).triu(1).abs().max() < 0.08
    moving = witness.t > 0
    pair = torch.stack([witness.context[moving].float(), witness.t[moving]])
    assert torch.corrcoef(pair)[0, 1].abs() < 0.08


# Real networks


@pytest.fixture
def truth(smooth_fields) -> GridField:
    return smooth_fields(count=12)


def batch_of(truth: GridField, net: FieldFlow, step: int = 0) -> TrainingBatch:
    anchors = round(len(net.anchors) ** 0.5)
    return FieldBatches(truth, DATA, seed=0, batch_size=4, anchors=anchors)(step)


def test_dense_observations_weigh_more(network, truth) -> None:
    net = network(value_dim=1)
    batch = batch_of(truth, net)
    halved = replace(batch, share=batch.share / 2)
    ratio = PHASES["autoencoder"].loss(net, halved) / PHASES["autoencoder"].loss(net, batch)
    assert ratio.item() == pytest.approx(0.5**DENSITY_POWER, rel=1e-4)


@pytest.mark.parametrize(
    ("kind", "phase"), [(k, p) for k in MODELS for p in MODELS[k].phases if p in PHASES]
)
def test_the_loss_is_finite_and_depends_on_the_batch_alone(network, truth, kind, phase) -> None:
    net = network(kind, value_dim=1).train()
    batch = batch_of(truth, net)
    first = PHASES[phase].loss(net, batch)
    torch.manual_seed(77)
    assert torch.equal(PHASES[phase].loss(net, batch), first)
    assert first.isfinite()
    assert PHASES[phase].loss(net, batch_of(truth, net, step=1)) != first


@pytest.mark.parametrize("phase", PHASES)
def test_a_field_weighs_the_same_in_every_batch(network, truth, phase: str) -> None:
    # So that gradients are those of one large batch, however it is cut among processes.
    net = network(value_dim=1)
    whole = batch_of(truth, net)
    parts = [
        TrainingBatch(**{name: value[i : i + 1] for name, value in vars(whole).items()})
        for i in range(4)
    ]
    alone = torch.stack([PHASES[phase].loss(net, part) for part in parts])
    torch.testing.assert_close(alone.mean(), PHASES[phase].loss(net, whole))


def test_views_of_one_field_teach_its_latents_to_agree(network, truth) -> None:
    net = network(value_dim=1)
    anchors = round(len(net.anchors) ** 0.5)
    batch = FieldBatches(truth, DATA, seed=0, batch_size=8, anchors=anchors, views=2)(0)
    strangers = replace(batch, draw=torch.arange(8))
    phase = PHASES["autoencoder"]
    latents = net.encode(batch.input_coords, batch.input_values, batch.input_mask)
    expected = CONTRAST_WEIGHT * (batch.share**DENSITY_POWER * info_nce(latents, batch.draw)).mean()
    found = phase.loss(net, batch) - phase.loss(net, strangers)
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-6)
    assert found > 0


def test_phase_2_leaves_the_encoder_alone(network, truth) -> None:
    net = network(value_dim=1)
    PHASES["diffusion"].prepare(net.train())
    assert not net.encoder.training
    assert net.decoder.training
    for step in range(3):  # so that some field keeps its points
        PHASES["diffusion"].loss(net, batch_of(truth, net, step)).backward()
    assert all(p.grad is None for p in net.encoder.parameters())
    others = [*net.decoder.named_parameters(), *net.stage.named_parameters()]
    assert [name for name, p in others if p.grad is None or not p.grad.any()] == []
    PHASES["autoencoder"].prepare(net.train())
    assert all(p.requires_grad for p in net.parameters())
    assert net.encoder.training


QUIET = {"batch_size": 4, "warmup_steps": 2, "log_every": 1, "show_progress": False}


def fit(net: FieldFlow, phase: str, truth: GridField, run: Run, **changes: float) -> FieldFlow:
    config = TrainingConfig(**{**QUIET, "steps": 4, **changes})
    return train_phase(net, phase, truth, run, config=config, data=DATA, device="cpu")


def test_the_encoder_that_comes_out_of_phase_2_is_the_one_that_went_in(network, truth, run) -> None:
    net = network(value_dim=1)
    before = {name: w.clone() for name, w in net.state_dict().items()}
    after = fit(net, "diffusion", truth, run).state_dict()
    changed = {name.split(".")[0] for name, w in after.items() if not torch.equal(w, before[name])}
    assert changed == {"decoder", "stage", "noise_weights"}


def test_batches_are_made_where_the_network_is_not(network, truth, run, monkeypatch) -> None:
    made: list[FieldBatches] = []

    def moved(net: FieldFlow, phase, batches: FieldBatches, *rest, **options) -> FieldFlow:
        made.append(batches)
        return net.to("meta")  # as to a GPU

    monkeypatch.setattr("mamba_diffae.training.fit.train", moved)
    net = network(value_dim=1, mirrored=False)
    fit(net, "autoencoder", truth, run)
    assert made[0](0).estimate.isfinite().all()


@pytest.mark.parametrize("kind", ["mamba-diffusion", "minimal-latent"])
def test_baselines_have_only_diffusion(network, truth, run: Run, kind: str) -> None:
    net = network(kind, value_dim=1)
    with pytest.raises(ValueError, match=f"'{kind}' has no phase 'autoencoder'; it has diffusion"):
        fit(net, "autoencoder", truth, run)
    assert not fit(net, "diffusion", truth, run).training
    assert run.metrics()[-1]["validation"]["psnr"] > 0


@pytest.mark.parametrize("phase", PHASES)
def test_a_single_field_is_learned_by_heart(network, truth, run: Run, phase: str) -> None:
    one = truth.take(truth.splits == "train").take(slice(1))
    net = network(value_dim=1, exemplars=0)  # a prior has nothing left to say of one field
    fit(net, phase, one, run, steps=60, learning_rate=0.01)
    losses = [row["loss"] for row in run.metrics()]
    assert sum(losses[-10:]) < 0.5 * sum(losses[:10])


def test_validation_is_the_psnr_of_unseen_pixels(truth: GridField) -> None:
    witness = Witness(torch.full((1, 1, 1), 0.25))  # of [-1, 1]: 0.625 of [0, 1]
    unit = truth.scaling.unit(truth.split("val").values)
    error = ((0.625 - unit) ** 2).mean((1, 2, 3))
    expected = (-10 * np.log10(error)).mean()
    assert validator(truth)(witness)["psnr"] == pytest.approx(expected, rel=1e-4)
