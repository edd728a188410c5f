"""First steps and how-to pages run as they stand, Python first, then the lines of the shell.

So do the shell's lines of the README. What takes minutes is made smaller, as `SMALLER` says.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from mamba_diffae.models import config
from mamba_diffae.sources import weather_dataset
from tests.cli.conftest import type_in
from tools.run_pages import alike, run_python, shell_lines

ROOT = Path(__file__).resolve().parents[2]
FIRST = ("pictures", "fields", "machines")
HOW_TO = tuple(sorted(path.stem for path in (ROOT / "docs" / "how_to").glob("*.md")))
PAGES = [f"first_steps/{n}" for n in FIRST] + [f"how_to/{n}" for n in HOW_TO]
BRIEF = "--set model.d_model=16 --set data.encodings=1 --set data.exemplars=16" + "".join(
    f" --set {phase}.steps=2 --set {phase}.batch_size=4"
    for phase in ("autoencoder", "ensemble", "flow", "latent")
)
SMALLER = {
    "fit": f"--preset tiny {BRIEF}",
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
LEFT_OUT = {
    "experiment probes": "encodes the embedded pictures: minutes",
}
"""Lines of the README that are not run, and why."""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def run(line: str) -> None:
    """Type a line of a page, made smaller."""
    command = line.split()[1]
    done = type_in(f"{line.removeprefix('mamba-diffae ')} {SMALLER[command]}")
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
    lines = shell_lines(file)
    assert len(lines) == file.read_text(encoding="utf-8").count("\nmamba-diffae ")
    for line in lines:
        run(line)


def test_first_steps_show_pictures_with_words_for_those_who_do_not_see_them():
    for name in FIRST:
        text = (ROOT / "docs" / "first_steps" / f"{name}.md").read_text(encoding="utf-8")
        words, place = re.findall(r"!\[(.+?)\]\((.+?)\)", text)[0]
        assert len(words) > 40
        assert (ROOT / "docs" / "first_steps" / place).stat().st_size < 400_000


def test_the_lines_of_the_readme_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    Path("pictures").mkdir()
    for number in range(12):
        tile = rng.uniform(0, 255, (4, 5, 3)).astype(np.uint8)
        Image.fromarray(tile).resize((40, 36)).save(f"pictures/{number:02}.png")
    Image.open("pictures/00.png").save("picture.png")
    region = {"lat": slice(36, 60), "lon": slice(0, 30)}
    few = weather_dataset()[["t2m"]].sel(region).rename(t2m="sst")
    few.coarsen(lat=3, lon=3, boundary="trim").mean().to_netcdf("sst.nc")
    inner = few.isel(time=0, drop=True).sel(lat=slice(37, 58), lon=slice(1, 28))
    inner.to_netcdf("grid.nc")
    columns = {"lat": rng.uniform(40, 56, 20), "lon": rng.uniform(4, 26, 20)}
    pd.DataFrame(columns | {"sst": rng.normal(283, 3, 20)}).to_csv("stations.csv", index=False)
    lines = shell_lines(ROOT / "README.md")
    assert len(lines) == (ROOT / "README.md").read_text(encoding="utf-8").count("\nmamba-diffae ")
    for line in lines:
        if not any(line.startswith(f"mamba-diffae {name}") for name in LEFT_OUT):
            run(line.replace("fit emoji", "fit pictures"))  # a dozen pictures for thousands
