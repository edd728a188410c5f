"""The study of where to flow: what it compares, says and keeps."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from attributed import attributed, tiny_model
from study_pages import page_of

from mamba_diffae.benchmark import Request, load_page, save_page
from mamba_diffae.evaluation.generation import KernelDistance, Support
from mamba_diffae.fields import observe
from studies.common.attribute_features import AttributeFeatures
from studies.latent_vs_values.picture_sets import (
    SET_LABELS,
    PictureSet,
    from_latents,
    gaussian_fields,
)
from studies.latent_vs_values.protocol import PROTOCOLS, GenerationProtocol
from studies.latent_vs_values.report import findings
from studies.latent_vs_values.study import Likeness

SIZE, COUNT = 16, 6
ALWAYS: tuple[PictureSet, ...] = ("latent", "mean", "encoded")
SETS = {"all": ("latent", "mean", "values", "encoded"), "default": ALWAYS}
"""What a model makes, by the phases that were trained: all, or all but the optional flow."""
TRAINED = {"all": (), "default": ("autoencoder", "ensemble", "latent")}


@pytest.fixture(scope="module")
def truth(smooth_fields):
    return attributed(smooth_fields(count=144, shape=(SIZE, SIZE), variables=3))


@pytest.fixture(scope="module", params=SETS)
def trained(request):
    """Which phases were trained."""
    return request.param


@pytest.fixture(scope="module")
def model(truth, trained):
    return tiny_model(truth, *TRAINED[trained])


@pytest.fixture(scope="module")
def request_of(truth, model):
    spent = {"autoencoder": 60.0, "ensemble": 90.0, "flow": 120.0, "latent": 30.0}
    elapsed = {phase: spent[phase] for phase in (*model.fitted.phases, "latent")}
    asked = {"truth": truth, "source": "waves", "scale": "quick", "model": model}
    return lambda folder, **other: Request(folder, **{**asked, "elapsed": elapsed, **other})


@pytest.fixture(scope="module", autouse=True)
def _short():
    with pytest.MonkeyPatch.context() as patch:
        protocol = GenerationProtocol(count=COUNT, steps=1, classifier_steps=30, components=8)
        patch.setitem(PROTOCOLS, "quick", protocol)  # pyright: ignore[reportArgumentType]
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("flows")


@pytest.fixture(scope="module")
def result(request_of, folder):
    return page_of("latent-vs-values", request_of(folder))


def test_what_the_model_can_make_a_floor_and_a_gaussian_are_compared(result, trained):
    rows = result.tables[0].rows
    sets = ("train", *SETS[trained], "gaussian")
    assert [row[0] for row in rows] == [SET_LABELS[name] for name in sets]
    assert all(np.isfinite(row[1:]).all() for row in rows)
    assert all(0 <= share <= 1 for row in rows for share in row[3:])
    # After three steps of training a model writes next to noise. From latents of the very test
    # pictures it does not: a part of the latent is known in closed form.
    new = [row[1] for name, row in zip(sets, rows, strict=True) if name in ("latent", "values")]
    assert rows[0][1] < min(new)


def test_values_are_spoken_of_only_where_they_have_a_flow(result, trained):
    tables = [
        t.caption + " ".join([*t.columns, *(row[0] for row in t.rows)]) for t in result.tables
    ]
    told = " ".join([result.title, result.question, *result.findings, *tables])
    assert ("values" in told) == (trained == "all")
    assert ("relative to" in told) == (trained == "all")


def test_time_to_draw_and_to_train_is_told(result, trained):
    costs = result.tables[1]
    rows = {row[0]: dict(zip(costs.columns, row, strict=True)) for row in costs.rows}
    latent, mean = (rows.pop(SET_LABELS[name]) for name in ("latent", "mean"))
    assert latent["phases"] == "autoencoder, ensemble, latent"
    assert mean["phases"] == "autoencoder, latent"
    assert (latent["minutes of training"], mean["minutes of training"]) == (3.0, 1.5)
    assert "0.5 minutes to train" in result.findings[-1]
    assert ("times as long" in result.findings[-1]) == (trained == "all")
    assert ("seconds a picture;" in result.findings[-1]) == (trained == "default")
    assert list(rows) == ([SET_LABELS["values"]] if trained == "all" else [])
    for values in rows.values():
        assert (values["drawing"], values["phases"]) == (1, "autoencoder, flow")
        assert values["minutes of training"] == 3.0
        ratio = latent["seconds a picture"] / values["seconds a picture"]
        assert latent["drawing"] == pytest.approx(ratio)
    assert all(("drawing" in row) == (trained == "all") for row in (latent, mean))


def test_minutes_that_are_not_known_are_left_out(request_of, folder):
    """A saved model has no run; phases are told all the same."""
    costs = page_of("latent-vs-values", request_of(folder, elapsed={})).tables[1]
    assert {row[-1] for row in costs.rows} == {None}
    assert costs.rows[0][-2] == "autoencoder, ensemble, latent"


def test_latents_of_test_pictures_are_called_a_bound(result):
    caption, (bound,) = result.tables[0].caption, [f for f in result.findings if "bound" in f]
    assert "observed at 60\xa0% of its cells" in caption
    assert "reconstructions of the very pictures they are compared with" in caption
    assert "not new pictures" in caption
    row = next(r for r in result.tables[0].rows if r[0] == SET_LABELS["encoded"])
    assert f"{row[1]:.3f} ± {row[2]:.3f}" in bound
    # Each test picture is paired with itself: that lowers an estimate which else has the mean 0.
    perfect = float(bound.removesuffix(".").rsplit(" ", 1)[1])
    assert perfect < 0
    assert f"distance {perfect:.3f}" in caption


def test_a_draw_from_the_latent_of_a_picture_and_from_nothing_else(model, request_of, tmp_path):
    data, protocol = request_of(tmp_path).truth.split("test").take([0, 1]), PROTOCOLS["quick"]
    made = from_latents(data, protocol, request_of(tmp_path))
    latents = model.encode(observe(data, 0.6, seed=0))
    drawn = model.decode(latents, n_draws=1, seed=0)
    assert made == pytest.approx(drawn.draws[0], abs=1e-5)
    assert not np.allclose(made, drawn.mean, atol=1e-3)
    assert abs(made[0] - made[1]).max() > 1e-3


def test_other_test_pictures_are_drawn_anew(request_of, tmp_path):
    test, protocol = request_of(tmp_path).truth.split("test"), PROTOCOLS["quick"]
    first, other = (from_latents(test.take([k]), protocol, request_of(tmp_path)) for k in range(2))
    assert not np.array_equal(first, other)


def test_every_set_is_shown(result, trained):
    (grid,) = result.panels
    shown = ("test", "train", *SETS[trained], "gaussian")
    assert [name for name in grid.rows if name] == [SET_LABELS[name] for name in shown]
    assert all(sum(p is not None for p in row) in (COUNT, 0) for row in grid.pictures)


def test_it_is_kept_and_taken_up_again(result, folder, request_of, monkeypatch):
    save_page(result, folder)
    assert load_page(folder).findings == result.findings
    monkeypatch.setattr("studies.latent_vs_values.picture_sets.sample", None)
    monkeypatch.setattr("studies.latent_vs_values.picture_sets.observe", None)
    again = page_of("latent-vs-values", request_of(folder))
    assert [t.rows for t in again.tables] == [t.rows for t in result.tables]
    assert [*again.findings] == [*result.findings]


@pytest.mark.parametrize(
    ("phases", "lacking"),
    [(["autoencoder"], "latent"), (["autoencoder", "latent"], "ensemble")],
)
def test_a_model_that_cannot_draw_from_a_latent_is_refused_first(truth, tmp_path, phases, lacking):
    bare = Request(tmp_path, truth, "waves", "quick", model=tiny_model(truth, *phases))
    with pytest.raises(ValueError, match=f"--phase {lacking}"):
        page_of("latent-vs-values", bare)
    assert not list(tmp_path.iterdir())


def test_without_the_phase_ensemble_the_flow_draws_from_the_latent(truth, tmp_path):
    model = tiny_model(truth, "autoencoder", "flow", "latent")
    page = page_of("latent-vs-values", Request(tmp_path, truth, "waves", "quick", model=model))
    assert [row[0] for row in page.tables[0].rows[1:-1]] == [SET_LABELS[n] for n in SETS["all"]]
    phases = dict(zip(page.tables[1].columns, page.tables[1].rows[0], strict=True))["phases"]
    assert phases == "autoencoder, flow, latent"


def test_fields_without_attributes_are_refused(request_of, smooth_fields, tmp_path):
    bare = smooth_fields(count=12, shape=(SIZE, SIZE), variables=3)
    with pytest.raises(ValueError, match=r"0 attributes, and none .* such as emoji or cifar10:DIR"):
        page_of("latent-vs-values", request_of(tmp_path, truth=bare))


@pytest.fixture(scope="module")
def classifier(truth, tmp_path_factory):
    folder = tmp_path_factory.mktemp("classifier")
    return AttributeFeatures(truth.split("train"), folder, steps=150, seed=0)


def test_the_classifier_tells_attributes_of_unseen_fields(classifier, truth):
    assert classifier.attributes == ["bright", "colour=blue", "colour=red"]
    assert classifier.score(truth.split("test")) > 0.9


def test_features_are_standardised_and_found_again(classifier, truth, tmp_path):
    train = truth.split("train")
    features = classifier(train.values)
    assert features.shape == (len(train), 64)
    assert features.mean(axis=0) == pytest.approx(0, abs=1e-4)
    first = AttributeFeatures(train, tmp_path, steps=2, seed=0)
    again = AttributeFeatures(train, tmp_path, steps=2, seed=0)
    other = AttributeFeatures(train, tmp_path / ".", steps=2, seed=1)
    assert (first(train.values) == again(train.values)).all()
    assert abs(first(train.values) - other(train.values)).max() > 0.1


def test_the_gaussian_has_the_moments_of_the_training_fields(truth):
    train = truth.split("train")
    values = gaussian_fields(train, 3000, 20, seed=0)
    assert values.shape == (3000, SIZE, SIZE, 3)
    assert values.mean(axis=0) == pytest.approx(train.values.mean(axis=0), abs=0.15)
    assert values.std(axis=0).mean() == pytest.approx(train.values.std(axis=0).mean(), rel=0.1)
    assert values[:3] == pytest.approx(gaussian_fields(train, 3, 20, seed=0), abs=1e-4)


def likeness(name: PictureSet, value: float, error: float = 0.01) -> Likeness:
    return Likeness(name, KernelDistance(value, error), Support(0.8, 0.5))


@pytest.mark.parametrize(
    ("latent", "values", "said"),
    [
        (0.1, 0.3, "the flow in the latent is nearer than the flow in the values (0.100"),
        (0.3, 0.1, "the flow in the values is nearer than the flow in the latent (0.100"),
        (0.11, 0.1, "do not differ by more than twice the standard error"),
        (0.1, None, "the flow in the latent is nearer than the Gaussian"),
    ],
)
def test_who_is_nearer_is_said_only_beyond_the_error(latent, values, said):
    sets = [
        likeness("train", 0.0),
        likeness("latent", latent),
        likeness("mean", 2.0),
        likeness("encoded", 0.05),
        *([] if values is None else [likeness("values", values)]),
        likeness("gaussian", 1.0),
    ]
    told = findings(sets, -0.04)
    assert said in told[0]
    gaussian, mean = told[:2] if values is None else told[1:3]
    assert "nearer than the Gaussian" in gaussian
    assert "the flow in the latent is nearer than the mean in place of the draw" in mean
    assert ("0.80 and 0.50 for the flow in the values" in told[-3]) == (values is not None)
    assert told[-2].endswith("are at 0.050 ± 0.010; perfect reconstructions would be at -0.040.")
