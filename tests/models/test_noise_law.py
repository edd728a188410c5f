"""The noise law of a network: learned from a residual, kept with the weights, drawn from."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from mamba_diffae.fields import pixel_centres
from mamba_diffae.flow import NoiseLaw, coloured_noise, field_keys
from mamba_diffae.models import FieldFlow, Noise, sample
from mamba_diffae.models.pretrained import MODELS, load_network, save_network

SIZE = 24
LAW = NoiseLaw((8, 4), (0.7, 0.3), ((1.0, 0.0), (0.6, 0.8)))
KINDS = pytest.mark.parametrize("kind", MODELS)


def residual(law: NoiseLaw = LAW, count: int = 300) -> Tensor:
    """Fields of a law, of any spread, shape (count, SIZE, SIZE, C)."""
    coords = torch.from_numpy(pixel_centres(SIZE)).expand(count, -1, -1)
    return 0.3 * coloured_noise(coords, field_keys(0, count), law).unflatten(1, (SIZE, SIZE))


def taught(network, kind: str = "autoencoder", **fields: object) -> FieldFlow:
    net = network(kind, **fields)
    net.learn_noise(residual())
    return net


@KINDS
def test_a_fresh_network_mixes_its_lattices_alike(network, kind: str) -> None:
    law = network(kind, noise_cells=(8, 4, 2)).noise_law
    assert law.cells == (8, 4, 2)
    np.testing.assert_allclose(law.weights, 1 / 3, rtol=1e-6)
    np.testing.assert_array_equal(law.mixing, np.eye(2))


@KINDS
def test_a_law_is_found_again(network, kind: str) -> None:
    law = taught(network, kind).noise_law
    assert law.cells == LAW.cells
    np.testing.assert_allclose(law.weights, LAW.weights, atol=0.04)
    np.testing.assert_allclose(law.mixing, LAW.mixing, atol=0.03)


def test_lattices_without_a_share_are_left_out(network) -> None:
    net = network(noise_cells=(24, 8, 4, 1))
    net.learn_noise(residual(NoiseLaw.single(8, 2)))
    law = net.noise_law
    assert 8 in law.cells
    assert dict(zip(law.cells, law.weights, strict=True))[8] > 0.9
    assert min(law.weights) > 0
    assert net.noise_weights.shape == (4,)  # every network of a config has the same buffers


def test_noise_follows_the_law(network) -> None:
    net, keys = taught(network), field_keys(0, 4000)
    coords = torch.rand(1, 6, 2, generator=torch.Generator().manual_seed(0)).expand(4000, -1, -1)
    x_0 = net.noise(coords, keys)
    assert torch.equal(x_0, coloured_noise(coords, keys, net.noise_law))
    assert (x_0.var(dim=0) - 1).abs().max() < 5 * (2 / 4000) ** 0.5
    together = torch.corrcoef(x_0.flatten(0, 1).T)[0, 1].item()
    assert together == pytest.approx(0.6, abs=0.05)


@KINDS
def test_draws_begin_from_the_law(network, observed, kind: str) -> None:
    plain, net = network(kind), taught(network, kind)
    query = torch.rand(2, 9, 2, generator=torch.Generator().manual_seed(5))
    drawn = sample(net, query, *observed(), steps=2, seed=3)
    assert (drawn - sample(plain, query, *observed(), steps=2, seed=3)).abs().mean() > 0.01
    keys, anchors = field_keys(3, 2), net.anchors.expand(2, -1, -1)
    start = Noise(*(coloured_noise(at, keys, net.noise_law) for at in (query, anchors)))
    again = sample(net, query, *observed(), steps=2, seed=start)
    torch.testing.assert_close(again, drawn, rtol=0, atol=1e-5)


@KINDS
@pytest.mark.parametrize("half", [False, True])
def test_the_law_is_kept_with_the_weights(
    network, observed, tmp_path: Path, kind: str, half: bool
) -> None:
    net = taught(network, kind)
    save_network(net, tmp_path / "model", half=half)
    loaded, _ = load_network(tmp_path / "model")
    # In half precision the weights lose digits, but not the law's unit variance, nor the exemplars.
    assert loaded.noise_law == net.noise_law
    for name, buffer in net.named_buffers():
        assert torch.equal(dict(loaded.named_buffers())[name], buffer), name
    query = torch.rand(2, 9, 2, generator=torch.Generator().manual_seed(5))
    ours, theirs = (sample(n, query, *observed(), steps=2) for n in (net, loaded))
    assert torch.equal(ours, theirs) != half
    torch.testing.assert_close(ours, theirs, rtol=0, atol=0.1)
