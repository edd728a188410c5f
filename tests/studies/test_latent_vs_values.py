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
from studies.common.attribute_features import AttributeFeatures
from studies.latent_vs_values.report import findings
from studies.latent_vs_values.study import (
    PROTOCOLS,
    GenerationProtocol,
    Likeness,
    PictureSet,
    gaussian_fields,
)

SIZE, COUNT = 16, 6
FLOWS = ["flow in the latent", "flow in the values"]


@pytest.fixture(scope="module")
def truth(smooth_fields):
    return attributed(smooth_fields(count=144, shape=(SIZE, SIZE), variables=3))


@pytest.fixture(scope="module")
def request_of(truth):
    model = tiny_model(truth)
    elapsed = {"autoencoder": 60.0, "ensemble": 90.0, "flow": 120.0, "latent": 30.0}
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


def test_both_flows_a_floor_and_a_gaussian_are_compared(result):
    rows = result.tables[0].rows
    assert [row[0] for row in rows[1:3]] == FLOWS
    assert [row[0].split(" ")[0] for row in rows] == ["training", "flow", "flow", "Gaussian"]
    assert all(np.isfinite(row[1:]).all() for row in rows)
    assert all(0 <= share <= 1 for row in rows for share in row[3:])
    # After three steps of training the flows write next to noise.
    assert rows[0][1] < min(rows[1][1], rows[2][1])


def test_time_to_draw_and_to_train_is_told(result, request_of, tmp_path, monkeypatch):
    latent, values = result.tables[1].rows
    assert values[1] == 1
    assert latent[1] == pytest.approx(latent[2] / values[2])
    assert (latent[3], values[3]) == ("autoencoder, ensemble, latent", "autoencoder, flow")
    assert (latent[4], values[4]) == (3.0, 3.0)
    assert "0.5 minutes to train" in result.findings[-1]


def test_every_set_is_shown(result):
    (grid,) = result.panels
    assert next(name for name in grid.rows if name) == "test pictures"
    assert [name for name in grid.rows if name][2:4] == FLOWS
    assert all(sum(p is not None for p in row) in (COUNT, 0) for row in grid.pictures)


def test_it_is_kept_and_taken_up_again(result, folder, request_of, monkeypatch):
    save_page(result, folder)
    assert load_page(folder).findings == result.findings
    monkeypatch.setattr("studies.latent_vs_values.study.sample", None)
    again = page_of("latent-vs-values", request_of(folder))
    assert [t.rows for t in again.tables] == [t.rows for t in result.tables]
    assert [*again.findings] == [*result.findings]


def test_a_model_without_either_flow_is_refused_first(truth, request_of, tmp_path):
    for phases, lacking in ((["autoencoder"], "latent"), (["autoencoder", "latent"], "flow")):
        bare = tiny_model(truth, *phases)
        with pytest.raises(ValueError, match=f"--phase {lacking}"):
            page_of("latent-vs-values", request_of(tmp_path, model=bare))
        assert not list(tmp_path.iterdir())


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
    ],
)
def test_who_is_nearer_is_said_only_beyond_the_error(latent, values, said):
    sets = [
        likeness("train", 0.0),
        likeness("latent", latent),
        likeness("values", values),
        likeness("gaussian", 1.0),
    ]
    told = findings(sets)
    assert said in told[0]
    assert "nearer than the Gaussian" in told[1]
