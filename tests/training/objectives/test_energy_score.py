"""Phase "ensemble": what learns, its schedule, its options, what a batch holds for it."""

import pytest
import torch

from mamba_diffae.models.autoencoder import MambaDiffusionAutoencoder
from mamba_diffae.training.data.batches import FieldBatches, TrainingBatch
from mamba_diffae.training.data.config import DataConfig
from mamba_diffae.training.objectives import phase_objective
from mamba_diffae.training.objectives.energy_score import ALPHA, WEIGHTS, EnergyScore
from mamba_diffae.training.objectives.energy_terms import Differences


@pytest.fixture
def given(inside, net_for) -> tuple[MambaDiffusionAutoencoder, TrainingBatch]:
    """A network that learns to draw, and a batch for it."""
    data = inside(count=12, variables=2)
    net, config = net_for(data), DataConfig(queries=60, observed_shape=(12, 12))
    EnergyScore().prepare(net)
    options = {"seed": 0, "batch_size": 4, "anchor_shape": net.anchor_shape, "draws": 2}
    return net, FieldBatches(data, config, net.prior, **options)(0)


def only(kind: str) -> EnergyScore:
    return EnergyScore(weights={**dict.fromkeys(WEIGHTS, 0.0), kind: 1.0})


def test_the_decoder_of_draws_alone_learns_and_begins_as_that_of_the_mean(network):
    net = network(noise_dim=4)
    EnergyScore().prepare(net)
    learning = {name.split(".")[0] for name, p in net.named_parameters() if p.requires_grad}
    assert learning == {"ensemble"}
    assert net.writes_draws
    for name, weight in net.decoder.state_dict().items():
        assert torch.equal(net.ensemble.decoder.state_dict()[name], weight)


def test_alpha_rises_over_the_first_half():
    objective = EnergyScore()
    seen = []
    for progress in (0.0, 0.25, 0.5, 1.0):
        objective.begin_step(progress)
        seen.append(objective.alpha)
    assert seen == pytest.approx([ALPHA, (1 + ALPHA) / 2, 1.0, 1.0])


def test_a_network_without_noise_says_how_to_get_it(network):
    with pytest.raises(ValueError, match=r"model\.noise_dim=32"):
        EnergyScore().prepare(network(noise_dim=0))


def test_options_are_set_by_name():
    made = phase_objective("ensemble", weights={"bands": 0.0}, alpha=1.0)
    assert made.weights == {**WEIGHTS, "bands": 0.0}
    with pytest.raises(ValueError, match="takes no option 'alfa'; it takes weights, alpha"):
        phase_objective("ensemble", alfa=1.0)
    with pytest.raises(ValueError, match=r"band.*patches"):
        EnergyScore(weights={"band": 1.0})


@pytest.mark.parametrize("weight", [-1.0, float("nan"), float("inf"), "much"])
def test_weights_are_positive_numbers(weight):
    with pytest.raises(ValueError, match=r"weight of bands is .*; give a number, 0 or more"):
        EnergyScore(weights={"bands": weight})


def test_something_counts(network):
    with pytest.raises(ValueError, match="All weights are 0; give one of pixels, patches"):
        EnergyScore(weights=dict.fromkeys(WEIGHTS, 0))
    net = network(noise_dim=4, decoder="scanning")
    only("pixels").check(net)
    with pytest.raises(ValueError, match="'scanning', has no anchors, so that pixels alone"):
        only("bands").check(net)


def test_the_loss_is_the_weighted_sum_over_kinds(given):
    parts = sum(weight * only(kind).loss(*given) for kind, weight in WEIGHTS.items())
    torch.testing.assert_close(EnergyScore().loss(*given), parts)


@pytest.mark.parametrize("kind", WEIGHTS)
def test_kinds_that_count_0_are_not_computed(given, monkeypatch, kind):
    def computed(*args):
        raise AssertionError

    # A band is pixels of another level.
    for other in WEIGHTS.keys() - {kind} - ({"pixels"} if kind == "bands" else set()):
        monkeypatch.setattr(Differences, other, computed)
    loss = only(kind).loss(*given)
    loss.backward()
    assert loss.isfinite()
    assert any(p.grad is not None and p.grad.any() for p in given[0].ensemble.parameters())
