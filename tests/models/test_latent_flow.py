"""The flow of latents: its scale, what it draws untrained, and on what that depends."""

import pytest
import torch

from mamba_diffae.flow import field_keys
from mamba_diffae.models import LatentFlow
from mamba_diffae.models.config import LatentFlowConfig

KEYS = field_keys(0, 4000)


@pytest.fixture
def latents() -> torch.Tensor:
    """Correlated, of very different deviations, the last one still."""
    scale = torch.tensor([0.1, 1, 2, 3, 50, 0])
    mixed = torch.eye(6) + torch.diag(torch.full((4,), 0.5), 2)
    return torch.randn(500, 6) * scale @ mixed + torch.arange(6)


@pytest.fixture
def flow(latents) -> LatentFlow:
    flow = LatentFlow(LatentFlowConfig(latent_dim=6, width=16, blocks=3)).eval()
    flow.fit_gaussian(latents)
    return flow


def test_standardised_latents_are_uncorrelated_and_vary_by_one_on_average(flow, latents):
    x = flow.standardise(latents)
    covariance = x.T.cov(correction=0)
    torch.testing.assert_close(covariance, flow.sigma.square().diag(), atol=1e-3, rtol=1e-3)
    torch.testing.assert_close(covariance.trace(), torch.tensor(6.0), atol=1e-3, rtol=0)
    torch.testing.assert_close(x.mean(0), torch.zeros(6), atol=1e-4, rtol=0)
    torch.testing.assert_close(flow.restore(x), latents, atol=1e-4, rtol=1e-4)


def test_before_it_learns_it_draws_from_the_gaussian_of_the_latents(flow, latents):
    drawn, deviation = flow.sample(KEYS, steps=40), latents.std(0).clamp(min=1)
    torch.testing.assert_close(
        drawn.mean(0) / deviation, latents.mean(0) / deviation, atol=0.06, rtol=0
    )
    around = [((x - latents.mean(0)) / deviation).T.cov() for x in (drawn, latents)]
    torch.testing.assert_close(*around, atol=0.08, rtol=0)


def test_latents_that_do_not_vary_are_drawn_as_they_are():
    flow = LatentFlow(LatentFlowConfig(latent_dim=3, width=8, blocks=2))
    flow.fit_gaussian(torch.tensor([[1.0, 2.0, 3.0]]).expand(9, 3))
    drawn = moved(flow).sample(KEYS[:5], steps=6)
    torch.testing.assert_close(
        drawn, torch.tensor([[1.0, 2.0, 3.0]]).expand(5, 3), atol=1e-4, rtol=0
    )


def moved(flow: LatentFlow) -> LatentFlow:
    for parameter in flow.parameters():
        parameter.data += 0.2 * torch.randn(parameter.shape)
    return flow


def test_a_latent_depends_on_its_own_key_alone(flow):
    moved(flow)
    whole = flow.sample(KEYS[:9], steps=4)
    torch.testing.assert_close(flow.sample(KEYS[2:5], steps=4), whole[2:5], rtol=1e-4, atol=1e-4)
    assert (whole[0] != whole[1]).any()
    assert torch.equal(flow.sample(KEYS[:9], steps=4), whole)


def test_every_layer_reads_the_input_and_the_time(flow):
    moved(flow)
    x, t = torch.randn(3, 6, requires_grad=True), torch.rand(3, requires_grad=True)
    flow(x, t).square().sum().backward()
    assert (x.grad != 0).all()
    assert (t.grad != 0).all()
    entering = [layer.linear.in_features for layer in flow.layers]
    assert entering == [6, 22, 22]
    assert flow.out.in_features == 22


@pytest.mark.parametrize(
    ("options", "message"),
    [({"solver": "stochastic"}, "fresh"), ({"solver": "huen"}, "heun"), ({"steps": 0}, "at least")],
)
def test_what_cannot_be_solved_is_refused(flow, options, message):
    with pytest.raises(ValueError, match=message):
        flow.sample(KEYS[:2], **options)
