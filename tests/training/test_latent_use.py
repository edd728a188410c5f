"""Whether the latent is heard: measured by swapping it, and told when it is not."""

import warnings

import pytest
import torch

from mamba_diffae.fields import FieldBatch
from mamba_diffae.models import reconstruct
from mamba_diffae.training import Run
from mamba_diffae.training.latent_use import LEAST, METRIC, latent_use, warn_if_ignored

COORDS = torch.rand(30, 2, generator=torch.Generator().manual_seed(1))


def seen(observed, fields: int = 3) -> FieldBatch:
    coords, values = observed(fields)
    return FieldBatch(coords, values, torch.ones(values.shape[:2], dtype=torch.bool))


def means(net, batch: FieldBatch, latent=None) -> torch.Tensor:
    query = COORDS.expand(len(batch), -1, -1)
    return reconstruct(net, query, batch.coords, batch.values, batch.mask, latent=latent)


def test_it_is_the_change_by_another_ones_latent_beside_the_error(network, observed):
    net, batch = network(), seen(observed)
    mean = means(net, batch)
    truth = mean + torch.randn(mean.shape, generator=torch.Generator().manual_seed(2))
    others = net.encode(batch.coords, batch.values, batch.mask)[[2, 0, 1]]
    moved = means(net, batch, others) - mean
    expected = moved.square().mean().sqrt() / (truth - mean).square().mean().sqrt()
    assert expected > 0
    assert latent_use(net, batch, COORDS, mean, truth) == pytest.approx(float(expected), rel=1e-4)
    twice = latent_use(net, batch, COORDS, mean, mean + 2 * (truth - mean))
    assert twice == pytest.approx(float(expected) / 2, rel=1e-4)


def test_the_same_latent_changes_nothing(network, observed):
    net, one = network(), seen(observed, 1)
    alike = one[[0, 0, 0]]
    mean = means(net, alike)
    assert latent_use(net, alike, COORDS, mean, mean + 1) == pytest.approx(0, abs=1e-5)


def log(run: Run, phase: str, *uses: float) -> None:
    for step, use in enumerate(uses):
        run.log({"phase": phase, "step": step, "validation": {"psnr": 20.0, METRIC: use}})


def test_a_latent_that_ends_unheard_is_told_on_stderr_and_in_the_run(run):
    log(run, "autoencoder", 0.5, LEAST / 2)
    with pytest.warns(UserWarning, match="phase 'autoencoder' the latent is ignored .* by 0.025 "):
        warn_if_ignored(run, "autoencoder")
    assert "is ignored" in Run.open(run.path).facts["warnings"]["autoencoder"]


def test_a_latent_that_is_heard_in_the_end_is_not(run):
    log(run, "autoencoder", LEAST / 2, 0.5)
    run.log({"phase": "diffusion", "step": 1, "validation": {"psnr": 20.0}})  # a baseline's
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for phase in ("autoencoder", "diffusion", "latent"):
            warn_if_ignored(run, phase)
    assert "warnings" not in Run.open(run.path).facts
