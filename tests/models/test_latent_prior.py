"""The prior of latents: its scale, what it draws untrained, and on what that depends."""

import pytest
import torch

from mamba_diffae.flow import field_keys
from mamba_diffae.models import LatentPrior
from mamba_diffae.models.config import LatentPriorConfig

KEYS = field_keys(0, 4000)


@pytest.fixture
def latents() -> torch.Tensor:
    return torch.randn(500, 6) * torch.tensor([0.1, 1, 2, 3, 50, 0]) + torch.arange(6)


@pytest.fixture
def prior(latents) -> LatentPrior:
    prior = LatentPrior(LatentPriorConfig(latent_dim=6, width=16, blocks=3)).eval()
    prior.learn_scale(latents)
    return prior


def test_standardised_latents_have_mean_0_and_variance_1(prior, latents):
    x = prior.standardise(latents)
    torch.testing.assert_close(x.mean(0), torch.zeros(6), atol=1e-4, rtol=0)
    torch.testing.assert_close(x.std(0, correction=0)[:5], torch.ones(5), atol=1e-4, rtol=0)
    assert torch.equal(x[:, 5], torch.zeros(500))  # it does not vary, and stays finite
    torch.testing.assert_close(prior.restore(x), latents)


def test_before_it_learns_it_draws_normals_of_the_right_scale(prior, latents):
    drawn = prior.sample(KEYS, steps=40)
    scale = latents.std(0)[:5]
    torch.testing.assert_close(drawn.std(0)[:5] / scale, torch.ones(5), atol=0.06, rtol=0)
    bias = (drawn.mean(0) - latents.mean(0))[:5] / scale
    assert bias.abs().max() < 0.06


def moved(prior: LatentPrior) -> LatentPrior:
    for parameter in prior.parameters():
        parameter.data += 0.2 * torch.randn(parameter.shape)
    return prior


def test_a_latent_depends_on_its_own_key_alone(prior):
    moved(prior)
    whole = prior.sample(KEYS[:9], steps=4)
    torch.testing.assert_close(prior.sample(KEYS[2:5], steps=4), whole[2:5], rtol=1e-4, atol=1e-4)
    assert (whole[0] != whole[1]).any()
    assert torch.equal(prior.sample(KEYS[:9], steps=4), whole)


def test_every_layer_hears_the_input_and_the_time(prior):
    moved(prior)
    x, t = torch.randn(3, 6, requires_grad=True), torch.rand(3, requires_grad=True)
    prior(x, t).square().sum().backward()
    assert (x.grad != 0).all()
    assert (t.grad != 0).all()
    entering = [layer.linear.in_features for layer in prior.layers]
    assert entering == [6, 22, 22]
    assert prior.out.in_features == 22


@pytest.mark.parametrize(
    ("options", "message"),
    [({"solver": "stochastic"}, "fresh"), ({"solver": "huen"}, "heun"), ({"steps": 0}, "at least")],
)
def test_what_cannot_be_solved_is_refused(prior, options, message):
    with pytest.raises(ValueError, match=message):
        prior.sample(KEYS[:2], **options)
