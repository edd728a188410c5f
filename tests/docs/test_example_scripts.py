"""The scripts in examples/ run, at a small size: they draw, and tell finite numbers."""

from __future__ import annotations

import ast
import re
import runpy
import sys
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
SCRIPTS = sorted(path.stem for path in EXAMPLES.glob("*.py") if path.stem != "shared")
WRITES = {"larger_than_memory": "field.zarr", "cluster": "field.nc"}
"""What is no picture; one stands beside it."""

slow = pytest.mark.slow


def run(name: str, monkeypatch: pytest.MonkeyPatch, *given: str) -> dict[str, Any]:
    """What a script leaves, run as on the shell."""
    monkeypatch.syspath_prepend(str(EXAMPLES))
    monkeypatch.setenv("MAMBA_DIFFAE_EXAMPLES", "test")
    monkeypatch.setattr(sys, "argv", [f"{name}.py", *given])
    plt.switch_backend("Agg")
    left = runpy.run_path(str(EXAMPLES / f"{name}.py"), run_name="__main__")
    plt.close("all")
    return left


def numbers(left: dict[str, Any]) -> dict[str, float]:
    """What a script tells: scores, memory, or a field."""
    if "scores" in left:
        return left["scores"]
    if "memory" in left:
        return left["memory"]
    return {name: float(values.mean(skipna=False)) for name, values in left["field"].items()}


@slow
@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_draws_its_picture_and_tells_finite_numbers(name, tmp_path, monkeypatch) -> None:
    before = set(EXAMPLES.rglob("*"))
    out = tmp_path / WRITES.get(name, "picture.png")
    found = numbers(run(name, monkeypatch, str(out)))
    with Image.open(out.with_suffix(".png")) as picture:
        assert np.ptp(np.asarray(picture.convert("L"))) > 100  # it is not blank
    assert out.exists()
    assert found
    assert np.isfinite(list(found.values())).all()
    assert all(0 <= value <= 1 for key, value in found.items() if "coverage" in key)
    assert found.get("model least", 0.0) >= 0  # rain
    assert {p for p in EXAMPLES.rglob("*") if "__pycache__" not in p.parts} <= before


@slow
def test_without_a_path_nothing_is_left(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    run("stations", monkeypatch, "-f", "kernel.json")  # as in a notebook
    assert not list(tmp_path.iterdir())


def test_every_script_has_its_place_in_the_gallery() -> None:
    told = runpy.run_path(str(EXAMPLES.parent / "docs" / "_extensions" / "gallery.py"))
    assert sorted(told["ORDER"]) == [f"{name}.py" for name in SCRIPTS]
    assert sorted(told["ORDER"], key=told["order"]) == told["ORDER"]


def test_every_script_has_its_command_a_heading_and_a_line_in_the_table() -> None:
    table = (EXAMPLES / "README.md").read_text()
    for name in SCRIPTS:
        text = (EXAMPLES / f"{name}.py").read_text()
        about = ast.get_docstring(ast.parse(text)) or ""
        title, line = about.splitlines()[:2]
        assert f"[`{name}.py`]({name}.py)" in table
        assert f"python examples/{name}.py" in about
        assert line == "=" * len(title)
        assert len(re.findall(r"^# %%$", text, re.MULTILINE)) >= 3  # text between the code
