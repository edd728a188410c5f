"""The study of what the latent knows: tables, goals, pictures, and what it keeps."""

import re
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from attributed import attributed, tiny_model
from study_pages import page_of

from mamba_diffae.benchmark import Request, load_page, save_page
from mamba_diffae.evaluation import Interval
from mamba_diffae.evaluation.probes import ProbeScore
from mamba_diffae.fields import observe
from studies.common.pictures import pictures_of
from studies.probes.features import KRIGED, LATENT, TRUTH, Feature
from studies.probes.latent_swap import swap_latents
from studies.probes.panels import map_grid, neighbours_grid
from studies.probes.report import findings
from studies.probes.result import Probed, ProbesResult, Stability, Taught
from studies.probes.study import PROTOCOLS, ProbesProtocol

SIZE = 16
KINDS = ["latent", "PCA of the truth", "PCA of kriging"]
SCALED = [*KINDS, *(f"{kind}, unscaled" for kind in KINDS[1:])]
PARTS = [f"{part} alone" for part in ("pca", "histogram")]


@pytest.fixture(scope="module")
def truth(smooth_fields):
    return attributed(smooth_fields(count=120, shape=(SIZE, SIZE), variables=3))


@pytest.fixture(scope="module")
def request_of(truth):
    model = tiny_model(truth, "autoencoder")
    return lambda folder, **other: Request(
        folder, **{"truth": truth, "source": "waves", "scale": "quick", "model": model, **other}
    )


@pytest.fixture(scope="module", autouse=True)
def _short():
    with pytest.MonkeyPatch.context() as patch:
        protocol = ProbesProtocol(components=12, least=5, classifier_steps=30)
        patch.setitem(PROTOCOLS, "quick", protocol)  # pyright: ignore[reportArgumentType]
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("probes")


@pytest.fixture(scope="module")
def told():
    return []


@pytest.fixture(scope="module")
def result(request_of, folder, told):
    return page_of("probes", request_of(folder), told.append)


def test_every_kind_of_features_is_probed_on_every_attribute(result):
    means, attributes, *_ = result.tables
    assert [row[0] for row in means.rows] == [*SCALED, *PARTS]
    assert [row[0] for row in attributes.rows] == ["bright", "colour=blue", "colour=red"]
    of_each = np.array([row[3:4] + row[6:] for row in attributes.rows], float)
    assert of_each.mean(axis=0) == pytest.approx([row[1] for row in means.rows])
    # The first variables themselves say both: their components cannot miss it.
    assert means.rows[3][1] > 0.9
    assert means.rows[3][4] == pytest.approx(means.rows[0][1] - means.rows[3][1])
    assert all(row[2] >= row[1] // 2 > 0 for row in attributes.rows)


def test_only_what_was_not_trained_on_is_judged(result, truth):
    judged = truth.splits != "train"
    assert f"{judged.sum()} pictures of {len(set(truth.groups[judged]))} bases" in str(result.facts)


def test_the_same_picture_is_compared_with_others(result):
    rows = result.tables[2].rows
    assert [row[0] for row in rows] == [KINDS[0], KINDS[2], SCALED[4], *PARTS]
    assert all(row[2] <= row[1] <= row[3] for row in rows)
    assert all(row[4] > row[5] for row in rows)


def test_swapped_latents_move_the_mean(result):
    swapped = result.tables[3].rows
    assert [row[0] for row in swapped] == ["latent+points", "latent"]
    assert all(row[1] > 0 for row in swapped)
    assert f"moves the mean by {swapped[0][1]:.2f} of its error" in result.findings[-1]


def test_beside_it_stands_what_a_taught_classifier_tells_of_complete_pictures(result, truth):
    taught = re.search(
        r"taught the attributes by (\d+) .* mean AUROC of (\d\.\d+)", result.findings[-2]
    )
    assert taught is not None
    assert int(taught[1]) == (truth.splits == "train").sum()
    assert float(taught[2]) > 0.9  # the pictures' own brightness and colour


def test_the_move_is_that_of_the_means(request_of, truth, tmp_path):
    model = request_of(tmp_path).model
    three = truth.split("test").distinct(3)
    seen = observe(three, 0.2)
    latents = model.encode(seen)
    own = model.predict(seen, three, latents=latents, decoder_inputs="latent").mean
    other = model.predict(seen, three, latents=latents[[2, 0, 1]], decoder_inputs="latent").mean
    expected = np.sqrt(np.square(other - own).mean() / np.square(three.values - own).mean())
    assert swap_latents(model, three, seen)[1].moved == pytest.approx(float(expected), rel=1e-3)


def test_neighbours_and_map_are_shown(result, truth):
    near, plane = result.panels
    assert near.columns == ["picture", *"123456"]
    assert near.rows[0].endswith("by latent")
    queries = [row[0] for row in near.pictures]
    assert all((row[0] != other).any() for row in near.pictures for other in row[1:])
    assert (queries[0] == queries[1]).all()
    bases = len(set(truth.groups[truth.splits != "train"]))
    side = int(np.ceil(bases**0.5)) * SIZE
    assert [p.shape for p in plane.pictures[0]] == [(side, side, 3)] * 2


def test_it_is_told_kept_and_taken_up_again(result, told, folder, request_of, monkeypatch):
    assert {"latents first: 40 of 40 fields", "kriging second: 40 of 40 fields"} <= set(told)
    save_page(result, folder)
    assert load_page(folder).findings == result.findings
    monkeypatch.setattr("studies.probes.study.probe_features", None)
    again = page_of("probes", request_of(folder))
    assert [t.rows for t in again.tables] == [t.rows for t in result.tables]


def test_another_seed_is_observed_anew(request_of, folder, monkeypatch):
    monkeypatch.setattr("studies.probes.study.probe_features", None)
    with pytest.raises(TypeError):
        page_of("probes", request_of(folder, seed=1))


def test_fields_without_attributes_are_refused(request_of, smooth_fields, tmp_path):
    bare = smooth_fields(count=12, shape=(SIZE, SIZE), variables=3)
    with pytest.raises(ValueError, match=r"'waves' has 0 attributes.*such as emoji or cifar10:DIR"):
        page_of("probes", request_of(tmp_path, truth=bare))
    assert not list(tmp_path.iterdir())


UNSCALED = [Feature("truth", unscaled=True), Feature("kriged", unscaled=True)]


def probed(feature: Feature, mean: float) -> Probed:
    resampled = mean + 0.01 * np.random.default_rng(0).normal(size=200)
    interval = Interval(mean, mean - 0.02, mean + 0.02)
    return Probed(feature, ProbeScore(feature.key, {}, interval, resampled))


def stable(feature: Feature, hits: float) -> Stability:
    return Stability(feature, Interval(hits, hits, hits), Interval(0.9, 0.9, 0.9), 0.0)


@pytest.mark.parametrize(
    ("means", "hits", "passed"),
    [
        ((0.95, 0.8, 0.8, 0.9, 0.85), 0.98, [True] * 4),
        ((0.89, 0.8, 0.8, 0.85, 0.85), 0.97, [False, True, True, True]),
        # Above the standardised components alone is not enough.
        ((0.95, 0.8, 0.8, 0.96, 0.85), 0.9, [True, False, True, False]),
        ((0.95, 0.8, 0.96, 0.9, 0.9), 0.9, [True, True, False, False]),
    ],
)
def test_goals_are_judged_by_the_better_scaling(means, hits, passed):
    kinds = [LATENT, TRUTH, KRIGED, *UNSCALED]
    scores = [probed(kind, mean) for kind, mean in zip(kinds, means, strict=True)]
    part = Feature("part", part="pca")  # a part of the latent is no rival
    stability = [stable(LATENT, hits), stable(KRIGED, 0.5), stable(part, 0.99)]
    result = ProbesResult(scores, [], stability, [], Taught(0, 0, 0.0), [], {})
    assert [goal.passed for goal in result.goals] == passed
    told = findings(result)
    assert sum("the goal passed" in sentence for sentence in told) == sum(passed)
    assert f"{abs(means[0] - means[3]):.3f} {'above' if means[0] >= means[3] else 'below'}" in (
        "\n".join(told)
    )
    assert f"{hits:.1%}" in told[-1]


def test_neighbours_are_the_nearest_by_angle(truth):
    four = truth.take(np.arange(4))
    x = np.array([[1.0, 0.0], [2.0, 0.1], [0.0, 1.0], [0.1, 3.0]])
    grid = neighbours_grid({"angle": x}, four, queries=4)
    shown = pictures_of(four)
    assert [(row[1] == shown[i]).all() for row, i in zip(grid.pictures, [1, 0, 3, 2], strict=True)]
    for row, i in zip(grid.pictures, [1, 0, 3, 2], strict=True):
        assert (row[1] == shown[i]).all()


def test_on_the_map_every_picture_is_seen_once(truth):
    nine = truth.take(np.arange(9))
    (drawn,) = map_grid({"x": np.random.default_rng(0).normal(size=(9, 5))}, nine, 0).pictures[0]
    assert drawn is not None
    tiles = drawn.reshape(3, SIZE, 3, SIZE, 3).transpose(0, 2, 1, 3, 4).reshape(9, -1)
    own = np.stack(pictures_of(nine)).reshape(9, -1)
    assert {*map(bytes, tiles.astype(np.float32))} == {*map(bytes, own.astype(np.float32))}
