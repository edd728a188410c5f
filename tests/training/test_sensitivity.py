"""Whether the decoder reads the latent: measured by swapping it, and told when it does not."""

import warnings

import pytest
import torch

from mamba_diffae.fields import Observations
from mamba_diffae.models import reconstruct
from mamba_diffae.training import Run
from mamba_diffae.training.sensitivity import LEAST, METRIC, latent_sensitivity, warn_if_ignored

COORDS = torch.rand(30, 2, generator=torch.Generator().manual_seed(1))


def seen(fields: int = 3) -> Observations:
    generator = torch.Generator().manual_seed(0)
    coords = torch.rand(fields, 20, 2, generator=generator)
    values = torch.randn(fields, 20, 2, generator=generator)
    return Observations(coords, values, torch.ones(values.shape, dtype=torch.bool))


def means(net, batch: Observations, latent=None) -> torch.Tensor:
    return reconstruct(net, COORDS.expand(len(batch), -1, -1), batch, latent=latent)


@pytest.fixture
def net(inside, net_for):
    return net_for(inside(variables=2))


def test_it_is_the_change_by_another_field_s_latent_beside_the_error(net):
    batch = seen()
    mean = means(net, batch)
    truth = mean + torch.randn(mean.shape, generator=torch.Generator().manual_seed(2))
    others = net.encode(batch)[[2, 0, 1]]
    moved = means(net, batch, others) - mean
    expected = moved.square().mean().sqrt() / (truth - mean).square().mean().sqrt()
    assert expected > 0
    found = latent_sensitivity(net, batch, COORDS, mean, truth)
    assert found == pytest.approx(float(expected), rel=1e-4)
    twice = latent_sensitivity(net, batch, COORDS, mean, mean + 2 * (truth - mean))
    assert twice == pytest.approx(float(expected) / 2, rel=1e-4)
    # What has no weight changes nothing.
    weight = torch.ones_like(mean)
    weight[:, :5], truth[:, :5] = 0, 1e6
    again = latent_sensitivity(net, batch, COORDS, mean, truth, weight)
    assert again == pytest.approx(
        float(moved[:, 5:].square().mean().sqrt() / (truth - mean)[:, 5:].square().mean().sqrt()),
        rel=1e-4,
    )


def test_the_same_latent_changes_nothing(net):
    alike = seen(1)[[0, 0, 0]]
    mean = means(net, alike)
    found = latent_sensitivity(net, alike, COORDS, mean, mean + 1)
    assert found == pytest.approx(0, abs=1e-5)


def log(run: Run, phase: str, *found: float) -> None:
    for step, number in enumerate(found):
        run.log({"phase": phase, "step": step, "validation": {"psnr": 20.0, METRIC: number}})


def test_a_latent_that_ends_ignored_is_told_on_stderr_and_in_the_run(run):
    log(run, "autoencoder", 0.5, LEAST / 2)
    with pytest.warns(UserWarning, match="'autoencoder' the decoder ignores .* by 0.025 of its"):
        warn_if_ignored(run, "autoencoder")
    assert "ignores the latent" in Run.open(run.path).facts["warnings"]["autoencoder"]


def test_a_latent_that_is_read_in_the_end_is_not(run):
    log(run, "autoencoder", LEAST / 2, 0.5)
    run.log({"phase": "flow", "step": 1, "validation": {"psnr": 20.0}})  # a baseline's
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for phase in ("autoencoder", "flow", "latent"):
            warn_if_ignored(run, phase)
    assert "warnings" not in Run.open(run.path).facts
