"""How codes share a latent, and a latent that begins as the codes of the prior's posterior."""

import pytest
import torch
from lattice_cases import C, centres, lattice_data, seen_at, smooth
from torch import Tensor

from mamba_diffae.fields import Observations
from mamba_diffae.models import reconstruct
from mamba_diffae.models.autoencoder import MambaDiffusionAutoencoder
from mamba_diffae.models.codes import CODES, LatentCodes, code_dims
from mamba_diffae.models.codes.base import LatentCode
from mamba_diffae.models.config import AutoencoderConfig

SHAPE, SEEN = (4, 9), [0, 4, 9, 17, 22, 30]
FIELDS = smooth(40, SHAPE)


class _Half(LatentCode):
    """Takes half a latent and decodes to its first number everywhere."""

    share, decodes = 0.5, True

    def fit(self, fields: Tensor, known: Tensor) -> None:
        pass

    def encode(self, observations: Observations, posterior) -> Tensor:
        return torch.full((len(observations), self.dim), 0.5)

    def decode(self, code: Tensor) -> Tensor:
        return code[:, :1, None].expand(-1, 36, self.value_dim)


class _Greedy(_Half):
    share = 0.8


# Names that a torch module has itself, or does not allow.
CODES.register("half", _Half)
CODES.register("some.greedy", _Greedy)


def codes_of(*names: str, latent_dim: int = 16) -> LatentCodes:
    fields = {"prior": "analogue", "exemplars": 4, "prior_shape": (6, 6), "value_dim": C}
    return LatentCodes(AutoencoderConfig(codes=names, latent_dim=latent_dim, **fields))


@pytest.mark.parametrize(
    ("names", "parts", "decoded"),
    [
        ((), {}, 16),
        (("pca",), {"pca": slice(0, 16)}, 16),
        (("pca", "histogram"), {"pca": slice(0, 12), "histogram": slice(12, 16)}, 12),
        (("histogram", "pca"), {"pca": slice(0, 12), "histogram": slice(12, 16)}, 12),
        (("histogram",), {"histogram": slice(12, 16)}, 12),
        (("half", "histogram"), {"half": slice(0, 8), "histogram": slice(12, 16)}, 12),
        (
            ("histogram", "half", "pca"),
            {"half": slice(0, 8), "pca": slice(8, 12), "histogram": slice(12, 16)},
            12,
        ),
    ],
)
def test_what_is_decoded_stands_first_and_what_only_tells_last(names, parts, decoded) -> None:
    codes = codes_of(*names)
    assert codes.parts == parts
    assert codes.decoded_dim == decoded


def test_shares_and_what_they_leave() -> None:
    kinds = {name: CODES.get(name) for name in ("pca", "histogram", "half")}
    assert code_dims(512, kinds) == {"histogram": 128, "half": 256, "pca": 128}
    with pytest.raises(
        ValueError, match=r"codes some.greedy, half take 20 of 16 .* shares are 1 at mo"
    ):
        codes_of("some.greedy", "half")


def test_a_code_may_have_any_name() -> None:
    codes = codes_of("some.greedy")
    assert codes.parts == {"some.greedy": slice(0, 12)}
    assert codes.decode(torch.ones(1, 16)).unique() == 1


def test_fields_of_several_codes_add_up() -> None:
    codes = codes_of("half", "pca")
    latent = torch.randn(3, 16)
    half, pca = codes.codes.values()
    both = half.decode(latent[:, :8]) + pca.decode(latent[:, 8:])
    torch.testing.assert_close(codes.decode(latent), both)
    assert not codes_of().decode(latent).any()
    assert codes_of().decode(latent).shape == (3, 36, C)
    without = LatentCodes(AutoencoderConfig(latent_dim=16, value_dim=C))
    assert without.decode(latent).shape == (3, 0, C)


def test_unknown_codes_and_codes_without_a_prior_are_refused() -> None:
    with pytest.raises(ValueError, match="Unknown code 'histgram'; did you mean 'histogram'"):
        codes_of("histgram")
    with pytest.raises(ValueError, match=r"codes pca are of a prior's.* no prior; give codes="):
        AutoencoderConfig(codes=("pca",))


# A fresh network


@pytest.fixture(params=["anchored", "scanning"])
def fresh(request: pytest.FixtureRequest, network) -> MambaDiffusionAutoencoder:
    """A network whose prior has learned, and nothing else."""
    data = lattice_data(FIELDS, SHAPE)
    geometry = {"extent": tuple(axis.high for axis in data.grid.axes)}
    net = MambaDiffusionAutoencoder.from_preset(
        "tiny",
        geometry=geometry,
        native_shape=SHAPE,
        observed_shape=SHAPE,
        max_frequency=(4.5, 4.5),
        noise_shapes=(SHAPE,),
        decoder=request.param,
        value_dim=C,
        latent_dim=16,
        prior="analogue",
        codes=("pca", "histogram"),
        exemplars=len(FIELDS),
        prior_shape=SHAPE,
        sigma=0.4,
    )
    net.fit_prior(data)
    return net.eval()


def new_fields(**options) -> Observations:
    """Observations of fields that it does not know."""
    return seen_at(smooth(3, SHAPE, seed=5), SEEN, SHAPE, **options)


def mean_of(net: MambaDiffusionAutoencoder, seen: Observations, **options: object) -> Tensor:
    """The mean at the lattice's centres."""
    return reconstruct(net, centres(SHAPE).expand(3, -1, -1), seen, **options)  # pyright: ignore[reportArgumentType]


def close(a: Tensor, b: Tensor, atol: float = 1e-4) -> None:
    torch.testing.assert_close(a, b, atol=atol, rtol=0)


def test_the_latent_begins_as_the_codes_of_the_posterior(fresh) -> None:
    seen = new_fields()
    posterior = fresh.prior.posterior(seen)
    parts = [fresh.codes.codes[n].encode(seen, posterior) for n in ("pca", "histogram")]
    close(fresh.encode(seen), torch.cat(parts, dim=1))
    decoded = fresh.decode_latent_field(fresh.encode(seen))
    assert (decoded - posterior.mean).square().mean() < 0.5 * FIELDS.var()
    assert fresh.latent_parts == {"pca": slice(0, 12), "histogram": slice(12, 16)}


def test_with_the_points_the_mean_begins_as_the_posteriors(fresh) -> None:
    for mask in (None, torch.tensor([[True, True], [True, False]] * 3)):
        seen = new_fields(mask=mask)
        close(mean_of(fresh, seen), fresh.prior.posterior(seen).mean)


def test_without_them_it_begins_as_what_the_latent_holds(fresh) -> None:
    seen = new_fields()
    decoded = fresh.decode_latent_field(fresh.encode(seen))
    close(mean_of(fresh, seen, decoder_inputs="latent"), decoded)


def test_a_moved_latent_moves_the_field_but_not_where_it_was_seen(fresh) -> None:
    seen = new_fields()
    move = 0.3 * torch.randn(3, 16, generator=torch.Generator().manual_seed(0))
    moved = mean_of(fresh, seen, latent=fresh.encode(seen) + move) - mean_of(fresh, seen)
    asked = fresh.decode_latent_field(move) - fresh.decode_latent_field(0 * move)
    observed = torch.zeros(3, 36, C, dtype=torch.bool)
    observed[:, SEEN] = True
    close(moved, fresh.prior.condition_increment(asked, observed))
    assert moved[:, SEEN].square().mean() < 0.2 * asked[:, SEEN].square().mean()
    assert moved.square().mean() > 0.05 * asked.square().mean()


def test_its_own_latent_given_again_changes_nothing(fresh) -> None:
    seen = new_fields()
    close(mean_of(fresh, seen, latent=fresh.encode(seen)), mean_of(fresh, seen), atol=1e-6)


def test_the_histogram_only_tells_and_the_field_comes_from_the_rest(fresh) -> None:
    seen = new_fields()
    latent = fresh.encode(seen)
    other = torch.cat([latent[:, : fresh.codes.decoded_dim], torch.randn(3, 4)], dim=1)
    for inputs in ("latent", "latent+points"):
        own, moved = (
            mean_of(fresh, seen, decoder_inputs=inputs, latent=z) for z in (latent, other)
        )
        torch.testing.assert_close(moved, own)
