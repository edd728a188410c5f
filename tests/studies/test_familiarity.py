"""The study of familiarity: small families whole, resumed, with a model, and its words."""

import sys
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binomtest

sys.path.insert(0, str(Path(__file__).parent))

from study_pages import page_of

from mamba_diffae import FieldAutoencoder
from mamba_diffae.benchmark import Page, Request, load_page, save_page
from mamba_diffae.benchmark.suite import Family, ForeignMethod, Home, PriorMethod
from mamba_diffae.evaluation import Kriging
from mamba_diffae.fields import FieldData, observe
from mamba_diffae.sources import open_field
from studies.familiarity.distributions import distribution
from studies.familiarity.measuring import FamilyFields, in_words
from studies.familiarity.methods import NoFamiliarityError, given_model, prior_alone
from studies.familiarity.outcome import Misses, Outcome, Share, decibels_behind
from studies.familiarity.report import findings, page
from studies.familiarity.study import FamiliarityResult, Plan, home_family

FEW = {"steps": 2, "batch_size": 4, "show_progress": False}
CHANGES = {"model": {"d_model": 16}, "autoencoder": FEW}
AMOUNTS = (4, 0.2)
SIZE = 12


@pytest.fixture(scope="module")
def colours(smooth_fields: Callable[..., FieldData]) -> FieldData:
    """The home family: three variables."""
    return smooth_fields(count=60, shape=(SIZE, SIZE), variables=3)


@pytest.fixture(scope="module")
def greys(smooth_fields: Callable[..., FieldData]) -> FieldData:
    """A foreign family: noise of one variable."""
    fields = smooth_fields(count=60, shape=(SIZE, SIZE))
    noise = np.random.default_rng(1).normal(size=fields.values.shape)
    return replace(fields, values=noise.astype(np.float32))


@pytest.fixture(scope="module")
def plan(greys: FieldData, smooth_fields: Callable[..., FieldData]) -> Plan:
    pairs = smooth_fields(count=24, shape=(SIZE, SIZE), variables=2)
    families = (Family("greys", greys), Family("pairs", pairs))
    return Plan((*AMOUNTS, 200), families, own=8, foreign=6)  # 200 of 144 cells: left out


@pytest.fixture(scope="module")
def run(plan: Plan, colours: FieldData, tmp_path_factory) -> Callable[..., Page]:
    """The page of the study, in one folder, and whatever else of the request is given."""
    folder: Path = tmp_path_factory.mktemp("familiarity")

    def make(**other) -> Page:
        asked = {"folder": folder, "truth": colours, "source": "colours.npy", "scale": "quick"}
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("studies.familiarity.study.PLANS", {"quick": plan})
            return page_of("familiarity", Request(**{**asked, "seed": 1, **other}))

    return make


@pytest.fixture(scope="module")
def result(run: Callable[..., Page]) -> Page:
    return run()


@pytest.fixture(scope="module")
def prior(colours: FieldData) -> PriorMethod:
    return PriorMethod("mixture").fit(colours)


def tiny(data: FieldData, prior: str) -> FieldAutoencoder:
    """A model of a few steps."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # after so few steps no latent is read
        model = FieldAutoencoder("tiny", changes=CHANGES, parts={"prior": prior})
        return model.fit(data, phases=("autoencoder",))


def test_every_number_of_observations_has_a_row(result):
    alarms, misses, detected, worse = result.tables
    words = ["4 cells", "20 %"]
    assert [row[:3] for row in alarms.rows] == [["mixture prior", at, 8] for at in words]
    assert [row[:3] for row in misses.rows] == [["mixture prior", at, 6] for at in words]
    for table in (detected, worse):
        assert table.columns == ["method", "family", *words]
        assert [row[:2] for row in table.rows] == [["mixture prior", "greys"]]
    assert "pairs" in result.facts["left out"]


def test_noise_is_told_from_smooth_fields(result, prior, colours, greys):
    assert all(alarm[3] <= 2 for alarm in result.tables[0].rows)
    foreign = ForeignMethod.of(prior, Home(colours.grid, colours.variables), greys)
    assert foreign is not None
    own, noise = (
        method.predict(observe(fields, 0.2, seed=1), fields.grid).familiarity
        for method, fields in ((prior, colours.split("test")), (foreign, greys))
    )
    assert (noise[:, None] < own).mean() > 0.9  # the area under the ROC curve
    assert (noise < 0.05).mean() > 0.2


def test_p_values_are_those_of_the_product_whatever_is_asked(prior, colours):
    test = colours.split("test")
    seen = observe(test, 4 / SIZE**2, seed=1)
    assert seen.counts.tolist() == [4] * len(test)
    whole = prior.predict(seen, test.grid)
    place = prior.predict(seen, test.grid.centres()[:1])
    assert prior._fitted is not None
    scaler, mixture = prior._fitted
    posterior = mixture.posterior(scaler.observations(seen))
    assert posterior.familiarity is not None
    for found in (whole, place):
        np.testing.assert_allclose(found.familiarity, posterior.familiarity.numpy(), rtol=1e-6)


def test_foreign_fields_are_scored_where_they_were_not_observed(prior, colours, greys, tmp_path):
    fields = FamilyFields(Family("greys", greys), 6, 1, tmp_path)
    outcome = fields.foreign(prior_alone(colours), 0.2)
    test = greys.split("test").take(slice(0, 6))
    seen = observe(test, 0.2, seed=1)
    cells = np.arange(SIZE**2).reshape(SIZE, SIZE)
    foreign = ForeignMethod.of(prior, Home(colours.grid, colours.variables), greys)
    assert foreign is not None
    told = foreign.predict(seen, test.grid)
    behind = []
    kriging = Kriging().fit(greys.split("train"))
    theirs = kriging.predict(seen, test.grid)
    ours, theirs = (found.mean - test.values for found in (told, theirs))
    for b in range(6):
        row, column = (seen.coords[b].numpy() * SIZE).astype(int).T
        left = np.setdiff1d(cells, cells[row, column])
        assert len(left) == SIZE**2 - 29
        squares = [np.square(e[b].reshape(-1)[left]).sum() for e in (ours, theirs)]
        behind.append(10 * np.log10(squares[0] / squares[1]))
    assert outcome is not None
    np.testing.assert_allclose(outcome.behind, behind, atol=1e-3)
    np.testing.assert_array_equal(outcome.familiarity, told.familiarity)


def test_what_is_done_is_found_again(run, result, tmp_path, monkeypatch):
    monkeypatch.setattr(PriorMethod, "fit", None)
    monkeypatch.setattr("studies.familiarity.measuring.Kriging.fit", None)
    assert [t.rows for t in run().tables] == [t.rows for t in result.tables]
    with pytest.raises(TypeError):
        run(seed=2)
    save_page(result, tmp_path)
    assert load_page(tmp_path).findings == result.findings


@pytest.mark.slow  # it trains
def test_a_model_is_scored_beside_the_prior(run, colours, result):
    model = tiny(colours, "mixture")
    alarms, misses, *_ = run(model=model).tables
    for table, alone in zip((alarms, misses), result.tables, strict=False):
        assert [row[0] for row in table.rows] == ["model"] * 2 + ["mixture prior"] * 2
        assert [list(row) for row in table.rows[2:]] == [list(row) for row in alone.rows]


@pytest.mark.slow  # it trains
def test_a_model_without_familiarity_is_refused(colours, tmp_path):
    mute = tiny(colours, "kriging")
    fields = FamilyFields(Family("colours", colours), 4, 0, tmp_path)
    with pytest.raises(NoFamiliarityError, match=r"prior is 'mixture'.*leave --model out"):
        fields.own(given_model(mute), 4)


def test_the_home_family_is_that_of_the_source(tmp_path, colours):
    asked = Request(tmp_path, colours, "fronts")
    assert home_family(asked).name == "fronts"
    mine = home_family(replace(asked, source="fields/mine.npz"))
    assert (mine.name, open_field(mine.source)) == ("mine", colours)


@pytest.mark.parametrize(("count", "total"), [(0, 20), (3, 48), (16, 310), (20, 20)])
def test_intervals_are_exact(count, total):
    share, expected = Share(count, total), binomtest(count, total).proportion_ci(method="exact")
    assert (share.low, share.high) == pytest.approx((expected.low, expected.high), abs=1e-9)
    assert share.contains(count / total)


def made(p: list[float], behind: list[float] | None = None, observed: str = "5 cells") -> Outcome:
    family = "home" if behind is None else "away"
    return Outcome("ours", family, observed, np.array(p), behind and np.array(behind))


def test_a_miss_is_worse_than_kriging_and_not_warned_of():
    outcome = made([0.01, 0.2, 0.2, 0.049, 0.05], [2.0, 2.0, 0.29, -1.0, 0.31])
    assert outcome.worse.tolist() == [True, True, False, False, True]
    assert outcome.missed.tolist() == [False, True, False, False, True]
    both = Misses.of([outcome, made([0.5] * 5, [0.0] * 5)])
    assert (both.worse, both.missed) == (Share(3, 10), Share(2, 10))
    assert both.warned == Share(2, 10)
    assert both.mean_behind == pytest.approx(4.31 / 3)
    assert not both.passed
    assert decibels_behind(np.array([2.0, 0.0]), np.array([1.0, 0.0])).round(2).tolist() == [
        3.01,
        0,
    ]


def test_red_marks_and_sentences_follow_the_numbers():
    right, wrong = [0.01] * 3 + [0.5] * 57, [0.01] * 12 + [0.5] * 48
    outcomes = [
        made(right),
        made(wrong, observed="20 %"),
        made([0.5] * 20, [0.0] * 19 + [1.0]),
        made([0.5] * 20, [0.0] * 18 + [1.0] * 2, observed="20 %"),
    ]
    result = FamiliarityResult(outcomes, {"home": 30, "away": 20}, [], {})
    told = "\n".join(findings(result))
    assert "of 60 own fields 5.0 to 20.0 % are warned of" in told
    assert "of 1 of 2 contains 5 %, not at 20 %: 20.0 % (10.8 to 32.3 %)" in told
    assert "at 5 cells 5.0 % (0.1 to 24.9 %)" in told
    assert "met at 1 of 2 numbers of observations" in told
    assert "Fields in groups: home 60 in 30." in told
    alarms, misses, _, worse = page(result).tables
    for table in (alarms, misses):
        assert [row[-1] for row in table.tones] == ["good", "bad"]
        assert [row[-1] for row in table.rows] == ["yes", "no ✗"]
    assert list(worse.tones[0]) == ["", "", "", "bad"]


def test_the_picture_rises_with_the_share():
    sharp, flat = distribution(np.full(10, 1e-4)), distribution(np.ones(10))
    assert sharp.shape == flat.shape
    assert abs(sharp - flat).max() > 0.5


def test_amounts_in_words():
    assert [in_words(a) for a in (5, 200, 0.2)] == ["5 cells", "200 cells", "20 %"]
