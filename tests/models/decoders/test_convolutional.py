"""The convolutional decoder: what it starts from, its unit, its lattices."""

import numpy as np
import pytest
import torch
from torch import nn

from mamba_diffae.fields import Affine, Axis, FieldData, Geometry, Grid, Variable
from mamba_diffae.models import reconstruct
from mamba_diffae.models.config import AutoencoderConfig
from mamba_diffae.models.decoders.unit import LEAST, CorrectionUnit
from mamba_diffae.models.measured import within_cells
from mamba_diffae.nn.convolution import ConvBlock, LatticeConv, from_grid, to_grid
from mamba_diffae.testing.cases import waves

CHANNEL = Geometry(extent=(0.5, 1.0), periodic=(False, True))
GEOMETRIES = [Geometry.unit(2), CHANNEL, Geometry.unit(1), Geometry(extent=(0.3, 0.6, 1.0))]


@pytest.fixture
def net_of(network):
    def build(**fields):
        return network(decoder="convolutional", **{"exemplars": 9, **fields})

    return build


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_before_it_learns_it_says_what_the_prior_says(net_of, observed, geometry) -> None:
    net, seen = net_of(geometry=geometry), observed(geometry=geometry)
    for weight in (*net.decoder.write.parameters(), *net.encoder.parameters()):
        nn.init.zeros_(weight)
    context = net.encode_context(seen)
    places = torch.rand(2, 7, geometry.dim) * torch.tensor(geometry.extent)
    found = reconstruct(net, places, seen)
    torch.testing.assert_close(found, net.base_mean(context, places), rtol=0, atol=1e-5)


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_anchors_and_queries_read_one_mean(net_of, observed, geometry) -> None:
    net, seen = net_of(geometry=geometry), observed(geometry=geometry)
    places = net.anchors.expand(2, -1, -1)
    context, nothing = net.encode_context(seen), torch.zeros(*places.shape[:2], 2)
    _, written = net.anchor_flow(context, torch.zeros(2), nothing)
    torch.testing.assert_close(reconstruct(net, places, seen), written, rtol=0, atol=1e-4)


def test_what_it_adds_grows_with_the_unit(net_of, observed) -> None:
    net, seen = net_of(), observed()
    added = []
    for within in (0.0, 1.0):
        net.decoder.unit.fit(within, 0.0)
        context = net.encode_context(seen)
        unit = context.prepared.unit
        # The prior's deviation is read in the unit as well: hidden, so that only the unit differs.
        context.prepared.fine.zero_()
        outputs, _ = net.anchor_flow(context, torch.zeros(2), torch.zeros(2, len(net.anchors), 2))
        added.append(outputs[..., :2] / unit)
    torch.testing.assert_close(*added)


def test_the_unit_is_the_deviation_that_is_stated(net_of, observed) -> None:
    net, seen = net_of(), observed()
    encoding = net.encoding(seen)
    unit = CorrectionUnit(2)
    unit.fit(0.25, 4.0)
    stated = encoding.posterior.lattice
    expected = (encoding.posterior.std.square().mean(dim=(1, 2)) + 0.25).sqrt()
    torch.testing.assert_close(unit(stated, encoding)[:, 0, 0], expected)
    # Where no point is read, what a latent leaves open stands in its place.
    masked = encoding.mask_fields(torch.tensor([True, False]))
    assert unit(stated, masked)[:, 0, 0].tolist() == pytest.approx([expected[0].item(), 4.25**0.5])
    assert unit(stated, None)[:, 0, 0].tolist() == pytest.approx([4.25**0.5] * 2)
    unit.fit(0.0, 0.0)
    assert unit(stated * 0, None).min().item() == pytest.approx(LEAST)


def test_it_is_measured_from_the_training_fields(net_of) -> None:
    fields = waves()
    geometry = Geometry(extent=(8 / 12, 1.0))
    coarse = tuple(n // 2 for n in fields.shape)
    left = within_cells(fields, coarse, geometry)
    assert 1e-6 < left < 0.1 * fields.values.var()
    # On a lattice of native cells nothing is left, and next to a gap nothing is counted.
    assert within_cells(fields, fields.shape, geometry) == pytest.approx(0, abs=1e-10)
    uneven = FieldData(
        [Variable("x", transform=Affine(-1, 1))],
        Grid([Axis("x", np.linspace(0, 1, 17) ** 2)]),
        np.sin(3 * np.linspace(0, 1, 16) ** 2)[None, :, None].astype(np.float32),
    )
    assert within_cells(uneven, (16,), Geometry.unit(1)) < 0.05
    valid = np.ones(fields.values.shape, dtype=bool)
    valid[:, :3] = False
    values = np.where(valid, fields.values, 0)
    gappy = FieldData(fields.variables, fields.grid, values, valid, splits=fields.splits)
    assert 0 < within_cells(gappy, coarse, geometry) < 2 * left
    net = net_of(geometry=geometry)
    unit = net.decoder.unit
    before = unit.within_cells.item(), unit.latent_only.item()
    net.fit_prior(waves(18).split("train"))
    assert 0 <= unit.within_cells.item() != before[0]
    assert 0 <= unit.latent_only.item() != before[1]


def test_the_stated_error_counts_what_a_latent_leaves_out(net_of, observed) -> None:
    net, seen = net_of(), observed()
    posterior = net.prior.posterior(seen)
    levels = torch.tensor([2, 1])
    context = net.encode_context(seen, decoder_inputs=levels, posterior=posterior)
    error = net.stated_error(context, posterior)
    left = (posterior.mean - context.lattice[..., :2])[1].square().mean()
    expected = posterior.std[1].square().mean() + left + net.decoder.unit.within_cells
    torch.testing.assert_close(error[1], expected)
    assert not error.requires_grad


@pytest.mark.parametrize("shape", [(5,), (4, 6), (3, 4, 5)])
def test_convolutions_close_where_an_axis_closes(shape) -> None:
    periodic = (True,) * len(shape)
    block = ConvBlock(3, periodic)
    h = torch.randn(2, 3, *shape)
    rolled = torch.roll(h, 1, dims=-1)
    torch.testing.assert_close(block(rolled), torch.roll(block(h), 1, dims=-1))
    open_ended = LatticeConv(3, 2, (False,) * len(shape))
    assert open_ended(h).shape == (2, 2, *shape)
    assert not torch.allclose(open_ended(rolled), torch.roll(open_ended(h), 1, dims=-1))
    flat = torch.randn(2, torch.Size(shape).numel(), 3)
    assert torch.equal(from_grid(to_grid(flat, shape)), flat)


def test_as_many_cells_are_convolved_as_are_allowed() -> None:
    for native, tokens, inner, outer in (
        (96, 12, (4, 4), (2, 2)),
        (32, 16, (2, 2), (1, 1)),
        (64, 16, (2, 2), (2, 2)),
    ):
        config = AutoencoderConfig(native_shape=(native, native), tokens=tokens, patch=8)
        assert config.convolved_patch == (inner, outer)
        assert config.anchor_shape == (native, native)


def test_without_a_prior_there_is_nothing_to_start_from(network) -> None:
    with pytest.raises(ValueError, match=r"starts from a prior.*give another prior or decoder="):
        network(decoder="convolutional", exemplars=0)
