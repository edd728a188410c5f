"""The study of how observations lie: whole at the quick scale, and its words on made numbers."""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from study_pages import page_of

from mamba_diffae.benchmark import Page, Request, load_page, save_page
from mamba_diffae.evaluation import Method
from mamba_diffae.sources import open_field
from mamba_diffae.training.data.config import MIXTURE
from studies.common.workbench import Workbench
from studies.observation_patterns.report import PATTERN_LABELS, findings
from studies.observation_patterns.smooth_fields import smooth_fields
from studies.observation_patterns.study import (
    AFTER,
    BEFORE,
    KRIGING,
    PATTERNS,
    SETUPS,
    Job,
    PatternsResult,
    Trained,
    outcome_of,
)

OURS = (Method("before", kind="network"), Method("after", kind="network"))


@pytest.fixture(scope="module")
def request_(quick: Callable[[str], Request]) -> Request:
    return quick("observation-patterns")


@pytest.fixture(scope="module")
def result(request_: Request) -> Page:
    return page_of("observation-patterns", request_)


def test_both_trainings_are_scored_on_every_pattern_beside_the_simple_methods(result):
    differences, methods, trained = result.tables
    assert [row[0] for row in differences.rows] == [PATTERN_LABELS[p] for p in PATTERNS]
    assert methods.columns[1:] == [PATTERN_LABELS[p] for p in PATTERNS]
    rows = {row[0]: row[1:] for row in methods.rows}
    assert {"nearest", "linear", "kriging", "gappy POD"} <= set(rows)
    ours = [rows[f"{c.label}, latent+points"] for c in (BEFORE, AFTER)]
    for i, row in enumerate(differences.rows):
        gaps = [row[2], row[5]]
        assert gaps == pytest.approx([psnr[i] - rows["kriging"][i] for psnr in ours])
        assert row[8] == pytest.approx(row[5] - row[2])
        assert all(low <= gap <= high for gap, low, high in (row[2:5], row[5:8], row[8:11]))
    assert ours[0] != ours[1]
    assert {row[1] for row in trained.rows} == {4}


def test_the_trainings_differ_in_how_observations_lie_alone(result, request_):
    workbench = Workbench(request_, SETUPS["quick"], lambda done: None)
    before, after = (
        workbench.run(Job(c, request_.seed, workbench.setup.cost)).facts["settings"]
        for c in (BEFORE, AFTER)
    )
    differing = {name for name, x in after["data"].items() if before["data"][name] != x}
    assert differing == {"patterns", "p_sparse", "p_noise", "p_variables"}
    assert before["data"]["patterns"] == {"random": 1}
    assert after["data"]["patterns"] == MIXTURE
    assert {k: before[k] for k in ("model", "training")} == {
        k: after[k] for k in ("model", "training")
    }


def test_every_pattern_is_shown_and_the_page_is_kept(result, tmp_path):
    assert [grid.title for grid in result.panels] == [f"Pattern {p}" for p in PATTERNS]
    assert result.panels[0].columns[:3] == ["truth", "observed", "kriging"]
    save_page(result, tmp_path)
    assert load_page(tmp_path).findings == result.findings


def test_what_is_scored_is_found_again(result, request_, monkeypatch):
    monkeypatch.setattr("studies.observation_patterns.study._psnr", None)
    again = page_of("observation-patterns", request_)
    assert [t.rows for t in again.tables] == [t.rows for t in result.tables]


def made(before: float, after: float) -> PatternsResult:
    """Of one pattern: both networks above kriging by so much, in dB, and a little noise."""
    groups, noise = np.arange(40), 0.01 * np.random.default_rng(0).normal(size=(3, 40))
    kriging = 20 + np.random.default_rng(1).normal(size=40)
    scores = {
        KRIGING: kriging,
        **{m: kriging + gap + x for m, gap, x in zip(OURS, (before, after), noise, strict=False)},
    }
    outcome = outcome_of("track", 100.0, scores, groups, OURS)
    trained = [Trained(method, 4, 32, 60.0) for method in OURS]
    return PatternsResult([outcome], *trained, 40, (48, 48), [], {})


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (-1.0, 0.5, ("gains on 1 of 1 patterns (tracks)", "loses on 0", "kriging on 0 of 1")),
        (-0.5, -1.0, ("gains on 0", "loses on 1 of 1", "kriging on 1 of 1 patterns (tracks)")),
        (0.5, 0.5, ("gains on 0", "loses on 0", "kriging on 0")),
    ],
)
def test_gains_are_said_beyond_the_paired_interval(before, after, said):
    first, *rest = findings(made(before, after))
    text = "\n".join(rest)
    assert all(words in text for words in said)
    assert first.startswith("Tracks, against kriging: ")
    # Fields differ by a decibel, the paired difference hardly.
    assert f"{after:+.2f} dB".replace("-", "−") in first


def test_smooth_fields_have_unit_variance_and_open_as_periodic_fields(tmp_path):
    values = smooth_fields(60, (32, 48))
    assert values.std() == pytest.approx(1, rel=0.1)
    assert (values == smooth_fields(60, (32, 48))).all()
    steps = np.diff(values, axis=2, append=values[:, :, :1])
    assert np.abs(steps[:, :, -1]).mean() == pytest.approx(np.abs(steps).mean(), rel=0.1)
    np.savez(tmp_path / "smooth.npz", values=values, variables=["value"], periodic=["y", "x"])
    data = open_field(tmp_path / "smooth.npz")
    assert data.shape == (32, 48)
    assert data.grid.periodic == (True, True)


def test_a_run_says_which_command_trained_it(request_):
    workbench = Workbench(request_, SETUPS["quick"], lambda done: None)
    job = Job(BEFORE, request_.seed, workbench.setup.cost)
    assert "--set 'data.patterns={random: 1}'" in workbench.training(job).command
