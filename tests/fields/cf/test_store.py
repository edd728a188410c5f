"""Regions written one after the other are the whole, also after a stop at any moment."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

from mamba_diffae.fields import CoordinateError, FieldError
from mamba_diffae.fields.cf import store as stores
from mamba_diffae.fields.cf.store import Region, RegionStore

SIZES: dict[Hashable, int] = {"time": 4, "y": 6}
PARTS: dict[str, Region] = {
    f"{t} {y}": {"time": slice(t, t + 2), "y": slice(y, y + 3)} for t in (0, 2) for y in (0, 3)
}


def whole() -> xr.Dataset:
    rng = np.random.default_rng(0)
    day = np.datetime64("2001-01-01", "ns") + np.arange(4) * np.timedelta64(1, "D")
    return xr.Dataset(
        {
            "sst": (("time", "y", "x"), rng.normal(size=(4, 6, 5)).astype("f4")),
            "familiarity": ("time", rng.random(4).astype("f4")),
        },
        {"time": day, "y": np.arange(6.0), "x": np.arange(5.0)},
    )


def described(told: xr.Dataset) -> xr.Dataset:
    """With coordinates, bounds that are dates, and names that are lazy, as targets bring them."""
    time = whole().time.values
    bounds = (("time", "nv"), np.stack([time, time + np.timedelta64(1, "D")], axis=1))
    lazy = xr.DataArray(np.arange(30.0).reshape(6, 5), dims=("y", "x")).chunk(y=2)
    return told.assign_coords(whole().coords).assign_coords(depth=lazy).assign(time_bnds=bounds)


def opened(path: Path, request: Any = "the same", overwrite: bool = False) -> RegionStore:
    return RegionStore(path, {"request": request}, overwrite=overwrite)


def fill(store: RegionStore, names: list[str], gaps: tuple[str, ...] = ()) -> None:
    for name in names:
        region = PARTS[name]
        part = None if name in gaps else whole().isel(region)
        if part is not None:
            store.begin(part, region, SIZES, described)
        store.write(part, region, name)


def read(path: Path) -> xr.Dataset:
    with xr.open_dataset(path, engine="zarr" if path.suffix == ".zarr" else "netcdf4") as data:
        return data.load()


@pytest.mark.parametrize("ending", [".nc", ".zarr"])
def test_all_regions_are_the_whole_with_what_the_targets_bring(tmp_path, ending):
    out = tmp_path / f"f{ending}"
    with opened(out) as store:
        fill(store, list(PARTS))
        store.finish()
    xr.testing.assert_equal(read(out), described(whole()).compute())
    assert read(out).familiarity.dtype == read(out).sst.dtype == np.float32
    assert [p.name for p in tmp_path.iterdir()] == [out.name]


@pytest.mark.parametrize("stop", range(5))
@pytest.mark.parametrize("gaps", [(), ("0 0", "0 3"), ("2 3",)])
def test_a_stop_between_any_two_regions_changes_nothing(tmp_path, stop, gaps):
    out, names = tmp_path / "f.zarr", list(PARTS)
    fill(opened(out), names[:stop], gaps)
    again = opened(out)
    fill(again, [name for name in names if name not in again.done], gaps)
    again.finish()
    right = whole()
    for name in gaps:
        right.sst[tuple(PARTS[name].values())] = np.nan
    np.testing.assert_array_equal(read(out).sst, right.sst)


def test_a_stop_in_the_last_steps_is_gone_on_with(tmp_path, monkeypatch):
    out = tmp_path / "f.zarr"
    store = opened(out)
    fill(store, list(PARTS))
    with monkeypatch.context() as patch:
        patch.setattr(stores.RegionStore, "_remove", killed)
        with pytest.raises(KeyboardInterrupt), store:
            store.finish()
    again = opened(out, overwrite=True)
    assert not again.done
    fill(again, list(PARTS))
    again.finish()
    np.testing.assert_array_equal(read(out).sst, whole().sst)


def killed(*_: Any, **__: Any) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("ending", [".nc", ".zarr"])
def test_what_a_kill_left_beside_the_whole_goes_when_it_is_asked_again(
    tmp_path, ending, monkeypatch
):
    out = tmp_path / f"f{ending}"
    store = opened(out)
    fill(store, list(PARTS))
    with monkeypatch.context() as patch:
        patch.setattr(stores.RegionStore, "_remove", killed)
        with pytest.raises(KeyboardInterrupt):
            store.finish()
    store._owner._handle.close()  # as the system does, the file staying
    assert len(list(tmp_path.iterdir())) == 3
    with pytest.raises(FieldError, match="exists; give overwrite"):
        opened(out)
    assert list(tmp_path.iterdir()) == [out]
    np.testing.assert_array_equal(read(out).sst, whole().sst)


def test_a_refusal_leaves_what_another_run_is_to_replace_it_with(tmp_path):
    out = tmp_path / "f.nc"
    out.write_text("old")
    with opened(out, overwrite=True) as store:
        fill(store, ["0 0"])
    with pytest.raises(FieldError, match="exists; give overwrite"):
        opened(out)
    assert opened(out, overwrite=True).done == {"0 0"}


def test_a_file_that_is_written_but_not_in_its_place_is_moved_there(tmp_path, monkeypatch):
    out = tmp_path / "f.nc"
    with monkeypatch.context() as patch:
        patch.setattr(stores, "move_into_place", killed)
        with opened(out) as store:
            fill(store, list(PARTS))
            with pytest.raises(KeyboardInterrupt):
                store.finish()
    with opened(out) as again:
        assert again.done == set(PARTS)
        again.finish()
    np.testing.assert_array_equal(read(out).sst, whole().sst)
    assert list(tmp_path.iterdir()) == [out]


def test_what_is_half_laid_out_or_half_removed_is_begun_anew(tmp_path, monkeypatch):
    out = tmp_path / "f.zarr"

    def half(self: xr.Dataset, path: Path, **_: Any) -> None:
        path.mkdir()
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(xr.Dataset, "to_zarr", half)
        with pytest.raises(KeyboardInterrupt):
            fill(opened(out), ["0 0"])
    fill(opened(out), ["0 0"])

    with monkeypatch.context() as patch:
        patch.setattr(stores.shutil, "rmtree", killed)
        with pytest.raises(KeyboardInterrupt):
            opened(out, "another")
    assert not opened(out).done


def test_nothing_but_gaps_is_refused_and_leaves_nothing(tmp_path):
    with opened(tmp_path / "f.nc") as store:
        fill(store, list(PARTS), tuple(PARTS))
        with pytest.raises(CoordinateError, match="cell that exists"):
            store.finish()
    assert not list(tmp_path.iterdir())


def write_for_ever(out: Path, begun: Any) -> None:
    with opened(out) as store:
        fill(store, [])
        begun.set()
        time.sleep(600)


def test_a_second_process_is_refused_until_the_first_has_ended(tmp_path):
    out, context = tmp_path / "f.zarr", multiprocessing.get_context("fork")
    fill(opened(out), ["0 0"])
    begun = context.Event()
    other = context.Process(target=write_for_ever, args=(out, begun), daemon=True)
    other.start()
    try:
        assert begun.wait(60)
        with pytest.raises(FieldError, match=f"f.zarr is being written already, .*{other.pid}"):
            opened(out)
    finally:
        other.kill()
        other.join()
    with opened(out) as store:
        assert store.done == {"0 0"}
        with pytest.raises(FieldError, match="being written already"):
            opened(out)
        with opened(tmp_path / "g.zarr"):
            pass
    assert not list(tmp_path.glob(".lock-*"))


def test_a_store_that_cannot_be_opened_leaves_no_lock(tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(stores, "atomic_file", None)
        with pytest.raises(TypeError):
            opened(tmp_path / "f.zarr")
    assert not list(tmp_path.iterdir())
