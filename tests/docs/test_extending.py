"""Every example of docs/extending.md runs as it stands, is short, and works in a fit."""

import re
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mamba_diffae import FieldAutoencoder, observe, open_field
from mamba_diffae.evaluation.baselines import find_baseline

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs/extending.md").read_text()
EXAMPLES = re.findall(r"^## (.+?)$.*?^```python\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)
LONGEST = 39
"""Lines of an example, at most."""
FEW = {"steps": 2, "batch_size": 4, "show_progress": False}


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    """What the examples define, after each has run and its contract test has passed."""
    package = ROOT / "src/mamba_diffae"
    before = {p: p.stat().st_mtime_ns for p in package.rglob("*.py")}
    names: dict[str, Any] = {"__name__": __name__}
    for title, code in EXAMPLES:
        exec(compile(code, f"docs/extending.md: {title}", "exec"), names)
    assert {p: p.stat().st_mtime_ns for p in package.rglob("*.py")} == before
    return names


@pytest.mark.parametrize(("title", "code"), EXAMPLES, ids=[title for title, _ in EXAMPLES])
def test_an_example_is_short_and_of_the_house(title, code):
    assert len(code.splitlines()) <= LONGEST
    assert max(map(len, code.splitlines())) <= 100
    assert "mamba_diffae.testing import check_" in code
    run = [str(ROOT / ".venv/bin/ruff"), "check", "-", "--select", "F,E,W,I"]
    checked = subprocess.run(run, input=code, text=True, capture_output=True, cwd=ROOT)
    assert checked.returncode == 0, checked.stdout


def test_there_is_one_for_each_kind_of_part_that_others_bring():
    titles = {title.split()[-1] for title, _ in EXAMPLES}
    assert titles == {"encoder", "prior", "objective", "baseline", "source"}


def test_they_work_together(found, smooth_fields, tmp_path):
    data = smooth_fields(count=12, shape=(8, 12))
    changes = {"model": {"d_model": 16}, "autoencoder": FEW, "flow": FEW}
    model = FieldAutoencoder(
        "tiny",
        parts={"encoder": found["MeanEncoder"], "prior": found["Climatology"]},
        objectives={"autoencoder": found["AbsoluteError"]()},
        changes=changes,
    )
    model.fit(data, phases=["autoencoder", "flow"], run=tmp_path / "run")
    seen = observe(data.split("test"), 0.3)
    predicted = model.predict(seen, n_draws=1, steps=1)
    assert np.isfinite(predicted.mean).all()
    assert type(model.fitted.autoencoder.encoder) is found["MeanEncoder"]
    assert type(model.fitted.autoencoder.prior) is found["Climatology"]
    loaded = FieldAutoencoder.from_pretrained(tmp_path / "run")
    assert np.array_equal(loaded.predict(seen, n_draws=1, steps=1).draws, predicted.draws)


def test_a_source_and_a_baseline_are_found(found):
    assert open_field("ramps:3").values.shape == (3, 8, 12, 1)
    assert isinstance(find_baseline("linear"), found["Baseline"])
