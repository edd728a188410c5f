"""Makes `toy` importable, and gives each test a run folder."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from mamba_diffae.training import Run


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run.create(tmp_path / "run", {"command": "mamba-diffae fit emoji", "seed": 0})
