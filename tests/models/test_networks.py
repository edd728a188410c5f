"""The networks: every kind and choice runs and learns, and what is padded has no influence."""

import itertools

import pytest
import torch
from torch import Tensor

from mamba_diffae.fields import pixel_centres
from mamba_diffae.models import MambaDiffusion, MambaDiffusionAutoencoder
from mamba_diffae.models.config import CONTEXTS
from mamba_diffae.models.presets import preset_names
from mamba_diffae.models.pretrained import MODELS, model_class

FOUR = ("row", "column", "diagonal", "antidiagonal")
VARIANTS = {
    "anchored": ("autoencoder", {}),
    "scan": ("autoencoder", {"decoder": "scan"}),
    "no prior": ("autoencoder", {"exemplars": 0}),
    "no prior, scan": ("autoencoder", {"exemplars": 0, "decoder": "scan"}),
    "preconditioned": ("autoencoder", {"velocity": "preconditioned"}),
    "mean pooling, count": ("autoencoder", {"pooling": "mean", "step": "count"}),
    "curves, learned": ("autoencoder", {"directions": ("hilbert", "morton"), "step": "learned"}),
    "no blocks": ("autoencoder", {"encoder_blocks": 0, "decoder_blocks": 0}),
    "original": ("mamba-diffusion", {}),
    "multi-directional": ("mamba-diffusion", {"directions": FOUR}),
    "bottleneck": ("minimal-latent", {}),
}
EVERY = pytest.mark.parametrize("variant", VARIANTS)


def arguments(observed, batch: int = 2, queries: int = 9, **kind: int) -> tuple[Tensor, ...]:
    """noisy_values, query_coords, t, input_coords, input_values, input_mask."""
    query, noisy = observed(batch, queries, seed=1, **kind)
    mask = torch.ones(batch, 20, dtype=torch.bool)
    return noisy, query, torch.linspace(0.2, 0.9, batch), *observed(batch, **kind), mask


@EVERY
def test_every_kind_runs_and_every_weight_learns(network, observed, variant: str) -> None:
    kind, fields = VARIANTS[variant]
    net = network(kind, **fields)
    noisy, query, t, *seen = arguments(observed)
    velocity = net(noisy, query, t, *seen)
    assert velocity.shape == noisy.shape
    loss = velocity.square().mean()
    if len(net.anchors):  # their own velocity is learned too, where their state is known
        state = torch.ones(2, len(net.anchors), 2)
        loss = loss + net.anchor_flow(net.condition(*seen), t, state)[1].square().mean()
    loss.backward()
    silent = [name for name, p in net.named_parameters() if p.grad is None or not p.grad.any()]
    assert silent == []


@EVERY
def test_every_argument_matters(network, observed, variant: str) -> None:
    kind, fields = VARIANTS[variant]
    net, given = network(kind, **fields), arguments(observed)
    velocity = net(*given)
    for place, name in enumerate(("noisy_values", "query_coords", "t", "coords", "values")):
        changed = [*given]
        changed[place] = changed[place] * 0.5
        assert (net(*changed) - velocity).abs().max() > 1e-4, name
    assert torch.equal(net(*given[:5]), velocity)  # without a mask, all are real


@EVERY
def test_padding_changes_nothing(network, observed, variant: str) -> None:
    kind, fields = VARIANTS[variant]
    net = network(kind, **fields)
    noisy, query, t, coords, values, mask = arguments(observed)
    more = observed(2, 6, seed=7)
    padded = [torch.cat([x, p], dim=1) for x, p in zip((coords, values), more, strict=True)]
    mask = torch.arange(26).expand(2, -1) < 20
    expected = net(noisy, query, t, coords, values)
    torch.testing.assert_close(net(noisy, query, t, *padded, mask), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("dim", [1, 3])
@pytest.mark.parametrize("kind", MODELS)
def test_other_dimensions_and_channels(network, observed, kind: str, dim: int) -> None:
    fields = {"coord_dim": dim, "value_dim": 3}
    if kind == "autoencoder":
        directions = ("row", "row_reversed") if dim == 1 else ("hilbert", "hilbert_reversed")
        fields |= {"directions": directions, "tokens": 2, "patch": 2}
    given = arguments(observed, dim=dim, channels=3)
    assert network(kind, **fields)(*given).shape == (2, 9, 3)


def test_the_scan_decoder_lets_queries_feel_one_another(network, observed) -> None:
    # Beside the anchored one, whose queries do not: contract 1 is no matter of course.
    given = arguments(observed)
    drift = {}
    for decoder in ("anchored", "scan"):
        net = network(decoder=decoder)
        alone = net(given[0][:, :4], given[1][:, :4], *given[2:])
        drift[decoder] = (net(*given)[:, :4] - alone).abs().max().item()
    assert drift["anchored"] < 1e-5
    assert drift["scan"] > 1e-3


# The autoencoder


@pytest.mark.parametrize("decoder", ["anchored", "scan"])
def test_at_the_start_without_a_state_the_decoder_says_the_mean(
    network, observed, decoder: str
) -> None:
    net = network(decoder=decoder)
    query, (coords, values), t = torch.rand(2, 9, 2), observed(), torch.zeros(2)
    latent = net.encode(coords, values)
    zero_x = torch.zeros(2, 9, 2), torch.zeros(2, len(net.anchors), 2)
    by_default = net.decode(query, latent, t)
    said = net.decode(query, latent, t, zero_x[0], anchor_values=zero_x[1])
    assert torch.equal(by_default, said)
    points = net.encoding(coords, values, torch.ones(2, 20, dtype=torch.bool))
    assert torch.equal(points.latent, latent)
    assert (net.decode(query, latent, t, points=points) - by_default).abs().max() > 1e-2


def test_unknown_anchors_are_not_anchors_at_zero(network, observed) -> None:
    net, (noisy, query, t, *seen) = network(), arguments(observed)
    latent = net.encode(*seen)
    unknown = net.decode(query, latent, t, noisy)
    zero = net.decode(query, latent, t, noisy, anchor_values=torch.zeros(2, 36, 2))
    assert (unknown - zero).abs().max() > 1e-3
    # What stands in an anchor that counts as absent cannot be heard.
    condition, absent = net.condition(*seen), torch.zeros(2, 36, dtype=torch.bool)
    heard = [net.anchor_flow(condition, t, x * torch.ones(2, 36, 2), absent)[0] for x in (0, 5)]
    for one, other in zip(*heard, strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("decoder", ["anchored", "scan"])
def test_context_can_be_chosen_field_by_field(network, observed, decoder: str) -> None:
    net, query = network(decoder=decoder), torch.rand(2, 9, 2)
    t, x, mask = torch.zeros(2), torch.zeros(2, 9, 2), torch.ones(2, 20, dtype=torch.bool)

    def ask(context) -> Tensor:
        condition = net.condition(*observed(), mask, context=context)
        tokens, _ = net.anchor_flow(condition, t, torch.zeros(2, len(net.anchors), 2))
        return net.query_flow(condition, net.site(condition, query), t, x, tokens)

    for levels in itertools.permutations(range(3), 2):
        mixed = ask(torch.tensor(levels))
        for b, level in enumerate(levels):
            torch.testing.assert_close(mixed[b], ask(CONTEXTS[level])[b], rtol=0, atol=1e-6)
    for less, more in itertools.pairwise(CONTEXTS):
        assert (ask(less) - ask(more)).abs().amax((1, 2)).min() > 1e-2


def test_a_fresh_network_interpolates_the_observations(observed) -> None:
    # Before any learning F is the weighted average of the nearest values: a start, not noise.
    net = MambaDiffusionAutoencoder.from_preset("tiny", value_dim=1, sigma=0.5)
    coords = torch.from_numpy(pixel_centres(16))[None]
    values = 0.4 * torch.sin(3 * coords[..., :1]) + 0.2 * coords[..., 1:]
    mask = torch.ones(1, 256, dtype=torch.bool)
    query = 0.2 + 0.6 * torch.rand(1, 50, 2)
    truth = 0.4 * torch.sin(3 * query[..., :1]) + 0.2 * query[..., 1:]
    points = net.encoding(coords, values, mask)
    mean = net.decode(query, points.latent, torch.zeros(1), points=points)
    assert (mean - truth).square().mean().sqrt() < 0.2 * truth.std()


def test_the_velocity_is_continuous_in_the_place(network, observed) -> None:
    net, (coords, values) = network(), observed(1, 40)

    def largest_jump(count: int) -> float:
        x = torch.linspace(0, 1, count)
        line = torch.stack([x, 0.3 + 0.4 * x], dim=-1)[None]
        points = net.encoding(coords, values, torch.ones(1, 40, dtype=torch.bool))
        velocity = net.decode(line, points.latent, torch.zeros(1), points=points)
        return velocity[0].diff(dim=0).abs().max().item()

    assert largest_jump(8001) < 0.3 * largest_jump(2001)


def test_only_the_encoder_is_frozen_in_phase_2(network) -> None:
    for kind in MODELS:
        net = network(kind)
        frozen = net.frozen_in_diffusion()
        assert list(frozen) == ([net.encoder] if kind == "autoencoder" else [])


# Presets and configs


@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize("preset", preset_names())
def test_presets_fit_every_network(kind: str, preset: str) -> None:
    with torch.device("meta"):
        net = model_class(kind).from_preset(preset, coord_dim=2, value_dim=5)
    assert net.config.value_dim == 5


@pytest.mark.parametrize(
    ("preset", "fields", "message"),
    [
        ("tinny", {}, "Unknown preset 'tinny'; did you mean 'tiny'"),
        ("tiny", {"d_modle": 8}, "autoencoder setting 'd_modle'; did you mean 'd_model'"),
        ("tiny", {"d_model": 1}, "autoencoder settings do not fit: d_model = 1: .* equal to 8"),
        ("tiny", {"decoder": "grid"}, "decoder = 'grid': .*'anchored' or 'scan'"),
        ("tiny", {"directions": ("zigzag",)}, "Unknown direction 'zigzag'; choose from none, row"),
        ("tiny", {"coord_dim": 1}, "'column' needs two axes, but coord_dim is 1; use 'row'"),
    ],
)
def test_a_config_that_does_not_fit_is_refused(preset: str, fields: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        MambaDiffusionAutoencoder.from_preset(preset, **fields)


def test_an_unknown_direction_of_the_baseline_is_refused() -> None:
    with pytest.raises(ValueError, match="Unknown direction 'zigzag'"):
        MambaDiffusion.from_preset("tiny", directions=("zigzag",))


# Compilers


def with_estimate(net, given: tuple) -> tuple:
    """The arguments of `forward`, and what the prior makes of the observations."""
    *_, coords, values = given[:5]
    mask = torch.ones_like(coords[..., 0], dtype=torch.bool)
    return (*given[:5], mask, *([net.prior(coords, values, mask)] if net.prior else []))


@pytest.mark.parametrize("kind", ["autoencoder", "mamba-diffusion"])
def test_it_exports_with_any_number_of_points(network, observed, kind: str) -> None:
    auto = torch.export.Dim.AUTO
    net = network(kind)
    noisy, query, t, *_ = arguments(observed, queries=40)
    given = with_estimate(net, (noisy, query, t, *observed(2, 50)))
    points = ({1: auto}, {1: auto}, None, {1: auto}, {1: auto}, {1: auto}, None)
    with torch.no_grad():
        program = torch.export.export(
            net, given, strict=False, dynamic_shapes=points[: len(given)]
        ).module()
        noisy, query, t, *_ = arguments(observed, queries=77)
        other = with_estimate(net, (noisy, query, t, *observed(2, 90)))
        torch.testing.assert_close(program(*other), net(*other), rtol=0, atol=1e-5)


def test_it_compiles_without_a_break(network, observed) -> None:
    net = network()
    given = with_estimate(net, arguments(observed))
    compiled = torch.compile(net, backend="aot_eager", fullgraph=True)
    velocity = compiled(*given)
    torch.testing.assert_close(velocity, net(*given[:-1]), rtol=0, atol=1e-5)
    velocity.sum().backward()
    assert net.encoder.to_latent.weight.grad.abs().sum() > 0
