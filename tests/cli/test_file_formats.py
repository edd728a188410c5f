"""docs/file_formats.md against real files: what is written is on the page, and nothing else."""

import csv
import json
import re
from pathlib import Path

import numpy as np
import pytest
import xarray

from mamba_diffae.fields.atomic import standing_folder
from tests.cli.conftest import Shell

PAGE = Path(__file__).parents[2] / "docs" / "file_formats.md"


def section(head: str) -> str:
    """The text under a heading of the page."""
    found = re.search(rf"^## {head}\n(.*?)(?=^## |\Z)", PAGE.read_text("utf-8"), re.M | re.S)
    assert found, head
    return found[1]


def words(head: str) -> set[str]:
    """What a section calls by name."""
    return set(re.findall(r"`([^`\n]+)`", section(head)))


def test_a_run_holds_what_the_page_says(finished: Path) -> None:
    named = words("A run folder")
    top = {path.name for path in finished.iterdir()}
    phases = {"autoencoder", "ensemble", "latent"}
    assert {name for name in top - phases if name not in named and f"{name}/" not in named} == set()
    assert set(json.loads((finished / "run.json").read_text("utf-8"))) <= named
    rows = (finished / "metrics.jsonl").read_text("utf-8").splitlines()
    assert {key for row in rows for key in json.loads(row)} <= named
    last = standing_folder(finished / "autoencoder" / "last")
    assert last is not None
    assert set(json.loads((last / "state.json").read_text("utf-8"))) <= named
    assert {path.name for path in last.iterdir()} <= named


def test_a_saved_model_holds_what_the_page_says(finished: Path) -> None:
    named = words("A saved model")
    folder = finished / "model"
    assert {path.name for path in folder.iterdir()} <= named
    config = json.loads((folder / "config.json").read_text("utf-8"))
    assert set(config) <= named
    assert set(config["checksums"]) == {path.name for path in folder.iterdir()}


@pytest.mark.slow
def test_predictions_hold_what_the_page_says(
    finished: Path, picture: Path, shell: Shell, tmp_path: Path
) -> None:
    named = words("Predictions")
    asked = f"predict {picture} --model {finished} --draws 2 --quantiles 0.1,0.9 --out {tmp_path}"
    assert shell(f"{asked}/p.npz").code == 0
    with np.load(tmp_path / "p.npz", allow_pickle=False) as found:
        assert set(found.files) - set(found["axis_names"]) <= named
        assert len(found["units"]) == len(found["variables"]) + len(found["axis_names"])
        assert found["draws"].shape == (2, *found["mean"].shape)
        assert found["quantiles"].shape == (len(found["levels"]), *found["mean"].shape)
    assert shell(f"{asked}/p.nc").code == 0
    with xarray.open_dataset(tmp_path / "p.nc") as field:
        variables = {re.sub(r"^(red|green|blue)", "sst", str(name)) for name in field.data_vars}
        assert {"sst", "sst_std", "sst_draws", "sst_quantiles"} <= variables <= named
        assert set(field.attrs) <= named


def test_scores_hold_what_the_page_says(scored: Path) -> None:
    named = words("Scores, sensors, samples")
    told = json.loads((scored.parent / "scores.json").read_text("utf-8"))
    assert set(told) == {"facts", "scores", "draws", "uncertainty"}
    assert set(told) | set(told["scores"][0]) <= named
    assert set(json.loads((scored / "result.json").read_text("utf-8"))) <= named


@pytest.mark.slow
def test_sensors_and_samples_hold_what_the_page_says(
    finished: Path, shell: Shell, tmp_path: Path
) -> None:
    assert shell(f"place --model {finished} -n 2 --out {tmp_path}/sensors.csv").code == 0
    with (tmp_path / "sensors.csv").open(encoding="utf-8", newline="") as file:
        columns = next(csv.reader(file))
    assert columns[0] == "sensor"
    assert "standardised_rmse" in columns
    assert shell(f"sample --model {finished} --n 2 --out {tmp_path}/grid.png").code == 0
    with np.load(tmp_path / "grid.npz", allow_pickle=False) as found:
        assert set(found.files) == {"values", "latents"}
    assert "findings" in json.loads((tmp_path / "grid.json").read_text("utf-8"))
