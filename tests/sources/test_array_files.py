"""Files of NumPy: what they hold, what they say of it, damage, and what is larger than memory."""

import io
import zipfile

import numpy as np
import pytest

from mamba_diffae.sources import memory, open_field


def stack(count=4, n=6, channels=2):
    rng = np.random.default_rng(0)
    return (rng.normal(size=(count, n, n, channels)) * 50).astype(np.float32)


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
    assert type(field.values) is np.ndarray


def test_the_only_array_of_a_file_needs_no_name(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", temperature=stack())
    np.testing.assert_array_equal(open_field(tmp_path / "a.npz").values, stack())


@pytest.mark.parametrize("key", ["mask", "valid"])
def test_a_file_may_say_what_it_holds(tmp_path, key):
    sea = np.ones((6, 6), bool)
    sea[0, :2] = False
    np.savez(
        tmp_path / "a.npz",
        **{"values": stack(), key: sea, "lat": np.arange(10, 16), "variables": ["u", "v"]},
        axis_names=["depth", "lat"],
        units=["m/s", "m/s", "m", "degrees_north"],
        periodic=["depth"],
    )
    field = open_field(tmp_path / "a.npz")
    assert [(v.name, v.unit) for v in field.variables] == [("u", "m/s"), ("v", "m/s")]
    assert [(a.name, a.unit, a.periodic) for a in field.grid.axes] == [
        ("depth", "m", True),
        ("lat", "degrees_north", False),
    ]
    np.testing.assert_array_equal(field.grid.axes[1].centres, np.arange(10, 16))
    np.testing.assert_array_equal(field.grid.mask, sea)


def save_globe(path, lat=6, lon=8, **others):
    values = np.random.default_rng(0).normal(size=(4, lat, lon)).astype(np.float32)
    np.savez(path, values=values, lat=np.arange(lat) * 10.0, lon=np.arange(lon) * 10.0, **others)


def test_coordinates_that_fit_in_one_way_are_used_and_that_is_said(tmp_path):
    save_globe(tmp_path / "a.npz", time=np.arange(4.0), t=np.zeros((4, 6, 8)))
    with pytest.warns(UserWarning, match="lat, lon fit them in this order only") as said:
        field = open_field(tmp_path / "a.npz")
    assert field.grid.names == ("lat", "lon")
    assert field.grid.axes[0].is_latitude
    assert any("not used: t, time." in str(w.message) for w in said)


def test_coordinates_that_fit_in_two_ways_are_named_and_not_used(tmp_path):
    save_globe(tmp_path / "a.npz", 6, 6)
    with pytest.warns(UserWarning, match=r"not used: lat, lon\. lat, lon fit the axes in 2 ways"):
        field = open_field(tmp_path / "a.npz")
    assert field.grid.names == ("y", "x")


@pytest.mark.parametrize("variables", [["u"], ["u", "v"]])
def test_coordinates_are_told_from_variables(tmp_path, variables):
    values, depth = stack()[:, 0, :, : len(variables)], np.arange(6) * 10.0
    np.savez(tmp_path / "a.npz", values=values, depth=depth, variables=variables)
    with pytest.warns(UserWarning, match="coordinates depth fit"):
        field = open_field(tmp_path / "a.npz")
    assert (field.grid.names, field.n_variables) == (("depth",), len(variables))


def test_a_file_with_both_masks_is_refused(tmp_path):
    mask = np.ones((6, 6), bool)
    np.savez(tmp_path / "a.npz", values=stack(), mask=mask, valid=mask)
    with pytest.raises(ValueError, match=r"a\.npz holds both 'mask' and 'valid'"):
        open_field(tmp_path / "a.npz")


def test_several_arrays_without_the_name_are_listed(tmp_path):
    np.savez(tmp_path / "a.npz", sst=stack(), ice=stack())
    with pytest.raises(
        ValueError, match=r"holds 2 arrays \(ice, sst\) and none is called 'values'"
    ):
        open_field(tmp_path / "a.npz")


def test_errors_of_the_array_name_the_file(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((0, 4, 4)))
    with pytest.raises(ValueError, match=r"a\.npy has shape \(0, 4, 4\)"):
        open_field(tmp_path / "a.npy")


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


def promising(values):
    """A .npy file whose header promises more than there is."""
    file = io.BytesIO()
    np.save(file, values)
    return file.getvalue().replace(b"(1, 2, 2, 1), }  ", b"(9**9, 2, 2, 1),}")


def test_a_header_that_promises_too_much_is_damage(tmp_path):
    (tmp_path / "a.npy").write_bytes(promising(stack(1, 2, 1)))
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("values.npy", promising(stack(1, 2, 1)))
    for name in ("a.npy", "a.npz"):
        with pytest.raises(ValueError, match=rf"{name} cannot be read"):
            open_field(tmp_path / name)


@pytest.mark.parametrize("name", ["a.npy", "a.npz"])
def test_what_does_not_fit_into_memory_is_not_read(tmp_path, monkeypatch, name):
    path = tmp_path / name
    np.save(path, stack(900)) if name == "a.npy" else np.savez(path, values=stack(900))
    monkeypatch.setattr(memory, "_free", lambda: iter([10**9, 1000]))
    with pytest.raises(ValueError, match=rf"{name} holds 0\.0 GB .*, and 0\.0 GB are free"):
        open_field(path)


def test_the_size_and_the_need_are_said():
    with pytest.raises(ValueError, match=r"x holds 1000000\.0 GB and needs about"):
        memory.check_memory(10**15, "x")


def test_a_system_that_says_nothing_of_its_memory_refuses_nothing(monkeypatch):
    monkeypatch.setattr(memory, "_lines", lambda _: {})
    monkeypatch.setattr(memory, "_number", lambda _: None)
    memory.check_memory(10**15, "x")


def test_what_is_free_is_known_on_this_system():
    assert all(free > 10**6 for free in memory._free())


def test_a_negative_length_in_a_header_is_damage(tmp_path):
    header = {"descr": "<f4", "fortran_order": False, "shape": (-1, 8, 8)}
    with (tmp_path / "a.npy").open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        file.write(bytes(100))
    with pytest.raises(ValueError, match=r"a\.npy cannot be read as a NumPy file"):
        open_field(tmp_path / "a.npy")


@pytest.mark.parametrize("name", ["lat", "variables"])
def test_the_memory_of_small_arrays_is_asked_too(tmp_path, monkeypatch, name):
    path = tmp_path / "bomb.npz"
    np.savez_compressed(path, values=stack(), **{name: np.zeros(2_000_000)})
    monkeypatch.setattr(memory, "_free", lambda: iter([10_000_000]))
    with pytest.raises(ValueError, match=rf"array '{name}', holds 0\.0 GB and needs about"):
        open_field(path)


def test_a_header_that_is_no_text_of_python_is_damage(tmp_path):
    np.save(tmp_path / "a.npy", stack(5, 8, 8))
    content = (tmp_path / "a.npy").read_bytes()
    (tmp_path / "a.npy").write_bytes(content.replace(b"{'descr'", b"(((((((("))
    with pytest.raises(ValueError, match=r"a\.npy cannot be read as a NumPy file"):
        open_field(tmp_path / "a.npy")
