"""Phase "ensemble": what learns, its schedule, its options, what a batch holds for it."""

import pytest
import torch

from mamba_diffae.training.objectives import phase_objective
from mamba_diffae.training.objectives.energy_score import ALPHA, WEIGHTS, EnergyScore


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
