"""The scripts in examples/ that draw run, at a small size, and tell finite numbers."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
SMALL = {
    "clouds": {"days": 30, "steps": 2},
    "stations": {"stations": 12, "folds": 2, "steps": 2},
    "profile_and_volume": {"count": 24, "steps": 2},
    "two_variables": {"count": 24, "steps": 2},
    "pressure_taps": {"gusts": 60, "steps": 2},
    "rain": {"count": 24, "steps": 2},
    "placement": {"sensors": 2, "steps": 2},
    "time_window": {"hours": 200, "steps": 2},
    "larger_than_memory": {"cells": 128, "steps": 2},
}

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("name", SMALL)
def test_a_script_draws_its_picture_and_tells_finite_numbers(name, tmp_path, monkeypatch) -> None:
    monkeypatch.syspath_prepend(str(EXAMPLES))
    plt.switch_backend("Agg")
    out = tmp_path / ("field.zarr" if name == "larger_than_memory" else "picture.png")
    found = import_module(name).main(str(out), **SMALL[name])
    plt.close("all")
    with Image.open(out.with_suffix(".png")) as picture:
        assert np.ptp(np.asarray(picture.convert("L"))) > 100  # it is not blank
    assert found
    assert np.isfinite(list(found.values())).all()
    assert all(0 <= value <= 1 for key, value in found.items() if "coverage" in key)
    assert found.get("model least", 0.0) >= 0  # rain


def test_every_script_has_a_test_its_command_and_a_line_in_the_table() -> None:
    scripts = {path.stem for path in EXAMPLES.glob("*.py")} - {"shared"}
    table = (EXAMPLES / "README.md").read_text()
    assert scripts - {"cluster"} == set(SMALL)
    for name in scripts:
        assert f"[`{name}.py`]({name}.py)" in table
        assert f"python examples/{name}.py" in (EXAMPLES / f"{name}.py").read_text()
