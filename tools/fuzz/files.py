"""The door of files: sound ones with a few bytes cut off, changed, doubled or removed."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from mamba_diffae import FieldData, Observations
from mamba_diffae.cli.options import parse_settings
from tools.fuzz.arrays import mostly, names, seeds
from tools.fuzz.samples import MAKERS, PLAIN, Sample, samples
from tools.fuzz.verdict import Call

TOKENS = (
    *(
        b"\x00",
        b"\xff",
        b"nan",
        b"NaN",
        b"inf",
        b"-1",
        b"1e999",
        b"null",
        b"99999999999",
        b"{}",
        b"[]",
    ),
    *(b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\x00\x00\x00\x00", b",", b"\n", b'"', b"\xc3"),
)
YAML = (
    *("1", "[1, 2", "{a: 1", "&a [*a]", "!!python/object/apply:os.system ['true']", "!!binary x"),
    *("2001-01-01", "? a", "- - -", "a: b: c", "\t", "!!float x", "1_000", ".nan", ".inf", "0x_"),
    *("[" * 2000, "!!timestamp 9999-99-99", "!!int ''", "2001-99-01", "=", "<<: 1", "!!set {a}"),
)


def harm(content: bytes, seed: int) -> bytes:
    """The same bytes with some damage, which the seed names.

    >>> harm(b"abcdef", 1) == harm(b"abcdef", 1)
    True
    """
    rng, data = random.Random(seed), bytearray(content)
    for _ in range(rng.choice([1, 1, 1, 2, 5, 20])):
        at = (
            rng.randrange(len(data) + 1)
            if rng.random() < 0.6
            else rng.randrange(min(len(data), 200) + 1)
        )
        kind = rng.randrange(7)
        if kind == 0:
            del data[at:]
        elif kind == 1 and at < len(data):
            data[at] ^= 1 << rng.randrange(8)
        elif kind == 2 and at < len(data):
            data[at] = rng.randrange(256)
        elif kind == 3:
            del data[at : at + rng.choice([1, 2, 4, 64])]
        elif kind == 4:
            data[at:at] = data[at : at + rng.choice([1, 4, 64])]
        elif kind == 5:
            data[at:at] = rng.choice(TOKENS)
        else:
            token = rng.choice(TOKENS)
            data[at : at + len(token)] = token
    return bytes(data)


@st.composite
def damaged_files(draw: st.DrawFn, makers: Sequence[Callable] = MAKERS) -> Call:
    """A file, or a folder of files, one of which is damaged."""
    sample = draw(st.sampled_from(samples(draw(st.sampled_from(list(makers))))))
    name, seed = draw(st.sampled_from(sample.harmed)), draw(seeds)
    told = f"{sample.name}: {name} harmed by seed {seed}"
    changed = {name: harm(sample.files[name], seed)}
    return Call(f"file {sample.name}", told, lambda: read(sample, changed), sound)


def read(sample: Sample, changed: dict[str, bytes]) -> Any:
    """What a sample with other bytes is read as."""
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        return sample.open(Path(folder), changed)


def sound(found: Any) -> str | None:
    """What is wrong with what was read, or None."""
    import numpy as np

    if isinstance(found, FieldData):
        parts = {"values": found.values, "centres": found.grid.centres()}
        parts["limits"] = np.array([v.limits for v in found.variables])
    elif isinstance(found, Observations):
        parts = {"values": found.values.numpy(), "coords": found.coords.numpy()}
    else:
        return None
    bad = [name for name, part in parts.items() if not np.isfinite(part).all()]
    return f"{', '.join(bad)} not finite" if bad else None


@st.composite
def setting_texts(draw: st.DrawFn) -> Call:
    """What follows `--set`."""
    value = draw(st.sampled_from(YAML) | st.text(max_size=12))
    name = draw(mostly("model.d_model", st.sampled_from([".", "a.", ".b", "model"]) | names, 3))
    text = draw(mostly(f"{name}={value}", st.sampled_from([value, f"{name}{value}"])))
    return Call("--set", repr(text)[:160], lambda: parse_settings([text]), lambda found: None)


FILE_DOORS = (damaged_files(), setting_texts())
PLAIN_FILE_DOORS = (damaged_files(PLAIN), setting_texts())
