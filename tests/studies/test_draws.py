"""The study of draws: what its tables, findings and pictures hold."""

import itertools
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from study_pages import page_of

from mamba_diffae import FieldAutoencoder, FieldData, evaluate
from mamba_diffae.benchmark import Page, Request, load_page, save_page
from mamba_diffae.evaluation import Kriging, gaussian_coverage
from studies.draws.measures import DrawsProtocol
from studies.draws.study import PROTOCOLS

SIZE = 24
FEW = {"steps": 3, "batch_size": 4, "show_progress": False}
CHANGES = {"model": {"d_model": 16}, "autoencoder": FEW, "flow": FEW}
PROTOCOL = DrawsProtocol(
    count=3,
    steps=(1, 2),
    ensemble=4,
    ensemble_fields=3,
    ensemble_steps=3,
    inverted=2,
    inversion_steps=3,
    seed=1,
)


@pytest.fixture(scope="module")
def truth(smooth_fields: Callable[..., FieldData]) -> FieldData:
    return smooth_fields(count=18, shape=(SIZE, SIZE), variables=3)


@pytest.fixture(scope="module")
def model(truth: FieldData) -> FieldAutoencoder:
    return FieldAutoencoder("tiny", changes=CHANGES).fit(truth)


@pytest.fixture(scope="module")
def told() -> list[str]:
    return []


@pytest.fixture(scope="module")
def given(truth: FieldData) -> FieldData:
    """A third to learn from, the rest to judge on."""
    return replace(truth, splits=np.array(["train"] * 6 + ["test"] * 12))


@pytest.fixture(scope="module")
def judged(model: FieldAutoencoder, given: FieldData) -> Callable[..., Page]:
    """The page of the draws, by folder and protocol."""

    def make(folder: Path, protocol: DrawsProtocol = PROTOCOL, tell=str) -> Page:
        with pytest.MonkeyPatch.context() as patch:
            patch.setitem(PROTOCOLS, "quick", protocol)  # pyright: ignore[reportArgumentType]
            return page_of("draws", Request(folder, given, "x", "quick", 1, model=model), tell)

    return make


@pytest.fixture(scope="module")
def result(judged, told: list[str], tmp_path_factory: pytest.TempPathFactory) -> Page:
    return judged(tmp_path_factory.mktemp("draws"), tell=told.append)


def test_every_number_of_steps_has_a_row(result):
    rows = result.tables[0].rows
    assert [row[:2] for row in rows] == [[1, 2], [2, 4]]
    assert all(np.isfinite(row).all() for row in rows)


def test_calibration_is_that_of_evaluate_and_of_kriging(result, model, given):
    judged = given.split("test").distinct(3)
    seen = PROTOCOL.observe(judged)
    scores = evaluate(model.predict(seen, judged, n_draws=4, seed=1, steps=3), judged)
    ours, theirs = result.tables[1].rows
    assert (ours[0], theirs[0]) == ("autoencoder", "kriging")
    assert ours[1] == pytest.approx(scores["coverage"], abs=1e-3)
    crps = np.mean(list(scores["crps"].values()))
    assert ours[2] == pytest.approx(crps / 6, rel=1e-3)  # the values span 6
    found = Kriging().fit(given.split("train")).predict(seen, judged.grid)
    covered = gaussian_coverage(found.mean, found.std, judged.values)
    assert theirs[1] == pytest.approx(covered, abs=1e-3)
    assert theirs[3] > 0


def test_the_inversion_is_measured(result):
    ((count, mean, least, rms),) = result.tables[2].rows
    assert count == 2
    assert 10 < least <= mean
    assert 0.01 < rms < 30


def test_mean_deviation_and_four_draws_are_shown(result):
    (grid,) = result.panels
    assert grid.columns[2:] == ["mean", "standard deviation", *(f"draw {i}" for i in range(1, 5))]
    assert len(grid.rows) == 3 * 6  # a row for each variable
    assert "4 draws, 6 evaluations each" in grid.caption
    first = grid.pictures[0][4:]
    assert all(abs(a - b).max() > 1e-3 for a, b in itertools.pairwise(first))


def test_findings_say_what_the_tables_hold(result):
    text = "\n".join(result.findings)
    assert "A draw of 2 steps" in text
    assert f"{result.tables[1].rows[1][2]:.4f}" in text
    assert f"{result.tables[2].rows[0][1]:.1f} dB" in text


def test_it_is_told_kept_and_opened_again(result, told, tmp_path):
    assert {"draws in 2 steps", "ensembles: 3 of 3 fields", "inversion"} <= set(told)
    save_page(result, tmp_path)
    stored = load_page(tmp_path)
    assert [[*t.rows] for t in stored.tables] == [[*t.rows] for t in result.tables]


def test_what_is_done_is_found_again(judged, result, tmp_path):
    tables = [judged(tmp_path).tables for _ in range(2)]
    assert [t.rows for t in tables[0]] == [t.rows for t in tables[1]]  # times too
    for ours, fresh in zip(tables[0][1:], result.tables[1:], strict=True):
        assert ours.rows == fresh.rows
    other = replace(PROTOCOL, steps=(3,))
    assert judged(tmp_path, other).tables[0].rows[0][0] == 3
