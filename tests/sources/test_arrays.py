"""Arrays and their files: shapes, limits, and what is refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from mamba_diffae.sources import open_field


def stack(count=4, n=6, channels=2, dtype=np.float32):
    return (np.random.default_rng(0).normal(size=(count, n, n, channels)) * 50).astype(dtype)


@given(
    hnp.arrays(
        st.sampled_from([np.float64, np.float32, np.int16, np.uint16]),
        st.tuples(st.integers(1, 5), st.integers(2, 4), st.integers(1, 3)).map(
            lambda p: (p[0], p[1], p[1], p[2])
        ),
        elements=st.integers(0, 1000),
    ).filter(lambda a: a.min() < a.max())
)
def test_values_stay_and_the_limits_are_their_own(values):
    field = open_field(values)
    np.testing.assert_array_equal(field.values, values)
    assert (field.scaling.low, field.scaling.high) == (values.min(), values.max())
    assert list(field.names) == [str(i) for i in range(len(values))]


def test_three_axes_are_one_channel():
    values = stack()[..., 0]
    np.testing.assert_array_equal(open_field(values).values[..., 0], values)


def test_bytes_are_pictures():
    scaling = open_field(np.full((3, 4, 4), 7, np.uint8)).scaling
    assert (scaling.low, scaling.high) == (0, 255)


@pytest.mark.parametrize("name", ["a.npy", "a.npz", "A.NPY"])
def test_files_hold_what_was_saved(tmp_path, name):
    values = stack()
    with open(tmp_path / name, "wb") as file:
        if name.endswith("z"):
            np.savez(file, values=values, other=np.zeros(3))
        else:
            np.save(file, values)
    field = open_field(tmp_path / name)
    np.testing.assert_array_equal(field.values, values)
    assert set(field.splits) == {"train", "val", "test"}


def test_the_only_array_of_a_file_needs_no_name(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", temperature=stack())
    np.testing.assert_array_equal(open_field(tmp_path / "a.npz").values, stack())


def test_several_arrays_without_the_name_are_listed(tmp_path):
    np.savez(tmp_path / "a.npz", sst=stack(), ice=stack())
    with pytest.raises(
        ValueError, match=r"holds 2 arrays \(ice, sst\) and none is called 'values'"
    ):
        open_field(tmp_path / "a.npz")


@pytest.mark.parametrize(
    ("shape", "hint"),
    [
        ((6, 6), r"one field alone is array\[None\]"),
        ((6, 6, 3), r"one field alone is array\[None\]"),
        ((5, 3, 6, 6), r"channels come last: np\.moveaxis\(array, 1, -1\)"),
        ((5, 6, 7), "crop or resample the fields to squares"),
        ((5, 6, 7, 1), "crop or resample the fields to squares"),
        ((5, 6, 6, 17), "at most 16 channels"),
        ((0, 6, 6), "none of them may be zero"),
        ((5, 6, 6, 1, 1), "add or merge axes"),
    ],
)
def test_another_shape_is_named_with_a_way_to_mend_it(shape, hint):
    with pytest.raises(ValueError, match=rf"shape \({shape[0]}, .*expected \(S, n, n\).*{hint}"):
        open_field(np.zeros(shape))


def test_gaps_are_counted():
    values = stack()
    values[0, 0, 0] = [np.nan, np.inf]
    with pytest.raises(ValueError, match="2 of 288 values are NaN or infinite"):
        open_field(values)


@pytest.mark.parametrize("dtype", [bool, complex, object, "U3", "datetime64[s]"])
def test_what_is_no_number_is_refused(dtype):
    with pytest.raises(ValueError, match="expected integers or floats"):
        open_field(np.zeros((2, 4, 4)).astype(dtype))


def test_constant_fields_are_refused():
    with pytest.raises(ValueError, match="a constant field has nothing to learn"):
        open_field(np.ones((2, 4, 4)))


def test_pickled_objects_are_never_loaded(tmp_path):
    np.save(tmp_path / "a.npy", np.array([[None]]), allow_pickle=True)
    np.savez(tmp_path / "a.npz", values=np.array([[None]]))
    for name in ("a.npy", "a.npz"):
        with pytest.raises(ValueError, match=rf"{name} holds no plain numbers but pickled"):
            open_field(tmp_path / name)


@pytest.mark.parametrize("name", ["a.npy", "a.npz"])
@pytest.mark.parametrize("kept", [0, 40, 300])
def test_a_truncated_file_is_named(tmp_path, name, kept):
    path = tmp_path / name
    np.save(path, stack()) if name == "a.npy" else np.savez(path, values=stack())
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(ValueError, match=rf"{name} .*(truncated or damaged|no NumPy file)"):
        open_field(path)


def test_a_damaged_member_is_named(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, values=stack())
    data = bytearray(path.read_bytes())
    data[400] ^= 255
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"a\.npz cannot be read as a NumPy file"):
        open_field(path)


def test_a_header_that_promises_too_much_is_damage(tmp_path):
    path = tmp_path / "a.npy"
    np.save(path, stack(1, 2, 1))
    path.write_bytes(path.read_bytes().replace(b"(1, 2, 2, 1), }  ", b"(9**9, 2, 2, 1),}"))
    with pytest.raises(ValueError, match=r"a\.npy cannot be read"):
        open_field(path)
