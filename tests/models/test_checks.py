"""What no network should see is refused, with what was given and what is needed."""

import math

import pytest
import torch
from torch import Tensor

from mamba_diffae.fields import CoordinateError, Geometry, Observations, ShapeError, ValuesError
from mamba_diffae.models import reconstruct, sample_flow
from mamba_diffae.models.checks import check_observations

CHANNEL = Geometry(extent=(0.5, 1.0), periodic=(False, True))


def query(count: int = 9, seed: int = 5) -> Tensor:
    return torch.rand(2, count, 2, generator=torch.Generator().manual_seed(seed))


def observations(**parts) -> Observations:
    """Of shapes that suit the tiny network, but for the given parts."""
    usual = {"coords": torch.rand(2, 20, 2), "values": torch.rand(2, 20, 2)}
    given = {**usual, **parts}
    mask = given.pop("mask", torch.ones(given["values"].shape, dtype=torch.bool))
    return Observations(mask=mask, **given)


def refused(network, kind: str = "autoencoder", ask=reconstruct, error=ValueError, **given) -> str:
    """The message with which a question is refused."""
    names = ("coords", "values", "mask", "support", "noise", "covariates")
    parts = {name: given.pop(name) for name in names if name in given}
    net = given.pop("net", None) or network(kind)
    usual = {"query_coords": query(), "observations": observations(**parts)}
    with pytest.raises(error) as caught:
        ask(net, **{**usual, **given})
    return str(caught.value)


WRONG = {
    "query_coords": [torch.rand(2, 9, 3), torch.rand(3, 9, 2), torch.rand(9, 2), torch.rand(2, 9)],
    "coords": [torch.rand(2, 20, 1), torch.rand(2, 20, 3)],
    "values": [torch.rand(2, 20, 3), torch.rand(2, 20, 1)],
    "latent": [torch.zeros(2, 13), torch.zeros(1, 12), torch.zeros(12)],
}


@pytest.mark.parametrize(("name", "tensor"), [(n, t) for n, all_ in WRONG.items() for t in all_])
def test_a_wrong_shape_is_named(network, name: str, tensor: Tensor) -> None:
    message = refused(network, error=ShapeError, **{name: tensor})
    assert message.startswith(f"{name} has shape {tuple(tensor.shape)}; this network")


def test_the_shape_that_is_needed_is_told(network) -> None:
    message = refused(network, values=torch.rand(2, 20, 3))
    assert "need (2, 20, 2), fields first" in message
    message = refused(network, query_coords=torch.rand(2, 9, 3))
    assert "need (2, N, 2), fields first" in message


@pytest.mark.parametrize("name", ["query_coords", "coords", "values", "support", "noise", "latent"])
def test_another_precision_is_named(network, name: str) -> None:
    width = {"query_coords": (2, 9, 2), "latent": (2, 12)}.get(name, (2, 20, 2))
    message = refused(network, error=ShapeError, **{name: torch.zeros(width, dtype=torch.float64)})
    assert f"{name} is of torch.float64; expected torch.float32: convert" in message


@pytest.mark.parametrize("name", ["query_coords", "coords"])
@pytest.mark.parametrize(("value", "shown"), [(-0.01, "-0.01"), (1.5, "1.5"), (math.nan, "nan")])
def test_a_place_outside_the_region_is_shown(network, name, value, shown) -> None:
    coords = torch.rand(2, 20, 2) * torch.tensor(CHANNEL.extent)
    coords[1, 3, 1] = value
    usual = {"coords": query() / 2, "query_coords": query() / 2} | {name: coords}
    usual["values"] = torch.rand(*usual["coords"].shape)
    message = refused(network, net=network(geometry=CHANNEL), error=CoordinateError, **usual)
    assert f"{name}: 1 coordinates are outside the region (0 to 0.5, 0 to 1)" in message
    assert f"such as {shown}" in message


def test_one_rounding_outside_is_inside(network) -> None:
    places = torch.tensor([[[0.5 + 1e-6, -1e-6]], [[0.0, 1 + 1e-6]]])
    net = network(geometry=CHANNEL)
    seen = observations(coords=places, values=torch.ones(2, 1, 2))
    assert reconstruct(net, places, seen).isfinite().all()


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_value_that_is_no_number_is_counted(network, value: float) -> None:
    values = torch.rand(2, 20, 2)
    values[0, 2, 1] = values[1, 5, 0] = value
    message = refused(network, error=ValuesError, values=values)
    assert "values: 2 of 80 are NaN or infinite" in message
    assert "False in the mask" in message


@pytest.mark.parametrize("name", ["support", "noise"])
@pytest.mark.parametrize(("value", "shown"), [(-1.0, "-1"), (math.nan, "nan"), (math.inf, "inf")])
def test_a_support_or_noise_that_cannot_be_is_counted(network, name, value, shown) -> None:
    part = torch.rand(2, 20, 2)
    part[0, 2, 1] = value
    message = refused(network, error=ValuesError, **{name: part})
    assert f"{name}: 1 of 80 are NaN, infinite or negative, such as {shown}" in message


def test_covariates_are_checked_where_a_network_has_them(network) -> None:
    net = network(covariate_dim=3)
    few = torch.zeros(2, 20, 2)
    assert "covariates has shape (2, 20, 2)" in refused(network, net=net, covariates=few)
    unknown = torch.full((2, 20, 3), math.nan)
    assert "covariates: 120 of 120 are NaN" in refused(network, net=net, covariates=unknown)
    seen = observations(covariates=-torch.rand(2, 20, 3))
    assert reconstruct(net, query(), seen).isfinite().all()


def test_absent_points_are_put_in_the_middle_with_nothing_beside(network) -> None:
    strange = torch.full((2, 20, 2), math.nan)
    mask = torch.ones(2, 20, 2, dtype=torch.bool)
    mask[:, 15:] = False
    there = mask[..., :1]
    parts = {
        name: torch.where(there, torch.rand(2, 20, 2) / 2, strange)
        for name in ("coords", "values", "support", "noise")
    }
    found = check_observations(
        network(geometry=CHANNEL), query() / 2, observations(mask=mask, **parts)
    )
    assert torch.equal(found.coords[:, 15:], torch.tensor([0.25, 0.5]).expand(2, 5, 2))
    for part in (found.values, found.support, found.noise):
        assert not part[:, 15:].any()
        assert part.isfinite().all()
    assert torch.equal(found.coords[:, :15], parts["coords"][:, :15])


def test_a_field_without_an_observation_is_named(network) -> None:
    mask = torch.ones(2, 20, 2, dtype=torch.bool)
    mask[1] = False
    assert "Fields [1] have no observation" in refused(network, mask=mask)
    nothing = torch.rand(2, 0, 2)
    message = refused(network, coords=nothing, values=nothing)
    assert "Fields [0, 1] have no observation" in message


def test_asking_nowhere_is_refused(network) -> None:
    message = refused(network, query_coords=torch.rand(2, 0, 2))
    assert "query_coords: there are no points at all" in message


@pytest.mark.parametrize("kind", ["mamba-diffusion", "minimal-latent"])
@pytest.mark.parametrize("given", [{"latent": torch.zeros(2, 12)}, {"decoder_inputs": "latent"}])
def test_a_baseline_has_no_latent(network, kind: str, given: dict) -> None:
    for ask in (reconstruct, sample_flow):
        message = refused(network, kind, ask, **given)
        assert f"{kind} has no latent; leave `latent` and `decoder_inputs` out" in message
    with pytest.raises(ValueError, match=f"{kind} has no latent; it needs observations"):
        network(kind).latent_context(torch.zeros(2, 12))


def test_unknown_names_are_refused_with_the_known_ones(network) -> None:
    message = refused(network, decoder_inputs="points")
    assert "inputs 'points'; choose one of none, latent, latent+points" in message
    message = refused(network, ask=sample_flow, solver="rk4")
    assert "solver 'rk4'; choose one of heun, euler, stochastic" in message
    assert "steps is 0" in refused(network, ask=sample_flow, steps=0)
    message = refused(network, ask=sample_flow, seed=torch.zeros(3, dtype=torch.int64))
    assert "seed is a torch.int64 tensor of shape (3,)" in message
    message = refused(network, ask=sample_flow, solver="stochastic", temperature=-1.0)
    assert "temperature of 0 or more (got -1)" in message
