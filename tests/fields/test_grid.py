"""Complete fields: exact area averages, selection, and what is refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from mamba_diffae.fields import GridField, Scaling, area_average, area_weights, pixel_centres


def grid(values, groups=None, splits=None, **attributes):
    count = len(values)
    return GridField(
        values,
        Scaling(0.0, 255.0),
        [f"field {i}" for i in range(count)],
        np.arange(count) if groups is None else np.asarray(groups),
        np.full(count, "train") if splits is None else np.asarray(splits),
        {key: np.asarray(value) for key, value in attributes.items()},
    )


def random_fields(count=3, n=12, channels=2, seed=0):
    return np.random.default_rng(seed).normal(size=(count, n, n, channels)).astype(np.float32)


sizes = st.integers(1, 24).flatmap(lambda n: st.tuples(st.just(n), st.integers(1, n)))


@given(sizes)
def test_weights_share_out_every_fine_cell_once(sides):
    n, size = sides
    W = area_weights(n, size)
    np.testing.assert_allclose(W.sum(axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(W.sum(axis=0), size / n, atol=1e-6)
    assert (W >= 0).all()


@given(sizes, st.integers(0, 1000))
def test_area_average_preserves_the_mean_for_any_ratio(sides, seed):
    n, size = sides
    values = random_fields(2, n, 3, seed)
    coarse = area_average(values, size)
    assert coarse.shape == (2, size, size, 3)
    np.testing.assert_allclose(coarse.mean(axis=(1, 2)), values.mean(axis=(1, 2)), atol=1e-5)


@given(sizes, st.integers(0, 1000))
def test_area_average_is_exact_for_any_ratio(sides, seed):
    """Refining to the common grid, where every cell of both is whole, then block means."""
    n, size = sides
    values = random_fields(1, n, 1, seed).astype(np.float64)
    fine = values.repeat(size, axis=1).repeat(size, axis=2)
    blocks = fine.reshape(1, size, n, size, n, 1).mean(axis=(2, 4))
    np.testing.assert_allclose(area_average(values, size), blocks, atol=1e-5)


def test_area_average_of_three_to_two_by_hand():
    values = np.array([[0.0, 3.0, 6.0]] * 3).reshape(1, 3, 3, 1)
    expected = [(0 + 3 / 2) / 1.5, (3 / 2 + 6) / 1.5]
    np.testing.assert_allclose(area_average(values, 2)[0, 0, :, 0], expected, atol=1e-6)


def test_area_average_keeps_rows_and_columns_apart():
    values = np.zeros((1, 4, 4, 1))
    values[0, :2, 2:, 0] = 1
    np.testing.assert_array_equal(area_average(values, 2)[0, ..., 0], [[0, 1], [0, 0]])


def test_averaging_in_two_steps_is_averaging_at_once():
    values = random_fields(2, 96, 3)
    in_steps = area_average(area_average(values, 48), 16)
    np.testing.assert_allclose(in_steps, area_average(values, 16), atol=1e-6)


def test_weights_refuse_to_enlarge():
    with pytest.raises(ValueError, match="from 4 to 5 cells would enlarge; ask for at most 4"):
        area_weights(4, 5)


def test_cached_weights_cannot_be_changed():
    with pytest.raises(ValueError, match="read-only"):
        area_weights(4, 2)[0, 0] = 7


def test_at_averages_every_field_across_its_internal_chunks():
    values = random_fields(300, 4, 1)
    np.testing.assert_allclose(grid(values).at(2), area_average(values, 2), atol=1e-6)


def test_at_native_size_is_the_field_as_float32():
    values = np.arange(48, dtype=np.uint8).reshape(1, 4, 4, 3)
    native = grid(values).at(4)
    assert native.dtype == np.float32
    np.testing.assert_array_equal(native, values)


@pytest.mark.parametrize("size", [0, 13])
def test_at_refuses_a_scale_without_truth(size):
    with pytest.raises(ValueError, match=rf"Scale {size} was asked, .* 12 × 12.* 1 to 12"):
        grid(random_fields()).at(size)


@given(st.integers(1, 20), st.integers(1, 3))
def test_pixel_centres_are_half_a_pixel_from_the_edge(size, dim):
    coords = pixel_centres(size, dim)
    assert coords.shape == (size**dim, dim)
    np.testing.assert_allclose(coords.min(axis=0), 0.5 / size, rtol=1e-6)
    np.testing.assert_allclose(coords.max(axis=0), 1 - 0.5 / size, rtol=1e-6)
    np.testing.assert_allclose(coords.mean(axis=0, dtype=np.float64), 0.5, rtol=1e-6)


def test_pixel_centres_run_x_fastest_as_rows_of_a_field_do():
    np.testing.assert_allclose(
        pixel_centres(2), [[0.25, 0.25], [0.75, 0.25], [0.25, 0.75], [0.75, 0.75]]
    )


def test_take_keeps_everything_together():
    field = grid(random_fields(4), [5, 5, 6, 7], ["train", "val", "test", "test"], hat=[0, 1, 0, 1])
    taken = field.take(np.array([3, 1]))
    np.testing.assert_array_equal(taken.values, field.values[[3, 1]])
    assert list(taken.names) == ["field 3", "field 1"]
    assert taken.groups.tolist() == [7, 5]
    assert taken.splits.tolist() == ["test", "val"]
    assert taken.attributes["hat"].tolist() == [1, 1]


@pytest.mark.parametrize("index", [slice(1, 3), np.array([False, True, True, False])])
def test_take_accepts_slices_and_masks(index):
    assert list(grid(random_fields(4)).take(index).names) == ["field 1", "field 2"]


def test_split_selects_by_name():
    field = grid(random_fields(3), splits=["train", "test", "train"])
    assert list(field.split("train").names) == ["field 0", "field 2"]


def test_a_split_without_fields_is_named_with_those_there_are():
    field = grid(random_fields(2), splits=["val", "train"])
    with pytest.raises(ValueError, match=r"split 'test'; this source has train, val\."):
        field.split("test")


@given(hnp.arrays(np.int64, st.integers(1, 30), elements=st.integers(0, 9)), st.integers(1, 40))
def test_distinct_takes_one_field_a_group(groups, count):
    chosen = grid(np.zeros((len(groups), 1, 1, 1)), groups).distinct(count)
    assert len(chosen) == min(count, len(set(groups.tolist())))
    assert len(set(chosen.groups.tolist())) == len(chosen)
    firsts = {g: f"field {i}" for i, g in reversed(list(enumerate(groups.tolist())))}
    assert all(firsts[g] == n for g, n in zip(chosen.groups.tolist(), chosen.names, strict=True))


@pytest.mark.parametrize(
    "shape", [(2, 4, 4), (2, 4, 5, 1), (0, 4, 4, 1), (2, 0, 0, 1), (2, 4, 4, 0)]
)
def test_values_of_another_shape_are_refused(shape):
    with pytest.raises(ValueError, match=r"has shape .*expected \(S, n, n, C\)"):
        grid(np.zeros(shape))


def test_a_name_too_few_is_refused():
    with pytest.raises(ValueError, match="holds 2 fields but 1 names, 2 groups and 2 splits"):
        GridField(np.zeros((2, 4, 4, 1)), Scaling(0, 1), ["a"], np.arange(2), np.full(2, "train"))
