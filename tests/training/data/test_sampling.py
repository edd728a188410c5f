"""Observations of training: where they lie, what they say, how many, and with which errors."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch

from mamba_diffae.fields import PATTERNS, FieldData, Observations
from mamba_diffae.priors.kriging import EXACT, NODES
from mamba_diffae.training.data.config import BOXES, DataConfig
from mamba_diffae.training.data.sampling import NOISE_RANGE, ObservationSampler, draw_variables

NEVER = {"p_sparse": 0, "p_noise": 0, "p_variables": 0}
ROWS, STRAIGHT = np.arange(5), np.zeros(5, dtype=bool)


@pytest.fixture(scope="module")
def data(inside) -> FieldData:
    return inside(count=5, shape=(18, 24), variables=2)


def draw(data: FieldData, step: int = 0, views: int = 1, **settings) -> list[Observations]:
    given = {"observed_shape": (9, 12), "patterns": {"random": 1}, **NEVER, **settings}
    sampler = ObservationSampler(data, DataConfig(**given).for_data(data))
    stream = partial(_stream, step)
    return sampler.views(stream, ROWS, STRAIGHT, views)


def _stream(step: int, purpose: int) -> np.random.Generator:
    return np.random.default_rng((step, purpose))


def averages(data: FieldData, seen: Observations) -> np.ndarray:
    """Of the fields over boxes around the places, by counting the native cells within."""
    centres = data.grid.centres().astype(np.float32)
    values = data.values.reshape(len(data), -1, data.n_variables)
    found = []
    for place, side in zip(seen.coords[0].numpy(), seen.support[0].numpy(), strict=True):
        found.append(values[:, (abs(centres - place) < side / 2 + 1e-6).all(axis=1)].mean(axis=1))
    return np.stack(found, axis=1)


def test_random_cells_are_cells_of_the_lattice_and_say_their_average(data) -> None:
    (seen,) = draw(data)
    assert seen.noise is None
    assert seen.mask.all()
    np.testing.assert_allclose(seen.values, averages(data, seen), atol=1e-5)
    width = torch.tensor([1 / 12, 1 / 12])
    torch.testing.assert_close(seen.support, width.expand(seen.support.shape))
    places = (seen.coords[0] * 12 - 0.5).round()
    torch.testing.assert_close(seen.coords[0] * 12 - 0.5, places, atol=1e-5, rtol=0)
    assert len({tuple(p) for p in places.tolist()}) == len(places)


def test_the_fraction_is_log_uniform_within_its_bounds(data) -> None:
    steps = range(300)
    counts = np.array(
        [draw(data, step, fractions=(0.05, 0.4))[0].coords.shape[1] for step in steps]
    )
    share = counts / 108
    assert 0.05 - 0.5 / 108 <= share.min() < 0.07
    assert 0.33 < share.max() <= 0.4 + 0.5 / 108
    # Log-uniform: half of the steps lie below the geometric mean of the bounds.
    assert np.mean(share < (0.05 * 0.4) ** 0.5) == pytest.approx(0.5, abs=0.1)


def test_sparse_steps_begin_with_one_point(data) -> None:
    steps = range(200)
    counts = [draw(data, s, fractions=(0.2, 0.4), p_sparse=1)[0].coords.shape[1] for s in steps]
    assert min(counts) == 1
    assert max(counts) > 30
    assert np.mean(np.array(counts) < 43**0.5) == pytest.approx(0.5, abs=0.1)
    mixed = [draw(data, s, fractions=(0.2, 0.4), p_sparse=0.3)[0].coords.shape[1] for s in steps]
    assert np.mean(np.array(mixed) < 21) == pytest.approx(0.3 * 0.8, abs=0.08)


@pytest.fixture(scope="module")
def slope(data: FieldData) -> FieldData:
    """Fields whose two variables are the coordinates: averages over boxes are their centres."""
    values = data.grid.centres().reshape(1, 18, 24, 2).repeat(5, axis=0)
    return replace(data, values=values.astype(np.float32))


def inner(seen: Observations, margin: float) -> torch.Tensor:
    """Places so far from the border, shape (N,)."""
    region = torch.tensor([0.75, 1.0])
    place = seen.coords[0]
    return ((place > margin) & (place < region - margin)).all(dim=1)


def test_scattered_points_lie_off_the_lattice_and_have_no_extent(slope) -> None:
    (seen,) = draw(slope, patterns={"scattered": 1}, fractions=(0.6, 0.6))
    assert seen.support.eq(0).all()
    off = (seen.coords * 24 - 0.5) % 1
    assert off.std() > 0.2
    within = inner(seen, 0.5 / 24)
    torch.testing.assert_close(seen.values[:, within], seen.coords[:, within], atol=1e-5, rtol=0)


def test_boxes_of_several_sizes_say_their_average_and_lie_within(slope) -> None:
    (seen,) = draw(slope, patterns={BOXES: 1}, fractions=(0.6, 0.6))
    side = seen.support[0]
    assert side.min() == pytest.approx(1 / 24, rel=0.3)
    assert side.max() == pytest.approx(4 / 12, rel=0.3)
    assert (seen.coords[0] - side / 2 > -1e-6).all()
    assert (seen.coords[0] + side / 2 < torch.tensor([0.75, 1]) + 1e-6).all()
    torch.testing.assert_close(seen.values, seen.coords, atol=5e-3, rtol=0)


@pytest.mark.parametrize("pattern", [*PATTERNS, BOXES])
@pytest.mark.parametrize("shape", [(18, 24), (30,), (6, 5, 8)])
def test_every_pattern_works_on_every_grid(inside, pattern: str, shape: tuple[int, ...]) -> None:
    for gaps in (False, True):
        fields = inside(count=5, shape=shape, variables=2, gaps=gaps)
        seen = draw(fields, observed_shape=None, patterns={pattern: 1})[0]
        assert seen.dim == len(shape)
        assert seen.counts.min() >= 1
        assert seen.values.isfinite().all()
        low = seen.coords.new_tensor([axis.high for axis in fields.grid.axes])
        assert ((seen.coords >= 0) & (seen.coords <= low)).all()


def test_patterns_come_as_often_as_they_weigh(data) -> None:
    weights = {"scattered": 3, "random": 1, "boxes": 0}
    points = [draw(data, step, patterns=weights)[0].support.eq(0).all() for step in range(200)]
    assert np.mean(points) == pytest.approx(0.75, abs=0.08)


def test_errors_have_the_deviation_that_is_told(data) -> None:
    ratios, sigmas = [], []
    for step in range(40):
        (exact,), (noisy,) = (draw(data, step, p_noise=p) for p in (0, 1))
        assert noisy.noise is not None
        assert torch.equal(noisy.coords, exact.coords)
        ratios.append(((noisy.values - exact.values) / noisy.noise).flatten())
        sigmas.append(noisy.noise[:, 0].flatten())
        assert (noisy.noise == noisy.noise[:, :1]).all()
    assert torch.cat(ratios).std().item() == pytest.approx(1, abs=0.03)
    sigma = torch.cat(sigmas).log().numpy()
    low, high = np.log(NOISE_RANGE)
    assert low <= sigma.min() < low + 0.2
    assert high - 0.2 < sigma.max() <= high
    shares = [draw(data, step, p_noise=0.3)[0].noise is not None for step in range(200)]
    assert np.mean(shares) == pytest.approx(0.3, abs=0.1)


def test_variables_are_missing_everywhere_or_here_and_there(data) -> None:
    everywhere = 0
    for step in range(60):
        (seen,) = draw(data, step, p_variables=1, fractions=(0.5, 0.6))
        assert seen.present.all()
        assert not seen.mask.all()
        everywhere += not seen.mask.any(dim=1).all()
        assert seen.values[~seen.mask].eq(0).all()
    assert 15 < everywhere < 45


def test_boxes_are_few_where_gaps_give_each_field_a_system_of_its_own(inside) -> None:
    given = {"observed_shape": (36, 48), "patterns": {BOXES: 1}, "fractions": (0.5, 0.5)}
    counts = [
        draw(inside(count=5, shape=(36, 48), gaps=gaps), **given)[0].mask.shape[1]
        for gaps in (False, True)
    ]
    assert counts == [36 * 48 // 2, EXACT // NODES**2]


def test_steps_that_lack_variables_read_no_more_than_one_system_of_kriging_takes(inside) -> None:
    data = inside(count=5, shape=(36, 48), variables=2)
    given = {"observed_shape": (36, 48), "fractions": (0.9, 0.9)}
    (all_known,) = draw(data, **given)
    (lacking,) = draw(data, p_variables=1, **given)
    assert all_known.mask.sum() > 5 * EXACT
    assert lacking.mask.shape[1] == EXACT // 2


def test_one_variable_is_never_missing(inside) -> None:
    assert draw(inside(count=5, shape=(18, 24)), p_variables=1)[0].mask.all()


@pytest.mark.parametrize("variables", [2, 3, 5])
def test_at_every_point_some_variable_is_left(variables: int) -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        kept = draw_variables(rng, 30, variables)
        assert kept.shape == (30, variables)
        assert kept.any(axis=1).all()
        assert not kept.all()


def test_a_periodic_axis_has_boxes_across_its_seam(inside) -> None:
    flat = inside(count=5, shape=(18, 24))
    axis = replace(flat.grid.axes[1], periodic=True)
    ring = replace(flat, grid=replace(flat.grid, axes=(flat.grid.axes[0], axis)))
    beyond = 0
    for step in range(20):
        (seen,) = draw(ring, step, patterns={BOXES: 1}, fractions=(0.6, 0.6))
        place, side = seen.coords[0, :, 1], seen.support[0, :, 1]
        beyond += int(((place + side / 2 > 1) | (place - side / 2 < 0)).sum())
        assert seen.values.isfinite().all()
    assert beyond > 0


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"patterns": {"randon": 1}}, "Unknown pattern 'randon'; did you mean 'random'"),
        ({"patterns": {"random": 0}}, "no pattern has a weight"),
        ({"patterns": {"random": -1}}, "greater than or equal to 0"),
        ({"fractions": (0.5, 0.1)}, "the least fraction comes first"),
        ({"p_noise": 2}, "p_noise"),
    ],
)
def test_wrong_settings_are_named(settings: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        DataConfig(**settings)


def test_a_lattice_finer_than_the_fields_is_refused(data) -> None:
    for shape in ((19, 12), (9,)):
        with pytest.raises(ValueError, match=r"observed_shape is .* the fields have 18 × 24 cells"):
            DataConfig(observed_shape=shape).for_data(data)
