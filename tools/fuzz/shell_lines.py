"""The shell, in this process: lines of any options on sound, damaged and missing files."""

from __future__ import annotations

import io
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from contextlib import chdir, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import numpy as np
from hypothesis import strategies as st

from mamba_diffae.cli.commands import main
from tools.fuzz.arrays import NAMES, UNITS, mostly, seeds
from tools.fuzz.files import YAML, harm
from tools.fuzz.model_doors import SETTINGS, fields, model
from tools.fuzz.samples import pixels
from tools.fuzz.verdict import Call

WORDS = (
    *(
        "0",
        "1",
        "2",
        "-1",
        "0.2",
        "1.5",
        "nan",
        "inf",
        "1e400",
        "99999999999999999999",
        "",
        "x",
        "a b",
    ),
    *(
        "8,12",
        "8,x",
        ",",
        "0.1,0.9",
        "0.9,0.1",
        "random",
        "track",
        "lat=4",
        "lat=4,lon=4",
        "z=1",
        "--",
    ),
    *(
        "sst",
        "v",
        "time",
        "sst,v",
        "cpu",
        "tpu",
        "heun",
        "latent",
        "none",
        "all",
        "flow",
        "tiny",
        "[b]",
    ),
    *(n for n in NAMES[:30] if "\x00" not in n and len(n) < 99),
    *UNITS[:8],
)
FEW = (
    *("--preset", "tiny", "--set", "model.d_model=16", "--set", "autoencoder.steps=1"),
    *("--set", "ensemble.steps=1", "--set", "latent.steps=1", "--set", "data.encodings=1"),
    *("--set", "autoencoder.batch_size=2", "--set", "ensemble.batch_size=2", "--device", "cpu"),
)
OPTIONS = {
    "fit": (
        *(
            "--variable",
            "--snapshot-dim",
            "--noise",
            "--quality",
            "--covariate",
            "--window",
            "--phase",
        ),
        *("--layout", "--architecture", "--preset", "--set", "--native-size", "--seed", "--device"),
    ),
    "predict": (
        *("--like", "--at", "--fraction", "--pattern", "--size", "--decoder-inputs", "--draws"),
        *(
            "--realization",
            "--quantiles",
            "--solver",
            "--steps",
            "--seed",
            "--device",
            "--variable",
        ),
    ),
    "evaluate": ("--scales", "--fraction", "--pattern", "--seed", "--count", "--source", "--json"),
    "verify": ("--by", "--folds", "--count", "--draws", "--variable", "--snapshot-dim", "--seed"),
    "place": ("-n", "--candidates", "--existing", "--min-distance", "--noise", "--seed"),
    "sample": ("--n", "--size", "--seed", "--steps"),
    "interpolate": ("--size", "--frames", "--seed"),
    "edit": ("--attribute", "--amount", "--seed"),
    "report": ("--out",),
}


@dataclass(frozen=True)
class Outcome:
    """What a line left: exit code, what it wrote, a traceback if one got through."""

    code: int
    out: str
    trace: str = ""


def prepared(folder: Path) -> None:
    """A model, a table, fields and pictures to name."""
    data = fields(6, seed=4)
    model().save_pretrained(folder / "model")
    known = {"axis_names": ["lat", "lon"], "variables": ["sst", "v"]}
    known |= {axis.name: axis.centres for axis in data.grid.axes}
    values = np.nan_to_num(data.values, nan=15)
    np.savez(folder / "fields.npz", values=values, **known)  # pyright: ignore[reportArgumentType]
    np.save(folder / "plain.npy", np.random.default_rng(0).normal(size=(4, 6, 7)))
    rows = ["lat,lon,sst,v", *(f"{i * 3},{i * 5},{10 + i},{12 - i}" for i in range(8))]
    (folder / "stations.csv").write_text("\n".join(rows))
    (folder / "damaged.csv").write_bytes(harm("\n".join(rows).encode(), 3))
    from PIL import Image

    (folder / "pictures").mkdir()
    for i in range(3):
        Image.fromarray(np.roll(pixels(), i)).save(folder / "pictures" / f"{i}.png")
    (folder / "empty").mkdir()
    (folder / "damaged.npz").write_bytes(harm((folder / "fields.npz").read_bytes(), 5))


PLACES = (
    *(
        "fields.npz",
        "fields.npz",
        "stations.csv",
        "plain.npy",
        "pictures",
        "pictures/0.png",
        "model",
    ),
    *("damaged.csv", "damaged.npz", "missing.nc", "empty", "emoji-97", "gaussian:smooth:6", "."),
    *(
        "gaussian:smooth:0",
        "hf:",
        "cifar10:empty",
        "fronts:x",
        "~nobody/x",
        "a:b:c",
        "fields.npz/x",
    ),
)
OUTS = (
    "out.png",
    "out.npz",
    "out.csv",
    "out.nc",
    "out.zarr",
    "out.txt",
    "out",
    "fields.npz/out.png",
    "",
)


@st.composite
def lines(draw: st.DrawFn) -> Call:
    """One command, mostly with what it needs, and some options of its own or of others."""
    command = draw(
        mostly(st.sampled_from(list(OPTIONS)), st.sampled_from(["", "demo2", "--help"]), 20)
    )
    typed = [command, *draw(_needed(command))]
    for _ in range(draw(st.integers(0, 2))):
        option = draw(
            mostly(
                st.sampled_from(OPTIONS.get(command, ("--x",))), st.sampled_from(["--x", "-q"]), 12
            )
        )
        typed += [option, draw(_value(option))]
    if command == "fit":
        typed += FEW
    return Call("shell", " ".join(map(repr, typed)), lambda: typed_in(typed), _told_well)


def _value(option: str) -> st.SearchStrategy[str]:
    if option == "--set":
        return st.tuples(st.sampled_from(SETTINGS), st.sampled_from([*YAML, *WORDS])).map("=".join)
    if option in ("--like", "--at", "--layout", "--candidates", "--existing", "--source"):
        return st.sampled_from(PLACES)
    if option == "--json":
        return st.sampled_from(["scores.json", "model", ""])
    return st.sampled_from(WORDS)


@st.composite
def _needed(draw: st.DrawFn, command: str) -> list[str]:
    place = draw(st.sampled_from(PLACES))
    net = draw(mostly("model", st.sampled_from(PLACES), 8))
    out = draw(st.sampled_from(OUTS))
    if draw(st.integers(0, 14)) == 0:
        return []
    needed = {
        "fit": [
            draw(mostly(st.sampled_from(PLACES[:6]), st.just(place), 3)),
            "--run",
            draw(mostly("run", st.just(place), 4)),
        ],
        "predict": [place, "--model", net, "--out", out],
        "evaluate": ["--model", net, "--source", place],
        "verify": [place, "--model", net],
        "place": ["--model", net, "-n", "1", "--out", out],
        "sample": ["--model", net, "--out", out],
        "interpolate": ["0", place, "--model", net, "--out", out],
        "edit": [str(draw(seeds) % 9), "--model", net, "--out", out],
        "report": ["--model", net],
    }
    return needed.get(command, [])


def typed_in(typed: list[str]) -> Outcome:
    """Run the shell in this process, in a new folder with all that lines name."""
    out = io.StringIO()
    with _in_new_folder() as folder:
        prepared(folder)
        with (
            redirect_stdout(out),
            redirect_stderr(out),
            patch.object(sys, "argv", ["mamba-diffae", *typed]),
        ):
            code, trace = _ended(main)
    return Outcome(code, out.getvalue(), trace)


@contextmanager
def _in_new_folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="fuzz-") as name, chdir(name):
        yield Path(name)


def _ended(run: Callable[[], None]) -> tuple[int, str]:
    try:
        run()
    except SystemExit as end:
        return (end.code if isinstance(end.code, int) else int(end.code is not None)), ""
    except Exception as error:
        return 1, "".join(traceback.format_exception(error)[-5:])
    return 0, ""


def _told_well(end: Outcome) -> str | None:
    """What is wrong with how a line ended: a traceback, a code without a word."""
    if end.trace:
        return f"a traceback: {end.trace[-600:]}"
    if end.code not in (0, 2):
        return f"exit code {end.code}: {end.out[-300:]}"
    if end.code == 2 and len(end.out.strip()) < 20:
        return f"exit code 2 with no more than {end.out!r}"
    if "nan" in end.out.lower().split() and end.code == 0:
        return f"nan was printed: {end.out[-300:]}"
    return None
