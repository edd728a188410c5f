"""First steps and how-to pages run as they stand, Python first, then the lines of the shell.

So do the lines of the shell on all other pages, but for `LEFT_OUT`. What takes minutes is made
smaller, as `SMALLER` says.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from PIL import Image

from mamba_diffae.models import config
from mamba_diffae.sources import weather_dataset
from tests.cli.conftest import type_in
from tools.run_pages import alike, run_python, shell_lines

ROOT = Path(__file__).resolve().parents[2]
FIRST = ("pictures", "fields", "machines")
HOW_TO = tuple(sorted(path.stem for path in (ROOT / "docs" / "how_to").glob("*.md")))
PAGES = [f"first_steps/{n}" for n in FIRST] + [f"how_to/{n}" for n in HOW_TO]
PHASES = ("autoencoder", "ensemble", "flow", "latent")
BRIEF = {"model.d_model": 16, "data.encodings": 1, "data.exemplars": 16}
BRIEF |= {f"{phase}.{name}": n for phase in PHASES for name, n in (("steps", 2), ("batch_size", 4))}
"""Settings of a short training; what a line sets itself stays, but for the steps."""
SMALLER = {
    "fit": "--preset tiny",
    "evaluate": "--count 2",
    "verify": "--folds 2 --count 2 --draws 4",
    "predict": "",
    "place": "",
    "report": "",
    "sample": "--n 4",
    "interpolate": "--frames 2",
    "edit": "",
}
"""What a command is also given, so that it takes seconds: the last of an option counts."""
OTHER = {
    "README.md": (),
    "docs/latent.md": ("fit pictures --run runs/mine",),
    "docs/sensor_placement.md": ("fit sst.nc --snapshot-dim time --run runs/t2m",),
    "docs/training.md": (),
    "docs/verification.md": (
        "fit sst.nc --snapshot-dim time --run runs/sst",
        "fit stations.csv --snapshot-dim date --variable sst --run runs/stations",
    ),
    "docs/windows.md": (),
}
"""Pages whose lines of the shell run on made-up files, and what has been done before."""
LEFT_OUT = {
    "mamba-diffae experiment ": "studies take minutes; tests/studies runs them",
    "mamba-diffae studio": "a server; tests/studio runs it",
    "accelerate launch ": "several processes; tests/training/loop/test_processes.py starts some",
    "make": "make demo takes ten minutes, make test runs this",
    "pip install ": "it would change the environment",
    "python -m tools.chaos": "half an hour; tests/tools/test_chaos.py disturbs a few times",
    "python -m tools.fuzz": "minutes; tests/tools/test_fuzz.py runs a hundred inputs",
    "python tools/flat_memory.py ": "an hour; tests/tools/test_flat_memory.py runs a few steps",
    "python tools/fuzz_readers.py ": "an hour; tests/tools/test_fuzz_readers.py runs a few",
    "python tools/studio_clicks.py": "20 minutes; tests/studio/browser uses the page",
}
"""How lines begin that are read by the parser of their program, and not run; and why."""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def run(line: str) -> None:
    """Type a line of a page, made smaller."""
    command = line.split()[1]
    also = SMALLER[command]
    if command == "fit":
        phases = {"flow"} if "mamba-diffusion" in line else PHASES  # a baseline has one phase
        settings = {n: v for n, v in BRIEF.items() if n.split(".")[0] in {"model", "data", *phases}}
        own = {n for n in settings if f"--set {n}=" in line and not n.endswith(".steps")}
        also += "".join(f" --set {n}={v}" for n, v in settings.items() if n not in own)
    done = type_in(f"{line.removeprefix('mamba-diffae ')} {also}")
    assert done.code == 0, f"{line}\n{done.err}"


@pytest.mark.parametrize("page", PAGES)
def test_a_page_runs_and_prints_what_it_says(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(config, "DEFAULT_PRIOR", "mixture")  # that of readers
    file = ROOT / "docs" / f"{page}.md"
    _, outputs = run_python(file)
    for printed, expected in outputs:
        assert bool(printed) == (expected is not None), f"{page} prints, and says, {printed!r}"
        assert alike(printed, expected or ""), f"{printed}\nwas printed; {page} says\n{expected}"
    monkeypatch.setattr(config, "DEFAULT_PRIOR", "analogue")  # conditioned in no time
    for line in shell_lines(file):
        run(line)


def test_first_steps_show_pictures_with_words_for_those_who_do_not_see_them():
    for name in FIRST:
        text = (ROOT / "docs" / "first_steps" / f"{name}.md").read_text(encoding="utf-8")
        words, place = re.findall(r"!\[(.+?)\]\((.+?)\)", text)[0]
        assert len(words) > 40
        assert (ROOT / "docs" / "first_steps" / place).stat().st_size < 400_000


def make_files() -> None:
    """What readers of the other pages have: pictures, fields with gaps, stations, a series."""
    rng = np.random.default_rng(0)
    Path("pictures").mkdir()
    for number in range(12):
        tile = rng.uniform(0, 255, (4, 5, 3)).astype(np.uint8)
        Image.fromarray(tile).resize((40, 36)).save(f"pictures/{number:02}.png")
    Image.open("pictures/00.png").save("picture.png")
    region = {"lat": slice(36, 60), "lon": slice(0, 30)}
    few = weather_dataset()[["t2m"]].sel(region).rename(t2m="sst")
    few = few.coarsen(lat=3, lon=3, boundary="trim").mean()
    few.where(rng.random(few.sst.shape) < 0.9).to_netcdf("sst.nc")  # with clouds
    few.isel(time=0, drop=True).sel(lat=slice(40, 56), lon=slice(4, 26)).to_netcdf("grid.nc")
    stations = pd.DataFrame({"lat": rng.uniform(40, 56, 20), "lon": rng.uniform(4, 26, 20)})
    places = pd.DataFrame({"lat": rng.uniform(38, 58, 60), "lon": rng.uniform(2, 28, 60)})
    places.to_csv("places.csv", index=False)
    days = pd.DataFrame({"date": pd.date_range("2024-01-01", periods=6)})
    reports = days.merge(stations, how="cross")
    reports.assign(sst=rng.normal(283, 3, len(reports))).to_csv("stations.csv", index=False)
    levels = np.sin(np.arange(48)[:, None] / 3 + np.arange(6))
    axes = {"time": pd.date_range("2024-01-01", periods=48, freq="h"), "x": np.arange(6.0)}
    series = xr.Dataset({"level": (("time", "x"), levels)}, axes)
    series.expand_dims("series").to_netcdf("levels.nc")


@pytest.mark.parametrize("page", OTHER)
def test_the_lines_of_the_other_pages_run(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make_files()
    lines = [line for line in shell_lines(ROOT / page) if not line.startswith(tuple(LEFT_OUT))]
    assert lines
    for line in [f"mamba-diffae {before}" for before in OTHER[page]] + lines:
        run(line.replace("fit emoji", "fit pictures"))  # a dozen pictures for thousands
