"""The baselines: one joined sequence, queries that feel one another, no prior."""

import pytest
import torch

from mamba_diffae.fields import Observations
from mamba_diffae.models import reconstruct
from mamba_diffae.models.baselines.minimal_latent import MinimalLatentMamba

KINDS = pytest.mark.parametrize("kind", ["mamba-diffusion", "minimal-latent"])


@KINDS
def test_they_have_no_anchors_no_latent_and_no_prior(network, kind: str) -> None:
    net = network(kind)
    assert net.anchors.shape == (0, 2)
    assert net.anchor_shape == (0, 0)
    assert net.phases == ("flow",)
    assert not net.has_latent
    assert not net.streams
    assert net.prior.empty


@KINDS
def test_queries_feel_one_another(network, observed, kind: str) -> None:
    net, seen, query = network(kind), observed(), torch.rand(2, 9, 2)
    drift = reconstruct(net, query, seen)[:, :4] - reconstruct(net, query[:, :4], seen)
    assert drift.abs().max() > 1e-4


def test_the_original_follows_the_order_of_input_and_directions_do_not(network, observed) -> None:
    seen, query = observed(), torch.rand(2, 9, 2)
    order = torch.randperm(20, generator=torch.Generator().manual_seed(0))
    parts = (seen.coords[:, order], seen.values[:, order], seen.mask[:, order])
    for directions, same in ((("none",), False), (("row", "column"), True)):
        net = network("mamba-diffusion", directions=directions)
        drift = reconstruct(net, query, Observations(*parts)) - reconstruct(net, query, seen)
        assert (drift.abs().max() < 1e-5) == same


def test_a_bottleneck_is_passed(network) -> None:
    net = network("minimal-latent", bottleneck=3)
    assert isinstance(net, MinimalLatentMamba)
    assert net.head[0].out_features == net.head[2].in_features == 3
