"""How a decoder reads the prior's lattice: windows of tokens, anchors and queries."""

import pytest
import torch

from mamba_diffae.fields import Geometry
from mamba_diffae.models.config import AutoencoderConfig
from mamba_diffae.models.decoders.lattice import (
    CanvasReader,
    NearbyValues,
    PriorReader,
    PriorValues,
    anchor_reader,
    lattice_reader,
    window_cells,
)
from mamba_diffae.nn.attention import lattice
from mamba_diffae.nn.interpolation import cubic, interpolate

SQUARE, CHANNEL = Geometry.unit(2), Geometry(extent=(0.5, 1.0), periodic=(False, True))


def config_of(
    shape: tuple[int, ...], geometry: Geometry = SQUARE, tokens: int = 4, **fields
) -> AutoencoderConfig:
    native = tuple(round(48 * a) for a in geometry.extent)
    return AutoencoderConfig(
        geometry=geometry,
        native_shape=native,
        observed_shape=shape,
        max_frequency=(24.0,) * geometry.dim,
        noise_shapes=(shape,),
        value_dim=2,
        tokens=tokens,
        patch=3,
        **{"prior": "analogue", "prior_shape": shape, "exemplars": 3, **fields},
    )


def old_windows(cells: int, tokens: int) -> torch.Tensor:
    """The first edition's: of a square, where the columns of places were (x, y), x fastest."""
    side = max(1, round(cells / tokens)) + 4
    window = (lattice((side, side)).flip(-1) - 0.5) * (side / cells)
    place = lattice((tokens, tokens)).flip(-1)[:, None] + window
    index = (place * cells).long().clamp(0, cells - 1)
    return (index * cells ** torch.arange(2)).sum(dim=-1)


@pytest.mark.parametrize(("cells", "tokens"), [(32, 16), (8, 4), (12, 4), (16, 16), (4, 8)])
def test_on_the_square_windows_are_those_of_the_first_edition(cells: int, tokens: int) -> None:
    config = config_of((cells, cells), tokens=tokens)
    assert config.token_shape == (tokens, tokens)
    assert torch.equal(window_cells(config), old_windows(cells, tokens))


@pytest.mark.parametrize("geometry", [CHANNEL, Geometry(extent=(0.5, 1.0)), Geometry.unit(3)])
def test_windows_are_boxes_around_tokens_that_wrap_where_axes_do(geometry: Geometry) -> None:
    prior = tuple(round(12 * a) for a in geometry.extent)
    config = config_of(prior, geometry)
    found = window_cells(config)
    centres = lattice(prior, geometry.extent)
    sides = [max(1, round(n / t)) + 4 for n, t in zip(prior, config.token_shape, strict=True)]
    assert found.shape == (len(lattice(config.token_shape)), torch.Size(sides).numel())
    offset = geometry.displacement(
        lattice(config.token_shape, geometry.extent)[:, None], centres[found]
    )
    cell = torch.tensor(geometry.extent) / torch.tensor(prior)
    reach = cell * torch.tensor(sides) / 2 + 1e-5
    assert (offset.abs() <= reach).all()
    # Far from a border every window has each of its cells once; so it is on a periodic axis.
    for d, periodic in enumerate(geometry.periodic):
        rows = [len(set(centres[row][:, d].tolist())) for row in found]
        assert max(rows) == min(sides[d], prior[d])
        assert (min(rows) == max(rows)) == periodic


def test_a_periodic_axis_shorter_than_a_window_goes_round_it() -> None:
    config = config_of((3, 3), CHANNEL)
    found = window_cells(config)
    assert found.min() >= 0
    assert found.max() < 9
    assert all(len(row.unique()) == 9 for row in found)


@pytest.mark.parametrize("geometry", [SQUARE, CHANNEL, Geometry.unit(1), Geometry.unit(3)])
def test_anchors_and_queries_read_one_and_the_same_mean(geometry: Geometry) -> None:
    prior = tuple(max(1, round(8 * a)) for a in geometry.extent)
    config = config_of(prior, geometry)
    reader = PriorReader(config)
    values = torch.randn(2, torch.Size(prior).numel(), 4)
    tokens = reader.tokens(values, torch.zeros(2, 512))
    assert tokens.shape == (2, len(lattice(config.token_shape)), reader.token_width)
    mean, correction = reader.anchors(values, tokens)
    assert not correction.any()  # before it has learned
    anchors = lattice(config.anchor_shape, geometry.extent).expand(2, -1, -1)
    there, start = reader.queries(values, anchors, torch.zeros(2, 1, 2))
    assert there.shape[-1] == reader.query_width
    torch.testing.assert_close(mean, start, rtol=0, atol=1e-5)
    expected = interpolate(values, anchors, prior, geometry, cubic)
    torch.testing.assert_close(there, expected)


def test_a_correction_is_a_linear_map_of_the_window_laid_out_in_patches() -> None:
    config = config_of((6, 12), CHANNEL)
    reader = PriorReader(config)
    torch.nn.init.normal_(reader.correct.weight)
    values = torch.zeros(1, 72, 4)
    values[0, 30] = 1  # a cell of the third row, far from the border
    _, correction = reader.anchors(values, reader.tokens(values, torch.zeros(1, 512)))
    anchors = lattice(config.anchor_shape, CHANNEL.extent)
    apart = CHANNEL.displacement(anchors, lattice((6, 12), CHANNEL.extent)[30])
    moved = correction[0].any(dim=-1)
    patch = torch.tensor(CHANNEL.extent) / torch.tensor(config.token_shape)
    reach = torch.tensor([1 / 12, 1 / 12]) * 2 + patch + 1 / 12
    assert moved.any()
    assert (apart[moved].abs() <= reach).all()
    assert not moved.all()


def test_without_a_prior_the_latent_is_unfolded_and_queries_start_from_what_is_near() -> None:
    config = config_of((8, 8), prior="none", exemplars=0)
    reader, nearby = CanvasReader(config), torch.randn(2, 5, 2)
    nothing = torch.zeros(2, 0, 4)
    latent = torch.randn(2, 512)
    tokens = reader.tokens(nothing, latent)
    assert tokens.shape == (2, 16, reader.token_width)
    assert (tokens[0] - tokens[1]).abs().max() > 0.1
    mean, correction = reader.anchors(nothing, tokens)
    assert mean.shape == (2, 144, 2)
    assert not mean.any()
    assert not correction.any()
    there, start = reader.queries(nothing, torch.rand(2, 5, 2), nearby)
    assert there.shape == (2, 5, 0)
    assert start is nearby


def test_which_reader_a_decoder_has() -> None:
    with_prior, without = config_of((8, 8)), config_of((8, 8), prior="none", exemplars=0)
    kinds = [
        type(make(c)) for make in (anchor_reader, lattice_reader) for c in (with_prior, without)
    ]
    assert kinds == [PriorReader, CanvasReader, PriorValues, NearbyValues]
    # Where there are no anchors, nothing is learned of them.
    assert not list(lattice_reader(with_prior).parameters())
