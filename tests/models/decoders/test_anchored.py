"""The anchored decoder: its lattices, its scans, and how far things reach."""

import pytest
import torch

from mamba_diffae.fields import Geometry
from mamba_diffae.models import reconstruct
from mamba_diffae.models.config import AutoencoderConfig
from mamba_diffae.models.decoders.tokens import token_paths
from mamba_diffae.nn.attention import lattice

CHANNEL = Geometry(extent=(0.5, 1.0), periodic=(False, True))
GEOMETRIES = [Geometry.unit(2), CHANNEL, Geometry.unit(1), Geometry(extent=(0.3, 0.6, 1.0))]


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_anchors_are_a_lattice_over_the_region(network, geometry: Geometry) -> None:
    net = network(geometry=geometry, tokens=4)
    config = net.config
    assert net.anchor_shape == config.anchor_shape
    torch.testing.assert_close(net.anchors, lattice(config.anchor_shape, geometry.extent))
    torch.testing.assert_close(net.decoder.centres, lattice(config.token_shape, geometry.extent))
    assert len(net.decoder.centres) <= 32  # about tokens² in all
    # They follow from the config, so that no file of weights holds them.
    assert not {"decoder.anchors", "decoder.centres", "decoder.order"} & set(net.state_dict())


def test_the_unit_of_a_step_is_one_token() -> None:
    for geometry, native in ((Geometry.unit(2), (40, 40)), (CHANNEL, (40, 80))):
        config = AutoencoderConfig(
            geometry=geometry,
            native_shape=native,
            directions=("row", "column"),
        )
        centres = lattice(config.token_shape, geometry.extent)
        step = token_paths(config, centres).step
        assert step.median().item() == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("geometry", [Geometry.unit(2), CHANNEL])
def test_anchors_and_queries_begin_with_one_mean(network, observed, geometry: Geometry) -> None:
    # At an anchor, before the head has learned anything, a query reads what was written there.
    from mamba_diffae.models.autoencoder import MambaDiffusionAutoencoder

    trained = network(geometry=geometry, exemplars=9)
    net = MambaDiffusionAutoencoder(trained.config).eval()
    net.prior.load_state_dict(trained.prior.state_dict())
    net.codes.load_state_dict(trained.codes.state_dict())
    seen, t = observed(geometry=geometry), torch.zeros(2)
    anchors = net.anchors.expand(2, -1, -1)
    context = net.encode_context(seen)
    written = net.anchor_flow(context, t, torch.zeros(*anchors.shape[:2], 2))[1]
    asked = reconstruct(net, anchors, seen)
    torch.testing.assert_close(asked, written, rtol=0, atol=1e-4)


def test_a_far_observation_reaches_everywhere_only_through_the_latent(network, observed) -> None:
    # Queries read their nearest observations; what is far comes through latent and tokens.
    net, seen = (
        network(encoder="pointwise", decoder_blocks=0, tokens=8, exemplars=0),
        observed(points=60),
    )
    corner = torch.tensor([0.02, 0.02])
    distance = (seen.coords - corner).norm(dim=-1)
    values = seen.values.clone()
    index = distance.argmax(dim=1)
    values[torch.arange(2), index] += 1
    latent = net.encode(seen)
    query = corner.expand(2, 1, 2)
    one, other = (
        reconstruct(net, query, s, latent=latent) for s in (seen, seen.with_values(values))
    )
    assert (one - other).abs().max() < 1e-5
    assert (net.encode(seen.with_values(values)) - latent).abs().max() > 1e-3
