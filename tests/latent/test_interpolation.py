"""Paths through the latent: their ends, their noise, and what is refused."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mamba_diffae import FieldAutoencoder, FieldData, Observations, observe
from mamba_diffae.latent import interpolate, reconstructions
from mamba_diffae.latent.interpolation import lerp, slerp_weights

FEW = {"steps": 3, "batch_size": 4, "show_progress": False}
CHANGES = {"model": {"d_model": 16}, **dict.fromkeys(("autoencoder", "ensemble", "flow"), FEW)}
ALPHAS = np.linspace(0, 1, 9)


@pytest.fixture(scope="module")
def truth(smooth_fields: Callable[..., FieldData]) -> FieldData:
    return smooth_fields(count=6, shape=(12, 16), variables=2)


@pytest.fixture(scope="module")
def model(truth: FieldData, shaken) -> FieldAutoencoder:
    phases = ["autoencoder", "ensemble", "flow"]
    return shaken(FieldAutoencoder("tiny", changes=CHANGES).fit(truth, phases=phases))


@pytest.fixture(scope="module")
def pair(truth: FieldData) -> list[FieldData]:
    return [truth.take(slice(i, i + 1)) for i in range(2)]


@pytest.fixture(scope="module")
def seen(pair: list[FieldData]) -> tuple[Observations, Observations]:
    return observe(pair[0], 0.5), observe(pair[1], 0.5)


def arc(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return slerp_weights(a, b, ALPHAS) @ torch.stack([a, b]).double()


@given(st.integers(0, 10**6), st.integers(2, 50))
def test_the_arc_between_unit_vectors_is_an_even_geodesic(seed, size):
    rng = np.random.default_rng(seed)
    a, b = (torch.from_numpy(v / np.linalg.norm(v)) for v in rng.normal(size=(2, size)))
    path = arc(a, b)
    torch.testing.assert_close(path[0], a, atol=1e-12, rtol=0)
    torch.testing.assert_close(path[-1], b, atol=1e-12, rtol=0)
    torch.testing.assert_close(path.norm(dim=1), torch.ones(9).double(), atol=1e-9, rtol=0)
    steps = path.diff(dim=0).norm(dim=1)
    torch.testing.assert_close(steps, steps[:1].expand(8), atol=1e-9, rtol=0)


def test_the_ends_are_exact_whatever_their_lengths():
    a, b = 3 * torch.randn(40), 0.1 * torch.randn(40)
    assert slerp_weights(a, b, np.array([0.0, 1.0])).tolist() == [[1, 0], [0, 1]]


@pytest.mark.parametrize("factor", [1.0, 1 + 1e-9, 1 + 1e-5, -1.0])
def test_vectors_without_one_arc_are_joined_straight(factor):
    a = torch.randn(40).double()
    b = factor * a + 1e-12 * torch.randn(40).double()
    path = arc(a, b)
    assert torch.isfinite(path).all()
    expected = torch.from_numpy(lerp(a.numpy(), b.numpy(), ALPHAS))
    torch.testing.assert_close(path, expected, atol=1e-6, rtol=0)


def test_a_path_of_means_is_decoded_from_latents_on_a_line(model, seen):
    path = interpolate(model, *seen, 5, targets=24)
    ends = [model.encode(field)[0] for field in seen]
    np.testing.assert_array_equal(path.latents[[0, -1]], ends)
    np.testing.assert_allclose(path.latents[1], 0.75 * ends[0] + 0.25 * ends[1], rtol=1e-5)
    assert path.values.shape == (5, 18, 24, 2)
    alone = model.predict(seen[1], 24, decoder_inputs="latent").mean[0]
    np.testing.assert_allclose(path.values[-1], alone, atol=1e-4)


def test_all_draws_of_a_path_share_one_key(model, seen):
    path = interpolate(model, seen[0], seen[0], 3, noise="seeded", steps=2, seed=5)
    np.testing.assert_array_equal(path.values, path.values[:1].repeat(3, axis=0))
    one = model.predict(seen[0], None, 1, decoder_inputs="latent", seed=5, steps=2)
    assert one.evaluations == 1  # by the decoder of draws
    ours = one.draws[0]
    np.testing.assert_allclose(path.values[:1], ours, atol=1e-4)
    other = interpolate(model, seen[0], seen[0], 2, noise="seeded", steps=2, seed=6)
    assert abs(other.values[0] - path.values[0]).max() > 1e-3


def test_with_their_noises_the_ends_come_back(model, seen, pair):
    options = {"noise": "inverted", "complete": pair, "steps": 12}
    path = interpolate(model, *seen, 3, **options)
    for end, field in zip(path.values[[0, -1]], pair, strict=True):
        error = field.unit_interval(end) - field.unit_interval(field.values[0])
        assert -10 * np.log10(np.square(error).mean()) > 30
    half = interpolate(model, *seen, 3, **options, targets=8).values
    cells = path.values.reshape(3, 6, 2, 8, 2, 2).mean(axis=(2, 4))
    np.testing.assert_allclose(half, cells, atol=1e-5)


def test_progress_is_told_of_every_field(model, seen):
    told = []
    interpolate(
        model, *seen, 3, noise="seeded", steps=1, on_progress=lambda *done: told.append(done)
    )
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_what_makes_no_path_is_refused(model, seen, pair, truth):
    with pytest.raises(ValueError, match="n_steps is 1"):
        interpolate(model, *seen, 1)
    with pytest.raises(ValueError, match="did you mean 'inverted'"):
        interpolate(model, *seen, noise="invert")  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="the two complete fields"):
        interpolate(model, *seen, noise="inverted")
    with pytest.raises(ValueError, match="native 12 × 16 cells, and finer targets were asked"):
        interpolate(model, *seen, noise="inverted", complete=pair, targets=32)
    with pytest.raises(ValueError, match="One field was expected at each end, and 6"):
        interpolate(model, observe(truth, 0.5), seen[1])


def test_a_baseline_has_nothing_to_interpolate(truth, seen):
    changes = {"model": {"d_model": 16}, "flow": FEW}
    model = FieldAutoencoder("tiny", architecture="minimal-latent", changes=changes).fit(truth)
    with pytest.raises(ValueError, match="has no latent"):
        interpolate(model, *seen)


def test_their_own_noise_rebuilds_fields_from_either_input(model, truth):
    rebuilt = reconstructions(model, truth, observe(truth, 0.2), steps=12)
    error = {
        name: np.square(truth.unit_interval(v) - truth.unit_interval(truth.values)).mean()
        for name, v in rebuilt.items()
    }
    assert len(error) == 6
    for inputs in ("latent", "latent+points"):
        assert error[inputs, "inverted"] < 1e-3 < error[inputs, "mean"]


def test_a_path_of_noises_needs_a_flow(truth, seen, pair):
    plain = FieldAutoencoder("tiny", changes=CHANGES)
    plain.fit(truth, phases=["autoencoder", "ensemble"])
    with pytest.raises(ValueError, match=r"Noise 'inverted' needs a flow, .*--phase flow --run"):
        interpolate(plain, *seen, noise="inverted", complete=pair)
    assert interpolate(plain, *seen, 2, noise="seeded").values.shape == (2, 12, 16, 2)
