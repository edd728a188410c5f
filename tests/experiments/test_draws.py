"""The experiment on draws: what its tables, findings and pictures hold."""

import itertools
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from mamba_diffae import FieldAutoencoder, GridField, evaluate
from mamba_diffae.evaluation import gaussian_coverage, kriging, kriging_deviation
from mamba_diffae.experiments import DrawsProtocol, Result, draws, load_result, save_result

SIZE = 24
FEW = {"steps": 3, "batch_size": 4, "show_progress": False}
CHANGES = {"model": {"d_model": 16}, "autoencoder": FEW, "diffusion": FEW}
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
def truth(smooth_fields: Callable[..., GridField]) -> GridField:
    return smooth_fields(count=12, size=SIZE, channels=3)


@pytest.fixture(scope="module")
def model(truth: GridField) -> FieldAutoencoder:
    return FieldAutoencoder("tiny", changes=CHANGES).fit(truth)


@pytest.fixture(scope="module")
def told() -> list[str]:
    return []


@pytest.fixture(scope="module")
def result(model: FieldAutoencoder, truth: GridField, told: list[str]) -> Result:
    return draws(model, truth, PROTOCOL, facts={"seed": "1"}, on_progress=told.append)


def test_every_number_of_steps_has_a_row(result):
    rows = result.tables[0].rows
    assert [row[:2] for row in rows] == [[1, 2], [2, 4]]
    assert all(np.isfinite(row).all() for row in rows)


def test_calibration_is_that_of_evaluate_and_of_kriging(result, model, truth):
    judged = truth.distinct(3)
    seen = PROTOCOL.observe(judged)
    scores = evaluate(model.predict(seen, judged, n_samples=4, seed=1, steps=3), judged)
    ours, theirs = result.tables[1].rows
    assert (ours[0], theirs[0]) == ("autoencoder", "kriging")
    assert ours[1] == pytest.approx(scores["coverage"], abs=1e-3)
    assert ours[2] == pytest.approx(scores["crps"] / 6, rel=1e-3)  # the values span 6
    moments = kriging(seen, SIZE), kriging_deviation(seen, SIZE)
    assert theirs[1] == pytest.approx(gaussian_coverage(*moments, judged.at(SIZE)), abs=1e-3)
    assert theirs[3] > 0


def test_the_inversion_is_measured(result):
    ((count, mean, least, rms),) = result.tables[2].rows
    assert count == 2
    assert 10 < least <= mean
    assert 0.1 < rms < 30


def test_mean_deviation_and_four_draws_are_shown(result):
    (sheet,) = result.sheets
    assert sheet.columns[2:] == ["mean", "standard deviation", *(f"draw {i}" for i in range(1, 5))]
    assert len(sheet.rows) == 6
    assert "4 draws, 6 evaluations each" in sheet.caption
    first = sheet.pictures[0][4:]
    assert all(abs(a - b).max() > 1e-3 for a, b in itertools.pairwise(first))


def test_findings_say_what_the_tables_hold(result):
    text = "\n".join(result.findings)
    assert "A draw of 2 steps" in text
    assert f"{result.tables[1].rows[1][2]:.4f}" in text
    assert f"{result.tables[2].rows[0][1]:.1f} dB" in text


def test_it_is_told_kept_and_opened_again(result, told, tmp_path):
    assert {"draws in 2 steps", "ensembles: 3 of 3 fields", "inversion"} <= set(told)
    save_result(result, tmp_path)
    kept = load_result(tmp_path)
    assert [[*t.rows] for t in kept.tables] == [[*t.rows] for t in result.tables]


def test_what_is_done_is_found_again(model, truth, result, tmp_path):
    tables = [draws(model, truth, PROTOCOL, folder=tmp_path).tables for _ in range(2)]
    assert [t.rows for t in tables[0]] == [t.rows for t in tables[1]]  # times too
    for ours, fresh in zip(tables[0][1:], result.tables[1:], strict=True):
        assert ours.rows == fresh.rows
    other = replace(PROTOCOL, steps=(3,))
    assert draws(model, truth, other, folder=tmp_path).tables[0].rows[0][0] == 3


def test_no_steps_are_refused(model, truth):
    with pytest.raises(ValueError, match="No numbers of steps"):
        draws(model, truth, DrawsProtocol(steps=()))
