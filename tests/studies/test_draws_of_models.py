"""The draws of fitted models, side by side on the same fields."""

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from study_pages import page_of

from mamba_diffae import FieldAutoencoder, FieldData
from mamba_diffae.benchmark import Page, Request, load_page
from mamba_diffae.estimator.calibration import Calibration
from mamba_diffae.evaluation import assess, covered
from mamba_diffae.fields import FieldError, Prediction, ShapeError, ValuesError, observe
from mamba_diffae.sources import open_field
from mamba_diffae.training import Run
from studies.draws import models
from studies.draws.given_models import open_models
from studies.draws.models_study import CALIBRATED, RAW, ModelsProtocol
from studies.draws.plan import scored_fields
from studies.draws.quarters import quarter_ranks

FEW = {"steps": 3, "batch_size": 4, "show_progress": False}
CHANGES = {"model": {"d_model": 16}, "autoencoder": FEW, "ensemble": FEW, "flow": FEW}
WIDER = Calibration((10, 500), (1.5, 1.5), (1, 3), (0.5, 0.9), ((1, 1), (1, 1)), 8)
DRAWS, STEPS, FRACTIONS = 5, 2, (0.2, 0.6)


@pytest.fixture(scope="module")
def source(smooth_fields: Callable[..., FieldData], tmp_path_factory) -> str:
    file = tmp_path_factory.mktemp("fields") / "fields.npy"
    np.save(file, smooth_fields(count=120, shape=(20, 20), variables=3).values)
    return str(file)


@pytest.fixture(scope="module")
def folders(source: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """A model with a decoder of draws and a calibration, and one with a flow."""
    fields, where = open_field(source), tmp_path_factory.mktemp("models")
    for phase, calibration in (("ensemble", WIDER), ("flow", None)):
        made = FieldAutoencoder("tiny", changes=CHANGES, device="cpu")
        made.fit(fields, phases=("autoencoder", phase))
        replace(made.fitted, calibration=calibration).save(where / phase)
    return str(where / "ensemble"), str(where / "flow")


@pytest.fixture(scope="module")
def scored(source: str, folders: tuple[str, str], tmp_path_factory) -> Callable[..., Page]:
    """The page that the command writes."""
    run = tmp_path_factory.mktemp("runs") / "study"

    def make() -> Page:
        words = ["--run", str(run), "--source", source, "--count", "3", "--draws", str(DRAWS)]
        words += [word for folder in folders for word in ("--model", folder)]
        words += ["--fractions", ",".join(map(str, FRACTIONS)), "--steps", str(STEPS)]
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "argv", ["models", *words, "--seed", "3", "--device", "cpu"])
            patch.setattr("studies.draws.models_study.FIELDS_AT_ONCE", 4)  # two batches
            models.main()
        return load_page(run)

    return make


@pytest.fixture(scope="module")
def page(scored: Callable[..., Page]) -> Page:
    return scored()


def told(page: Page, table: int, row: int) -> dict[str, str | float | None]:
    found = page.tables[table]
    return dict(zip(found.columns, found.rows[row], strict=True))


def test_every_model_draws_by_its_own_way_beside_kriging(page, folders):
    ensemble, flow = folders
    for table, fraction in enumerate(FRACTIONS):
        assert page.tables[table].title.startswith(f"{100 * fraction:.0f}")
        rows = [told(page, table, row) for row in range(4)]
        assert [row["draws"] for row in rows] == [
            "kriging\nstated Gaussian",
            f"{ensemble}\ndecoder of draws, {RAW}",
            f"{ensemble}\ndecoder of draws, {CALIBRATED}",
            f"{flow}\nflow, {STEPS} steps, {RAW}",
        ]
        assert [row["evaluations"] for row in rows] == [0, 1, 1, 2 * STEPS]
        assert [row["ms"] is None for row in rows] == [True, False, False, False]
        assert [row["to the last"] is None for row in rows] == [False, False, False, True]
        for row in rows[:3]:
            ratio = row["CRPS"] / rows[3]["CRPS"]
            assert float(row["to the last"].split("\n")[0]) == pytest.approx(ratio, abs=1e-3)
        # Other draws about the same mean.
        _, raw, wide, _ = rows
        assert raw["draw / mean"] != wide["draw / mean"]
        assert raw["PSNR mean"] == wide["PSNR mean"]


def test_draws_are_those_of_predict(page, folders, source):
    truth = scored_fields(open_field(source), 3)
    for table, fraction in enumerate(FRACTIONS):
        seen = observe(truth, fraction, seed=3)
        for row, folder, options in ((2, folders[0], {}), (3, folders[1], {"steps": STEPS})):
            model = FieldAutoencoder.from_pretrained(folder, device="cpu")
            drawn = model.predict(seen, truth, n_draws=DRAWS, seed=3, **options)
            found = assess(drawn, truth, seen, seed=3)
            shown = told(page, table, row)
            assert shown["CRPS"] == pytest.approx(found.mean_crps.mean)
            assert shown["90 %"] == pytest.approx(found.coverage[-1].mean)
            assert shown["draw / mean"] == pytest.approx(found.draw_error)


def test_means_over_quarters_are_of_all_test_fields(page, folders, source):
    rows, test = page.tables[-1].rows, open_field(source).split("test")
    names = [(folders[0], RAW), (folders[0], CALIBRATED), (folders[1], RAW)]
    assert [row[0] for row in rows] == [f"{name}\n{state}" for name, state in names]
    for _, fields, half, _, most, limits in rows:
        low, high = map(float, limits.split(" to "))
        assert fields == len(test) > 4
        assert 0 <= half <= most <= 1
        assert low - 1e-3 <= most <= high + 1e-3


def test_the_first_and_the_last_model_are_shown(page, folders):
    (grid,) = page.panels
    own = ("mean", *(f"draw {k}" for k in range(1, 5)))
    assert list(grid.columns)[2:] == [f"{name}: {what}" for name in folders for what in own]
    assert list(grid.columns)[:2] == ["truth", "observed"]


def test_findings_say_what_the_tables_hold(page, folders):
    text = "\n".join(page.findings)
    raw = told(page, 0, 1)
    value, limits = raw["to the last"].split("\n")
    beside = f"the CRPS is {raw['CRPS']:.4f}, {value} ({limits}) times that of {folders[1]}"
    assert f"{folders[0]}, decoder of draws, {RAW}: {beside}" in text
    assert f"squared error of a draw is {raw['draw / mean']:.2f} times" in text
    assert f"mean of {DRAWS} draws has {raw['PSNR mean of draws']:.2f} dB" in text
    assert len(page.findings) >= 2 * 4 + 3


def test_what_is_scored_is_found_again(scored, page, monkeypatch):
    for name in ("quality", "quarter_ranks"):
        monkeypatch.setattr(f"studies.draws.models_study.{name}", None)
    assert [t.rows for t in scored().tables] == [t.rows for t in page.tables]


@pytest.mark.parametrize("shape", [(7,), (4, 6), (3, 1, 4)])
def test_a_true_mean_is_covered_where_the_interval_of_the_functional_holds_it(smooth_fields, shape):
    truth = smooth_fields(count=6, shape=shape, variables=2, gaps=True)
    rng = np.random.default_rng(0)
    draws = (
        truth.values + rng.normal(size=(39, *truth.values.shape)) + rng.normal(size=(6, *shape, 2))
    )
    draws[:, ~truth.valid_mask()] = np.nan
    ranks = quarter_ranks(Prediction(truth.values, draws), truth, 0)
    assert ranks.shape == (6, 2 ** sum(n > 1 for n in shape), 2)
    # The first part: the first half of every axis.
    first = np.zeros(shape)
    first[tuple(slice(max(1, n // 2)) for n in shape)] = 1
    for s, c in np.ndindex(6, 2):
        weights = np.zeros((*shape, 2))
        weights[..., c] = truth.weights()[s, ..., c] * first
        if not weights.any():
            assert np.isnan(ranks[s, 0, c])
            continue
        weights /= weights.sum()
        one = Prediction(truth.values[[s]], draws[:, [s]]).functional(weights)
        for level in (0.5, 0.9):  # ends are draws: 40 × 0.05 and 40 × 0.25 are whole
            low, high = one.interval(level)
            assert covered(ranks[s, 0, c], level) == (low <= one.mean <= high)


def test_what_cannot_be_compared_is_refused(folders, source, tmp_path):
    with pytest.raises(ShapeError, match="96 × 96"):
        open_models([folders[0], "emoji-96"], STEPS, "cpu")
    with pytest.raises(ValuesError, match="0 steps"):
        open_models([folders[0]], 0, "cpu")
    for wrong in ({"n_draws": 1}, {"count": 0}, {"quarter_fields": 0}, {"fractions": ()}):
        with pytest.raises(ValuesError, match="at least one field each"):
            ModelsProtocol(**wrong)
    Run.create(tmp_path / "other", {"experiment": "draws"})
    with pytest.MonkeyPatch.context() as patch:
        words = ["--model", folders[1], "--run", str(tmp_path / "other"), "--source", source]
        patch.setattr(sys, "argv", ["models", *words])
        with pytest.raises(FieldError, match="a run of draws, not of draws-of-models"):
            models.main()


def test_the_part_that_needs_a_flow_names_this_one(folders, source, tmp_path):
    model = FieldAutoencoder.from_pretrained(folders[0], device="cpu")
    request = Request(tmp_path, open_field(source), source, "quick", model=model)
    with pytest.raises(FieldError, match=r"python -m studies\.draws\.models --model M --run"):
        page_of("draws", request)
