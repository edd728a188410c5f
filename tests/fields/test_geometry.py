"""Geometry: distances of the embedding, the short way round, and what does not fit."""

import json
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from mamba_diffae.fields.geometry import Geometry, Sphere

GLOBE = Geometry(
    extent=(0.5, 1.0),
    periodic=(False, True),
    sphere=Sphere(
        latitude_axis=0, longitude_axis=1, latitude_origin=-math.pi / 2, radians=2 * math.pi
    ),
)


def places(geometry: Geometry, count: int = 50, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    unit = torch.rand(count, geometry.dim, generator=generator, dtype=torch.float64)
    return unit * torch.tensor(geometry.extent, dtype=torch.float64)


def close(a: Tensor, b: Tensor, atol: float = 1e-9) -> None:
    torch.testing.assert_close(a, b, rtol=0, atol=atol)


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_on_a_flat_region_nothing_is_changed(dim: int) -> None:
    geometry = Geometry.unit(dim)
    a, b = places(geometry), places(geometry, seed=1)
    assert geometry.embed(a) is a
    assert geometry.wrap(a) is a
    assert torch.equal(geometry.displacement(a, b), b - a)
    assert (geometry.dim, geometry.embedded_dim) == (dim, dim)
    assert geometry.diameter == dim**0.5
    assert geometry == Geometry(extent=(1.0,) * dim, periodic=(False,) * dim)


@given(length=st.floats(0.1, 20), x=st.floats(0, 1), y=st.floats(0, 1))
def test_on_a_circle_the_distance_is_the_straight_line(length: float, x: float, y: float) -> None:
    geometry = Geometry(extent=(length,), periodic=(True,))
    a, b = (torch.tensor([v * length], dtype=torch.float64) for v in (x, y))
    arc = min(abs(x - y), 1 - abs(x - y)) * length
    expected = length / math.pi * math.sin(math.pi * arc / length)
    distance = (geometry.embed(a) - geometry.embed(b)).norm().item()
    assert distance == pytest.approx(expected, abs=1e-9 * length)
    # Short distances are the true ones, and displacements are always.
    assert expected == pytest.approx(arc, rel=2 * (arc / length) ** 2, abs=1e-12)
    assert geometry.displacement(a, b).abs().item() == pytest.approx(arc, abs=1e-9 * length)


@given(turns=st.integers(-3, 3), seed=st.integers(0, 100))
def test_a_whole_turn_changes_nothing(turns: int, seed: int) -> None:
    geometry = Geometry(extent=(2.0, 0.7, 1.0), periodic=(False, True, False))
    a, b = places(geometry, seed=seed), places(geometry, seed=seed + 1)
    turned = a + turns * torch.tensor([0.0, 0.7, 0.0])
    close(geometry.embed(turned), geometry.embed(a), 1e-6)
    close(geometry.wrap(turned), a, 1e-6)
    close(geometry.displacement(turned, b), geometry.displacement(a, b), 1e-6)


def test_the_embedded_coordinates_are_in_the_order_of_the_axes() -> None:
    geometry = Geometry(extent=(2.0, 0.7, 1.0), periodic=(False, True, False))
    coords = places(geometry)
    embedded = geometry.embed(coords)
    assert geometry.embedded_axes == ((0,), (1,), (1,), (2,))
    assert torch.equal(embedded[:, [0, 3]], coords[:, [0, 2]])
    close(embedded[:, 1:3].norm(dim=-1), torch.full((50,), 0.7 / (2 * math.pi)).double(), 1e-7)


def test_displacement_leads_the_short_way_from_a_to_b() -> None:
    geometry = Geometry(extent=(1.0, 2.0), periodic=(True, False))
    a, b = torch.tensor([0.9, 0.1]), torch.tensor([0.1, 1.9])
    close(geometry.displacement(a, b), torch.tensor([0.2, 1.8]), 1e-6)
    close(geometry.displacement(b, a), torch.tensor([-0.2, -1.8]), 1e-6)
    many = places(geometry).float()
    back = geometry.wrap(many[:, None] + geometry.displacement(many[:, None], many[None]))
    close(geometry.embed(back), geometry.embed(many).expand(50, -1, -1), 1e-6)


# The sphere


@given(seed=st.integers(0, 100))
def test_on_a_sphere_the_distance_is_the_straight_line(seed: int) -> None:
    a, b = places(GLOBE, seed=seed), places(GLOBE, seed=seed + 1)
    (lat, lon), (lat_b, lon_b) = ((2 * math.pi * c).unbind(-1) for c in (a, b))
    lat, lat_b = lat - math.pi / 2, lat_b - math.pi / 2
    # The haversine: half the straight line on a sphere of radius 1.
    half = ((lat - lat_b) / 2).sin() ** 2
    half = (half + lat.cos() * lat_b.cos() * ((lon - lon_b) / 2).sin() ** 2).sqrt()
    close((GLOBE.embed(a) - GLOBE.embed(b)).norm(dim=-1), 2 * half / (2 * math.pi))
    assert GLOBE.embedded_axes == ((0, 1),) * 3


def test_near_points_lie_at_the_length_of_their_displacement() -> None:
    a = places(GLOBE) * 0.8 + 0.05
    b = a + 1e-4 * torch.randn(50, 2, generator=torch.Generator().manual_seed(0)).double()
    distance = (GLOBE.embed(a) - GLOBE.embed(b)).norm(dim=-1)
    torch.testing.assert_close(GLOBE.displacement(a, b).norm(dim=-1), distance, rtol=2e-3, atol=0)


def test_all_longitudes_meet_at_a_pole() -> None:
    lon = torch.linspace(0, 1, 9, dtype=torch.float64)
    pole = GLOBE.embed(torch.stack([torch.zeros_like(lon), lon], dim=-1))
    close(pole, pole[:1].expand(9, -1))


def test_a_sphere_among_other_axes_stands_at_the_place_of_its_first() -> None:
    sphere = Sphere(latitude_axis=2, longitude_axis=1, latitude_origin=0.3, radians=0.1)
    geometry = Geometry(extent=(0.2, 1.0, 0.5), sphere=sphere)
    coords = places(geometry)
    embedded = geometry.embed(coords)
    assert geometry.embedded_axes == ((0,), (2, 1), (2, 1), (2, 1))
    assert torch.equal(embedded[:, 0], coords[:, 0])
    close(embedded[:, 1:].norm(dim=-1), torch.full((50,), 10.0).double())
    close(embedded[:, 3], 10 * (0.3 + 0.1 * coords[:, 2]).sin())
    offset = geometry.displacement(coords, coords + 0.01)
    close(offset[:, 1], 0.01 * (0.3 + 0.1 * coords[:, 2]).cos())


# As a part of a config


@pytest.mark.parametrize("geometry", [Geometry.unit(2), GLOBE])
def test_it_survives_json_and_is_hashable(geometry: Geometry) -> None:
    again = Geometry.model_validate(json.loads(geometry.model_dump_json()))
    assert again == geometry
    assert hash(again) == hash(geometry)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"extent": ()}, "1 to 3 positive lengths"),
        ({"extent": (1, 1, 1, 1)}, "1 to 3 positive lengths"),
        ({"extent": (1, 0)}, r"extent \(1.0, 0.0\)"),
        ({"extent": (1, math.nan)}, "finite"),
        ({"extent": (1, 1), "periodic": (True,)}, "one True or False for each"),
        ({"extent": (1, 1), "sphere": (0, 2)}, "axes from 0 to 1"),
        ({"extent": (1, 1), "sphere": (1, 1)}, "two different axes"),
        ({"extent": (1, 1), "periodic": (True, False), "sphere": (0, 1)}, "latitude that is not"),
        ({"extent": (1, 1), "periodic": (False, True), "sphere": (0, 1)}, "span 57.2958 degrees"),
    ],
)
def test_what_does_not_fit_is_refused(given: dict, message: str) -> None:
    if "sphere" in given:
        axes = dict(zip(("latitude_axis", "longitude_axis"), given["sphere"], strict=True))
        given = given | {"sphere": axes | {"latitude_origin": 0.0, "radians": 1.0}}
    with pytest.raises(ValueError, match=message):
        Geometry.model_validate(given)


@given(extent=st.floats(0.2, 3.0), seed=st.integers(0, 99))
def test_a_tangent_has_no_jump_half_way_round(extent: float, seed: int) -> None:
    geometry = Geometry(extent=(1.0, extent), periodic=(False, True))
    a = torch.rand(1, 2, generator=torch.Generator().manual_seed(seed)) * torch.tensor(
        [1.0, extent]
    )
    half = a + torch.tensor([0.0, extent / 2])
    before, after = (geometry.tangent(a, half + torch.tensor([0.0, e])) for e in (-1e-4, 1e-4))
    assert (after - before).abs().max() < 1e-3
    near = a + torch.tensor([0.01, 0.01 * extent])
    torch.testing.assert_close(
        geometry.tangent(a, near), geometry.displacement(a, near), rtol=2e-3, atol=1e-6
    )
