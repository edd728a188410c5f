"""A latent that begins as the code of the prior's estimate: what decoders start from."""

import pytest
import torch
from prior_cases import CHANNELS, centres, seen_at, smooth

from mamba_diffae.models import MambaDiffusionAutoencoder, reconstruct

CELLS, SEEN = 6, [0, 4, 9, 17, 22, 30]
FIELDS = smooth(40, CELLS)


@pytest.fixture(params=["anchored", "scan"])
def fresh(request: pytest.FixtureRequest) -> MambaDiffusionAutoencoder:
    """A network that remembers fields and has learned nothing else."""
    net = MambaDiffusionAutoencoder.from_preset(
        "tiny",
        decoder=request.param,
        value_dim=CHANNELS,
        latent_dim=16,
        exemplars=len(FIELDS),
        prior_cells=CELLS,
        sigma=0.4,
    )
    net.remember(FIELDS)
    return net.eval()


def new_fields() -> tuple[torch.Tensor, ...]:
    """Observations of fields that it does not remember."""
    return seen_at(smooth(3, CELLS, seed=5), SEEN)


def mean_of(net: MambaDiffusionAutoencoder, *seen: torch.Tensor, **options: object) -> torch.Tensor:
    """The mean at the lattice's centres."""
    return reconstruct(net, centres(CELLS, 2).expand(3, -1, -1), *seen, **options)  # pyright: ignore[reportArgumentType]


def test_the_latent_begins_as_the_code_of_the_estimate(fresh) -> None:
    seen = new_fields()
    estimate = fresh.prior(*seen)[..., :CHANNELS]
    layout, palette = fresh.principal.encode(estimate), fresh.palette.encode(*seen[1:])
    torch.testing.assert_close(fresh.encode(*seen), torch.cat([layout, palette], dim=1))
    held = fresh.held(fresh.encode(*seen))
    assert (held - estimate).square().mean() < 0.5 * FIELDS.var()


def test_with_the_points_the_mean_begins_as_the_estimate(fresh) -> None:
    seen = new_fields()
    estimate = fresh.prior(*seen)[..., :CHANNELS]
    torch.testing.assert_close(mean_of(fresh, *seen), estimate, atol=1e-4, rtol=0)


def test_without_them_it_begins_as_what_the_latent_holds(fresh) -> None:
    seen = new_fields()
    held = fresh.held(fresh.encode(*seen))
    alone = mean_of(fresh, *seen, context="latent")
    torch.testing.assert_close(alone, held, atol=1e-4, rtol=0)


def test_a_moved_latent_moves_the_field_beside_its_points_but_not_where_it_was_seen(fresh) -> None:
    seen, move = new_fields(), 0.3 * torch.randn(3, 16)
    moved = mean_of(fresh, *seen, latent=fresh.encode(*seen) + move) - mean_of(fresh, *seen)
    asked = fresh.held(move) - fresh.held(0 * move)
    there = torch.zeros(3, CELLS**2, dtype=torch.bool)
    there[:, SEEN] = True
    allowed = fresh.prior.allowed(asked, there)
    torch.testing.assert_close(moved, allowed, atol=1e-4, rtol=0)
    assert moved[:, SEEN].square().mean() < 0.05 * asked[:, SEEN].square().mean()
    assert moved.square().mean() > 0.05 * asked.square().mean()


def test_its_own_latent_given_again_changes_nothing(fresh) -> None:
    seen = new_fields()
    again = mean_of(fresh, *seen, latent=fresh.encode(*seen))
    torch.testing.assert_close(again, mean_of(fresh, *seen), atol=1e-6, rtol=0)


def test_the_palette_is_told_and_the_field_comes_from_the_layout(fresh) -> None:
    seen = new_fields()
    latent = fresh.encode(*seen)
    other = torch.cat([latent[:, : fresh.config.layout], torch.randn(3, fresh.config.palette)], 1)
    for context in ("latent", "latent+points"):
        own, moved = (mean_of(fresh, *seen, context=context, latent=z) for z in (latent, other))
        torch.testing.assert_close(moved, own)
