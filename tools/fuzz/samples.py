"""Sound files of every kind that is read, and how each is opened."""

from __future__ import annotations

import csv
import functools
import io
import json
import pickle
import tarfile
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import numpy as np
from PIL import Image

from mamba_diffae import FieldAutoencoder, Observations, open_field
from mamba_diffae.sources import open_picture
from mamba_diffae.training import Run
from tools.fuzz.model_doors import model

Files = Mapping[str, bytes]


@final
@dataclass(frozen=True)
class Sample:
    """Files that are read together.

    Attributes:
        name: Of the kind.
        files: Their bytes by path, in a folder of their own.
        read: Opens them from that folder.
        harmed: Those that may be damaged.
    """

    name: str
    files: Files
    read: Callable[[Path], Any]
    harmed: tuple[str, ...]

    def open(self, folder: Path, changed: Files | None = None) -> Any:
        """Write the files, some of them changed, and read them."""
        for name, content in {**self.files, **(changed or {})}.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return self.read(folder)


def pixels(size: int = 24) -> np.ndarray:
    """A smooth picture, uint8."""
    y, x = np.mgrid[:size, : size + 4] / size
    waves = [np.sin(6 * (k * x + y)) for k in (1, 2, 3)]
    return (127 + 120 * np.stack(waves, -1)).astype(np.uint8)


def _picture(form: str, **options: Any) -> bytes:
    made = io.BytesIO()
    Image.fromarray(pixels()).save(made, form, **options)
    return made.getvalue()


def _single(name: str, content: bytes, read: Callable[[Path], Any]) -> Sample:
    return Sample(name.partition(".")[2], {name: content}, lambda f: read(f / name), (name,))


def _pictures() -> list[Sample]:
    exif = Image.Exif()
    exif[0x0112] = 6
    kinds = {"a.png": ("PNG", {}), "a.jpg": ("JPEG", {"exif": exif}), "a.webp": ("WEBP", {})}
    made = []
    for name, (form, options) in kinds.items():
        content = _picture(form, **options)
        made.append(_single(name, content, lambda path: open_picture(path, 8)))
        made.append(_single(name, content, lambda path: open_field(path.parent, size=8)))
    return made


def _arrays() -> list[Sample]:
    values, plain, packed = (
        np.random.default_rng(0).normal(size=(5, 4, 6)),
        io.BytesIO(),
        io.BytesIO(),
    )
    np.save(plain, values)
    known = {"values": values, "axis_names": ["lat", "lon"], "variables": ["t"], "units": ["K"]}
    known |= {"lat": np.arange(4.0), "lon": np.arange(6.0), "mask": np.ones((4, 6), bool)}
    np.savez_compressed(packed, **known)  # pyright: ignore[reportArgumentType]
    return [
        _single("a.npy", plain.getvalue(), open_field),
        _single("a.npz", packed.getvalue(), open_field),
    ]


def cifar_batch(count: int = 3) -> bytes:
    """A batch as Python 3 would write it."""
    rows = np.resize(np.arange(256, dtype=np.uint8), (count, 3072))
    return pickle.dumps({b"data": rows, b"labels": list(range(count))}, protocol=2)


def _published() -> list[Sample]:
    folder, batch = "cifar-10-batches-py", cifar_batch()
    names = [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]
    cifar = {f"{folder}/{name}": batch for name in names}
    sides = {"train": 2, "test": 2}
    stl = {f"stl10_binary/{s}_X.bin": bytes(n * 96 * 96 * 3) for s, n in sides.items()}
    stl |= {f"stl10_binary/{s}_y.bin": bytes([1, 2]) for s in sides}
    archives = {"cifar-10-python.tar.gz": _packed(cifar)}
    first, labels = f"{folder}/data_batch_1", "stl10_binary/train_y.bin"
    return [
        Sample("cifar10", cifar, lambda f: open_field(f"cifar10:{f}"), (first,)),
        Sample("cifar10.tar.gz", archives, lambda f: open_field(f"cifar10:{f}"), tuple(archives)),
        Sample(
            "stl10", stl, lambda f: open_field(f"stl10:{f}"), (labels, "stl10_binary/test_X.bin")
        ),
    ]


def _packed(files: Files) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return made.getvalue()


def _tables() -> list[Sample]:
    import pandas

    rows = [
        ("time", "lat", "lon", "sst [degC]"),
        *(("2001-01-01", i, 2 * i, 9.5 + i) for i in range(5)),
    ]
    text, parquet = io.StringIO(), io.BytesIO()
    csv.writer(text).writerows(rows)
    pandas.DataFrame(rows[1:], columns=list(rows[0])).to_parquet(parquet)
    plain = text.getvalue().encode()
    by_time = functools.partial(Observations.from_table, time="time")
    return [
        _single("a.csv", plain, Observations.from_table),
        _single("a.csv", plain, by_time),
        _single("a.tsv", plain.replace(b",", b"\t"), by_time),
        _single("a.parquet", parquet.getvalue(), by_time),
    ]


def _data_sets() -> list[Sample]:
    import xarray

    values = np.random.default_rng(0).normal(290, 1, (4, 5, 6))
    coords = {"time": np.arange(4.0), "lat": np.linspace(-20, 20, 5), "lon": np.arange(6.0) * 10}
    data = xarray.Dataset({"sst": (("time", "lat", "lon"), values, {"units": "K"})}, coords)
    data["time"].attrs["units"] = "days since 2001-01-01"
    packed = {"dtype": "i2", "scale_factor": 0.001, "add_offset": 290.0, "_FillValue": -32768}
    read = functools.partial(open_field, variable="sst", snapshot_dim="time")
    made = []
    with tempfile.TemporaryDirectory() as folder:
        for form in ("NETCDF3_CLASSIC", "NETCDF4"):
            path = Path(folder, f"{form}.nc")
            data.to_netcdf(path, format=form, encoding={"sst": packed})
            made.append(_single(path.name, path.read_bytes(), read))
        store = Path(folder, "a.zarr")
        data.to_zarr(store, encoding={"sst": packed})
        files = _files_of(store, "a.zarr/")
        harmed = tuple(files)
        made.append(Sample("zarr", files, lambda f: read(f / "a.zarr"), harmed))
    return made


def _files_of(folder: Path, before: str = "") -> dict[str, bytes]:
    found = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {before + path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def _models() -> list[Sample]:
    with tempfile.TemporaryDirectory() as folder:
        model().save_pretrained(Path(folder, "model"))
        files = _files_of(Path(folder, "model"))
    facts = {"task": "fields", "format": 1, "source": "emoji", "settings": {}, "elapsed": {}}
    run = {"run.json": json.dumps(facts).encode(), "metrics.jsonl": b'{"step": 1}\n{"step": 2}\n'}
    load = functools.partial(FieldAutoencoder.from_pretrained, device="cpu")
    return [
        Sample("model", files, load, tuple(n for n in files if not n.endswith(".md"))),
        Sample("run", run, lambda f: Run.open(f).metrics(), tuple(run)),
    ]


PLAIN = (_pictures, _arrays, _published, _tables, _data_sets)
"""What makes samples without a model."""
MAKERS = (*PLAIN, _models)


@functools.cache
def samples(make: Callable[[], list[Sample]]) -> tuple[Sample, ...]:
    """Those of one maker, made once."""
    return tuple(make())
