"""Networks of every kind and choice run and learn, on any geometry; padding has no influence."""

import pytest
import torch
from torch import Tensor

from mamba_diffae.fields import Background, Geometry, Grid, Observations
from mamba_diffae.fields.geometry import Sphere
from mamba_diffae.models.base import FieldFlow
from mamba_diffae.models.registry import ARCHITECTURES

FOUR = ("row", "column", "diagonal", "antidiagonal")
VARIANTS = {
    "anchored": ("autoencoder", {}),
    "scanning": ("autoencoder", {"decoder": "scanning"}),
    "no prior": ("autoencoder", {"exemplars": 0}),
    "no prior, scanning": ("autoencoder", {"exemplars": 0, "decoder": "scanning"}),
    "no codes": ("autoencoder", {"codes": ()}),
    "pointwise": ("autoencoder", {"encoder": "pointwise"}),
    "attention": ("autoencoder", {"encoder": "attention"}),
    "convcnp": ("autoencoder", {"encoder": "convcnp"}),
    "trapezoidal": (
        "autoencoder",
        {"encoder_options": {"discretisation": "exponential-trapezoidal"}},
    ),
    "preconditioned": ("autoencoder", {"velocity": "preconditioned"}),
    "mean pooling, count": ("autoencoder", {"pooling": "mean", "step": "count"}),
    "curves, learned": ("autoencoder", {"directions": ("hilbert", "morton"), "step": "learned"}),
    "no blocks": ("autoencoder", {"encoder_blocks": 0, "decoder_blocks": 0}),
    "covariates": ("autoencoder", {"covariate_dim": 3}),
    "covariates, convolved": ("autoencoder", {"covariate_dim": 3, "decoder": "convolutional"}),
    "covariates, scanning": ("autoencoder", {"covariate_dim": 3, "decoder": "scanning"}),
    "covariates, original": ("mamba-diffusion", {"covariate_dim": 3}),
    "original": ("mamba-diffusion", {}),
    "multi-directional": ("mamba-diffusion", {"directions": FOUR}),
    "bottleneck": ("minimal-latent", {}),
}
EVERY = pytest.mark.parametrize("variant", VARIANTS)
GEOMETRIES = {
    "rectangle": Geometry(extent=(0.5, 1.0)),
    "profile": Geometry(extent=(1.0,)),
    "circle": Geometry(extent=(1.0,), periodic=(True,)),
    "channel": Geometry(extent=(0.5, 1.0), periodic=(False, True)),
    "volume": Geometry(extent=(0.3, 0.6, 1.0)),
    "globe": Geometry(
        extent=(0.5, 1.0),
        periodic=(False, True),
        sphere=Sphere(
            latitude_axis=0, longitude_axis=1, latitude_origin=-1.5707963, radians=6.2831853
        ),
    ),
    "profiles in time": Geometry(extent=(3.0, 1.0)),
}
UNIT = Geometry.unit(2)


def arguments(
    observed, geometry: Geometry = UNIT, *, batch: int = 2, queries: int = 9, **options
) -> tuple[Tensor, Tensor, Tensor, Observations]:
    """noisy_values, query_coords, t and observations."""
    asked = observed(batch, queries, geometry=geometry, seed=1, **options)
    seen = observed(batch, geometry=geometry, **options)
    return asked.values, asked.coords, torch.linspace(0.2, 0.9, batch), seen


def made(network, variant: str) -> FieldFlow:
    kind, fields = VARIANTS[variant]
    return network(kind, **fields)


def with_covariates(net: FieldFlow, seen: Observations) -> Observations:
    config = net.config
    if not config.covariate_dim:
        return seen
    shape = len(seen), *config.native_shape, config.covariate_dim
    values = torch.randn(shape, generator=torch.Generator().manual_seed(5))
    names = tuple(f"covariate {k}" for k in range(config.covariate_dim))
    grid = Grid.default(config.native_shape)
    return seen.replace(background=Background(names, ("",) * len(names), grid, values))


@EVERY
def test_every_kind_runs_and_every_weight_learns(network, observed, variant: str) -> None:
    net = made(network, variant)
    noisy, query, t, seen = arguments(observed, missing=0.3, support=True, noise=True)
    seen = with_covariates(net, seen)
    velocity = net(noisy, query, t, seen)
    assert velocity.shape == noisy.shape
    loss = velocity.square().mean()
    if len(net.anchors):  # their own velocity is learned too, where their state is known
        state = torch.ones(2, len(net.anchors), 2)
        context = net.encode_context(seen)
        loss = loss + net.anchor_flow(context, t, state)[1].square().mean()
    loss.backward()
    still = [name for name, p in net.named_parameters() if p.grad is None or not p.grad.any()]
    assert still == []


@EVERY
def test_every_argument_matters(network, observed, variant: str) -> None:
    net = made(network, variant)
    given = {"support": True, "noise": True, "missing": 0.3}
    noisy, query, t, seen = arguments(observed, **given)
    seen = with_covariates(net, seen)
    velocity = net(noisy, query, t, seen)
    changed = {
        "noisy_values": (0.5 * noisy, query, t, seen),
        "query_coords": (noisy, 0.5 * query, t, seen),
        "t": (noisy, query, 0.5 * t, seen),
        "coords": (noisy, query, t, seen.replace(coords=0.5 * seen.coords)),
        "values": (noisy, query, t, seen.with_values(0.5 * seen.values)),
        "mask": (noisy, query, t, seen.replace(mask=seen.mask & (torch.arange(2) == 0))),
        "support": (noisy, query, t, seen.replace(support=None)),
        "noise": (noisy, query, t, seen.replace(noise=None)),
    }
    if seen.background is not None:
        at_points = seen.coords.new_ones(*seen.coords.shape[:2], net.config.covariate_dim)
        changed["covariates"] = (noisy, query, t, seen.replace(covariates=at_points))
        changed["background"] = (noisy, query, t, seen.replace(background=None))
    for name, other in changed.items():
        assert (net(*other) - velocity).abs().max() > 1e-4, name


@EVERY
def test_absent_points_change_nothing(network, observed, variant: str) -> None:
    net = made(network, variant)
    noisy, query, t, seen = arguments(observed, missing=0.3)
    more = observed(2, 6, seed=7)
    padded = Observations(
        torch.cat([seen.coords, more.coords], dim=1),
        torch.cat([seen.values, more.values], dim=1),
        torch.cat([seen.mask, torch.zeros_like(more.mask)], dim=1),
    )
    expected = net(noisy, query, t, seen)
    torch.testing.assert_close(net(noisy, query, t, padded), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("kind", ARCHITECTURES.names())
@pytest.mark.parametrize("name", GEOMETRIES)
def test_every_kind_runs_on_every_geometry(network, observed, kind: str, name: str) -> None:
    net = network(kind, geometry=GEOMETRIES[name], value_dim=3)
    options = {"variables": 3, "missing": 0.2, "support": True, "noise": True}
    given = arguments(observed, GEOMETRIES[name], **options)
    found = net(*given)
    assert found.shape == (2, 9, 3)
    assert found.isfinite().all()
    assert net.anchors.shape == (torch.Size(net.anchor_shape).numel(), net.config.coord_dim)


@pytest.mark.parametrize("name", ["profile", "channel", "volume"])
@pytest.mark.parametrize("fields", [{"decoder": "scanning"}, {"exemplars": 0}])
def test_so_does_every_choice(network, observed, name: str, fields: dict) -> None:
    net = network(geometry=GEOMETRIES[name], **fields)
    assert net(*arguments(observed, GEOMETRIES[name])).isfinite().all()


def test_the_scanning_decoder_lets_queries_feel_one_another(network, observed) -> None:
    # Beside the anchored one, whose queries do not: contract 1 is no matter of course.
    noisy, query, t, seen = arguments(observed)
    drift = {}
    for decoder in ("anchored", "scanning"):
        net = network(decoder=decoder)
        alone = net(noisy[:, :4], query[:, :4], t, seen)
        drift[decoder] = (net(noisy, query, t, seen)[:, :4] - alone).abs().max().item()
        assert net.streams == (decoder == "anchored")
    assert drift["anchored"] < 1e-5
    assert drift["scanning"] > 1e-3


def test_only_the_encoder_is_frozen_in_phase_2(network) -> None:
    for kind in ARCHITECTURES.names():
        net = network(kind)
        frozen = net.frozen_in_flow()
        assert list(frozen) == ([net.encoder] if kind == "autoencoder" else [])
