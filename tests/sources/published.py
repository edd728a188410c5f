"""A picture, an array; CIFAR-10 and STL-10 as they are published, but of a few pictures."""

import io
import struct
import tarfile
from pathlib import Path

import numpy as np
from PIL import Image

CIFAR_LABELS = np.array([3, 9, 0, 7, 5, 1])
"""Labels of the pictures of each batch; their names begin with cat, truck, airplane."""


def picture(width, height, seed=0):
    """A random RGB picture."""
    pixels = np.random.default_rng((seed, width, height)).integers(0, 256, (height, width, 3))
    return Image.fromarray(pixels.astype(np.uint8))


def stack(*shape, dtype: type | str = np.float32) -> np.ndarray:
    """Random numbers about 0."""
    return (np.random.default_rng(0).normal(size=shape) * 50).astype(dtype)


class Python2Pickle:
    """Protocol 2 as Python 2 wrote it: text as byte strings, everything kept in the memo."""

    def __init__(self, value):
        self.bytes, self.places = bytearray(b"\x80\x02"), 0
        self.put(value)
        self.bytes += b"."

    def memo(self):
        n = self.places
        self.bytes += b"q" + bytes([n]) if n < 256 else b"r" + struct.pack("<I", n)
        self.places += 1

    def put(self, value):
        if isinstance(value, int):
            kind, form = (
                ("K", "<B") if value < 256 else ("M", "<H") if value < 65536 else ("J", "<i")
            )
            self.bytes += kind.encode() + struct.pack(form, value)
            return
        if isinstance(value, np.ndarray):
            self.array(value)
            return
        if isinstance(value, dict):
            self.bytes += b"}"
            self.memo()
            self.bytes += b"("
            for item in value.items():
                self.put(item[0])
                self.put(item[1])
            self.bytes += b"u"
            return
        if isinstance(value, list):
            self.bytes += b"]"
            self.memo()
            self.bytes += b"("
            for item in value:
                self.put(item)
            self.bytes += b"e"
            return
        data = value.encode() if isinstance(value, str) else value
        short = len(data) < 256
        self.bytes += b"U" + bytes([len(data)]) if short else b"T" + struct.pack("<i", len(data))
        self.bytes += data
        self.memo()

    def array(self, values):
        for name in (b"cnumpy.core.multiarray\n_reconstruct\n", b"cnumpy\nndarray\n"):
            self.bytes += name
            self.memo()
        self.bytes += b"K\x00\x85"
        self.memo()
        self.put("b")
        for opcode in (b"\x87", b"R"):
            self.bytes += opcode
            self.memo()
        self.bytes += b"(K\x01"
        for length in values.shape:
            self.put(length)
        self.bytes += {1: b"\x85", 2: b"\x86"}[values.ndim]
        self.memo()
        self.bytes += b"cnumpy\ndtype\n"
        self.memo()
        self.put(f"{values.dtype.kind}{values.dtype.itemsize}")
        self.bytes += b"K\x00K\x01\x87"
        self.memo()
        self.bytes += b"R"
        self.memo()
        self.bytes += b"(K\x03"
        self.put("|")
        self.bytes += b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00t"
        self.memo()
        self.bytes += b"b\x89"
        self.put(values.tobytes())
        self.bytes += b"t"
        self.memo()
        self.bytes += b"b"


def smooth_pictures(count, size, seed):
    """Waves in three colours, shape (count, size, size, 3), uint8."""
    rng = np.random.default_rng(seed)
    y, x = (np.mgrid[:size, :size] + 0.5) / size
    kx, ky, phase = rng.uniform(-2, 2, (3, count, 1, 1, 3))
    waves = np.sin(2 * np.pi * (kx * x[..., None] + ky * y[..., None] + phase))
    return np.rint(127 + 120 * waves).astype(np.uint8)


def cifar_batch(pictures, labels, name="training batch 1 of 5"):
    """What a batch holds, before it is pickled."""
    rows = np.ascontiguousarray(pictures.transpose(0, 3, 1, 2)).reshape(len(pictures), -1)
    files = [f"picture_s_{i:06d}.png" for i in range(len(pictures))]
    return {"batch_label": name, "labels": labels.tolist(), "data": rows, "filenames": files}


def cifar_files(count=6):
    """The files of cifar-10-batches-py by name, and the pictures of each batch."""
    names = [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]
    pictures = {name: smooth_pictures(count, 32, seed) for seed, name in enumerate(names)}
    labels = np.resize(CIFAR_LABELS, count)
    files = {n: Python2Pickle(cifar_batch(p, labels, n)).bytes for n, p in pictures.items()}
    meta = {"num_cases_per_batch": count, "label_names": ["airplane"], "num_vis": 3072}
    files |= {"batches.meta": Python2Pickle(meta).bytes, "readme.html": b"<html></html>"}
    return files, pictures


def stl_files(train=6, test=4):
    """The files of stl10_binary by name, and the pictures of each split."""
    pictures = {"train": smooth_pictures(train, 96, 0), "test": smooth_pictures(test, 96, 1)}
    files = {"class_names.txt": b"airplane\nbird\n", "fold_indices.txt": b"0 1\n"}
    for split, values in pictures.items():
        files[f"{split}_X.bin"] = values.transpose(0, 3, 2, 1).tobytes()  # column by column
        files[f"{split}_y.bin"] = bytes(i % 10 + 1 for i in range(len(values)))
    files["unlabeled_X.bin"] = smooth_pictures(2, 96, 2).transpose(0, 3, 2, 1).tobytes()
    return files, pictures


def unpack(folder: Path, files):
    """The files in a folder."""
    folder.mkdir(parents=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return folder


def pack(path: Path, folder, files, extra=()):
    """The files as an archive, in no particular order, as the published ones are."""
    with tarfile.open(path, "w:gz") as archive:
        top = tarfile.TarInfo(folder)
        top.type, top.mode = tarfile.DIRTYPE, 0o755
        archive.addfile(top)
        for entry in extra:
            archive.addfile(entry)
        for name, data in sorted(files.items(), key=lambda item: item[0][::-1]):
            entry = tarfile.TarInfo(f"{folder}/{name}")
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return path
