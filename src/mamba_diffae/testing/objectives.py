"""Contracts of objectives."""

from __future__ import annotations

import torch

from mamba_diffae.models.presets import build_config
from mamba_diffae.testing.cases import OBSERVED, tiny_network, waves
from mamba_diffae.training.data.batches import FieldBatches
from mamba_diffae.training.data.config import DataConfig
from mamba_diffae.training.objectives import Objective


def check_objective(objective: Objective) -> None:
    """The loss is one finite number, the same for the same batch, and a gradient step lowers it.

    Args:
        objective: Of a network over fields.
    """
    net = tiny_network(noise_dim=4 if objective.draws else 0).train()
    objective.check(net)
    objective.prepare(net)
    sampling = build_config(DataConfig, {"queries": 24, "observed_shape": OBSERVED}, "data")
    batches = FieldBatches(
        waves().split("train"),
        sampling,
        net.prior,
        seed=0,
        batch_size=4,
        views=2,
        anchor_shape=net.anchor_shape,
        draws=objective.draws,
    )
    batch = batches(0)
    loss = objective.loss(net, batch)
    assert loss.shape == (), "the loss is no single number"
    assert loss.isfinite(), "the loss is not finite"
    assert torch.equal(objective.loss(net, batch), loss), "the same batch has two losses"
    loss.backward()
    learning = [p for p in net.parameters() if p.grad is not None]
    assert learning, "no weight gets a gradient"
    norm = sum(float(p.grad.square().sum()) for p in learning if p.grad is not None) ** 0.5
    assert norm > 0, "the gradient is zero"
    with torch.no_grad():
        for p in learning:
            if p.grad is not None:
                p -= 1e-3 / norm * p.grad
    assert objective.loss(net, batch) < loss, "a small step along the gradient does not lower it"
