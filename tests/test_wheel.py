"""The wheel alone: what it holds, how its README reads, and that it runs without a checkout."""

import os
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path
from zipfile import ZipFile

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
BUILD = "import sys; from hatchling.build import build_wheel; print(build_wheel(sys.argv[1]))"
RUN = "import sys; from mamba_diffae.cli import main; sys.exit(main())"
ASKED = "evaluate --model emoji-96 --count 2 --scales 32 --device cpu --json out.json"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-c", BUILD, str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=120)
    (built,) = folder.glob("*.whl")
    return built


def test_every_file_of_the_package_is_in_the_wheel(wheel):
    source = ROOT / "src"
    files = {
        path.relative_to(source).as_posix()
        for path in (source / "mamba_diffae").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert files <= set(ZipFile(wheel).namelist())


def test_the_readme_of_the_wheel_links_to_nothing_that_is_not_there(wheel):
    (name,) = (n for n in ZipFile(wheel).namelist() if n.endswith("METADATA"))
    metadata = ZipFile(wheel).read(name).decode()
    assert "Description-Content-Type: text/markdown" in metadata
    assert "](" not in metadata.replace("](http", "")
    assert "| method | PSNR 32² |" in metadata


def test_the_packaged_model_and_pictures_are_scored_from_the_wheel_in_an_empty_folder(
    wheel, tmp_path
):
    ZipFile(wheel).extractall(tmp_path / "site")
    work = tmp_path / "work"
    work.mkdir()
    # Without the checkout and the working folder; PYTHONPATH comes before an editable installation.
    about = {**os.environ, "PYTHONPATH": str(tmp_path / "site"), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-P", "-W", "ignore", "-c", RUN, *ASKED.split()]
    done = subprocess.run(
        command, cwd=work, env=about, capture_output=True, text=True, timeout=280, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert (work / "out.json").is_file()
    assert str(ROOT) not in done.stdout + done.stderr


def test_the_version_has_one_source():
    stated = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text())["version"]
    assert version("mamba-diffae") == stated == cited
