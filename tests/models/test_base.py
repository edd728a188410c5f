"""What every network shares: the noise law that is learned, kept and drawn from; presets."""

import numpy as np
import pytest
import torch
from torch import Tensor

from mamba_diffae.fields import Geometry
from mamba_diffae.flow import NoiseLaw, coloured_noise, field_keys
from mamba_diffae.models import FieldFlow, State, sample_flow
from mamba_diffae.models.config import DecoderInputs
from mamba_diffae.models.inference import prior_std_at
from mamba_diffae.models.presets import preset_names
from mamba_diffae.models.queries import known_context
from mamba_diffae.models.registry import ARCHITECTURES
from mamba_diffae.models.serialization import load_network, save_network
from mamba_diffae.nn.attention import lattice

CHANNEL = Geometry(extent=(0.5, 1.0), periodic=(False, True))
NATIVE = (12, 24)
LAW = NoiseLaw(((4, 8), (2, 4)), (0.7, 0.3), ((1.0, 0.0), (0.6, 0.8)))
KINDS = pytest.mark.parametrize("kind", ARCHITECTURES.names())


def residual(law: NoiseLaw = LAW, count: int = 300) -> Tensor:
    """Fields of a law, of any spread, shape (count, *NATIVE, C)."""
    coords = lattice(NATIVE, CHANNEL.extent).expand(count, -1, -1)
    return 0.3 * coloured_noise(coords, field_keys(0, count), law, CHANNEL).unflatten(1, NATIVE)


def channel(network, kind: str = "autoencoder", **fields) -> FieldFlow:
    return network(kind, **{"geometry": CHANNEL, "noise_shapes": LAW.shapes, **fields})


def taught(network, kind: str = "autoencoder", **fields) -> FieldFlow:
    net = channel(network, kind, **fields)
    net.fit_noise(residual())
    return net


@KINDS
def test_a_fresh_network_mixes_its_lattices_alike(network, kind: str) -> None:
    law = network(kind, noise_shapes=((8, 8), (4, 4), (2, 2))).noise_law
    assert law.shapes == ((8, 8), (4, 4), (2, 2))
    np.testing.assert_allclose(law.weights, 1 / 3, rtol=1e-6)
    np.testing.assert_array_equal(law.mixing, np.eye(2))


@KINDS
def test_a_law_is_found_again(network, kind: str) -> None:
    law = taught(network, kind).noise_law
    assert law.shapes == LAW.shapes
    np.testing.assert_allclose(law.weights, LAW.weights, atol=0.05)
    np.testing.assert_allclose(law.mixing, LAW.mixing, atol=0.03)


def test_what_lies_under_gaps_changes_nothing(network) -> None:
    net, left = channel(network), residual()
    known = torch.rand(left.shape, generator=torch.Generator().manual_seed(0)) < 0.7
    laws = []
    for under in (0.0, 1e6, torch.nan):
        net.fit_noise(torch.where(known, left, under), known.double())
        laws.append(net.noise_law)
    assert laws[0] == laws[1] == laws[2]
    np.testing.assert_allclose(laws[0].weights, LAW.weights, atol=0.06)


def test_lattices_without_a_share_are_left_out(network) -> None:
    shapes = ((12, 24), (4, 8), (2, 4), (1, 1))
    net = channel(network, noise_shapes=shapes)
    net.fit_noise(residual(NoiseLaw.single((4, 8), 2)))
    law = net.noise_law
    assert dict(zip(law.shapes, law.weights, strict=True))[4, 8] > 0.9
    assert min(law.weights) > 0
    assert net.noise_weights.shape == (4,)  # every network of a config has the same buffers


def test_noise_follows_the_law_and_closes_at_the_seam(network) -> None:
    net, keys = taught(network), field_keys(0, 4000)
    coords = torch.rand(1, 6, 2, generator=torch.Generator().manual_seed(0)) / 2
    coords = coords.expand(4000, -1, -1)
    x_0 = net.noise(coords, keys)
    assert torch.equal(x_0, coloured_noise(coords, keys, net.noise_law, CHANNEL))
    assert (x_0.var(dim=0) - 1).abs().max() < 5 * (2 / 4000) ** 0.5
    together = torch.corrcoef(x_0.flatten(0, 1).T)[0, 1].item()
    assert together == pytest.approx(0.6, abs=0.05)
    ends = torch.tensor([[[0.3, 0.0], [0.3, 1.0]]])
    one, other = net.noise(ends, keys[:1])[0]
    torch.testing.assert_close(one, other, rtol=0, atol=1e-5)


@KINDS
def test_draws_begin_from_the_law(network, observed, kind: str) -> None:
    plain, net = channel(network, kind), taught(network, kind)
    asked, seen = observed(points=9, geometry=CHANNEL, seed=5).coords, observed(geometry=CHANNEL)
    drawn = sample_flow(net, asked, seen, steps=2, seed=3)
    assert (drawn - sample_flow(plain, asked, seen, steps=2, seed=3)).abs().mean() > 0.01
    keys, anchors = field_keys(3, 2), net.anchors.expand(2, -1, -1)
    start = State(*(coloured_noise(at, keys, net.noise_law, CHANNEL) for at in (asked, anchors)))
    again = sample_flow(net, asked, seen, steps=2, seed=start)
    torch.testing.assert_close(again, drawn, rtol=0, atol=1e-5)


@KINDS
@pytest.mark.parametrize("half", [False, True])
def test_the_law_is_kept_with_the_weights(network, observed, tmp_path, kind, half: bool) -> None:
    net = taught(network, kind)
    save_network(net, tmp_path / "model", half=half)
    loaded, _ = load_network(tmp_path / "model")
    # In half precision the weights lose digits, but not the law's unit variance, nor the exemplars.
    assert loaded.noise_law == net.noise_law
    for name, buffer in net.named_buffers():
        assert torch.equal(dict(loaded.named_buffers())[name], buffer), name
    asked, seen = observed(points=9, geometry=CHANNEL, seed=5).coords, observed(geometry=CHANNEL)
    ours, theirs = (sample_flow(n, asked, seen, steps=2) for n in (net, loaded))
    assert torch.equal(ours, theirs) != half
    torch.testing.assert_close(ours, theirs, rtol=0, atol=0.1)


# The prior's deviation


def test_the_priors_deviation_is_read_between_its_cells(network, observed) -> None:
    net, seen = network(exemplars=40), observed(points=3)
    centres = lattice(net.config.prior_shape).expand(2, -1, -1)

    def stated(net: FieldFlow, inputs: DecoderInputs | None = None) -> Tensor:
        return prior_std_at(net, known_context(net, seen, None, inputs), centres)

    found = stated(net)
    torch.testing.assert_close(found, net.prior.posterior(seen).std, rtol=0, atol=1e-5)
    # A latent alone, and a network without a prior, come without one.
    assert not stated(net, "latent").any()
    assert not stated(network(exemplars=0)).any()
    assert not stated(network("mamba-diffusion")).any()


# Presets


@KINDS
@pytest.mark.parametrize("preset", preset_names())
def test_presets_fit_every_network(kind: str, preset: str) -> None:
    with torch.device("meta"):
        net = ARCHITECTURES.get(kind).from_preset(preset, value_dim=5)
    assert net.config.value_dim == 5
    assert net.kind == kind
