"""The study of paths between pictures: its measures, its words, and what it keeps."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from attributed import tiny_model
from study_pages import page_of

from mamba_diffae.benchmark import Request, load_page, save_page
from mamba_diffae.latent.interpolation import lerp
from studies.interpolation.measures import (
    MEASURES,
    PATHS,
    Nearest,
    endpoint_distance,
    middle,
    path_length,
    roughness,
    second_difference,
)
from studies.interpolation.report import PATH_LABELS, findings
from studies.interpolation.study import PROTOCOLS, InterpolationProtocol, pairs_of

SIZE = 16


@pytest.fixture(scope="module")
def truth(smooth_fields):
    return smooth_fields(count=36, shape=(SIZE, SIZE), variables=3)


@pytest.fixture(scope="module")
def request_of(truth):
    model = tiny_model(truth, "autoencoder", "flow")
    return lambda folder, **other: Request(
        folder, **{"truth": truth, "source": "waves", "scale": "quick", "model": model, **other}
    )


@pytest.fixture(scope="module", autouse=True)
def _short():
    with pytest.MonkeyPatch.context() as patch:
        protocol = InterpolationProtocol(
            pairs=2, frames=4, inverted=2, fractions=(1.0, 0.2), steps=3, shown=1
        )
        patch.setitem(PROTOCOLS, "quick", protocol)  # pyright: ignore[reportArgumentType]
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("paths")


@pytest.fixture(scope="module")
def told():
    return []


@pytest.fixture(scope="module")
def result(request_of, folder, told):
    return page_of("interpolation", request_of(folder), told.append)


def test_blends_are_straight_and_latent_paths_are_measured_beside_them(result):
    rows = {row[0]: dict(zip(MEASURES, row[1:], strict=True)) for row in result.tables[0].rows}
    assert list(rows) == [PATH_LABELS[kind] for kind in PATHS]
    rows = dict(zip(PATHS, rows.values(), strict=True))
    for name in ("blend", "reconstructed"):
        assert rows[name]["straightness"] == pytest.approx(1, abs=1e-3)
        assert rows[name]["bend"] == pytest.approx(0, abs=1e-3)
    assert rows["latent"]["straightness"] >= 1
    assert rows["true"]["length"] is None
    assert rows["true"]["nearest"] > 0
    assert len(result.tables[1].rows) == 2 * len(MEASURES)


def test_the_noise_of_a_picture_brings_it_back(result):
    rows = result.tables[2].rows
    assert [row[0] for row in rows] == ["100%"] * 6 + ["20%"] * 6
    score = {(row[0], row[1]): row[2] for row in rows}
    assert score["100%", "latent + inverted noise"] > score["100%", "latent: mean"]
    assert all(low <= mean <= high for _, _, mean, low, high in rows)
    assert f"{score['20%', 'latent + inverted noise']:.1f} dB" in result.findings[-1]


def test_it_is_told_shown_kept_and_taken_up_again(result, told, folder, request_of, monkeypatch):
    assert {"paths: 2 of 2 pairs", "inverted noise from 20% of the cells"} <= set(told)
    (grid,) = result.panels
    assert grid.columns == ["0.00", "0.33", "0.67", "1.00"]
    assert len(grid.rows) == 3 * 5  # a row for each variable
    assert grid.pictures[3][1] is None
    save_page(result, folder)
    assert load_page(folder).findings == result.findings
    for part in ("_paths", "rebuilt_arrays"):
        monkeypatch.setattr(f"studies.interpolation.study.{part}", None)
    again = page_of("interpolation", request_of(folder))
    assert again.findings == result.findings
    with pytest.raises(TypeError):
        page_of("interpolation", request_of(folder, seed=1))


def test_no_two_pairs_share_a_base(truth):
    test = truth.split("test")
    pairs = pairs_of(test, 100, 0)
    groups = [field.groups[0] for pair in pairs for field in pair]
    assert len(pairs) == len(test) // 2
    assert len(set(groups)) == len(groups)
    assert [p[0].names for p in pairs_of(test, 2, 0)] == [p[0].names for p in pairs[:2]]
    assert [p[0].names for p in pairs_of(test, 2, 1)] != [p[0].names for p in pairs[:2]]
    with pytest.raises(ValueError, match="holds 1 fields of distinct bases; a path needs two"):
        pairs_of(test.take(slice(1)), 4, 0)


def test_a_detour_is_longer_and_bent():
    a, b = np.zeros((4, 4, 1)), np.ones((4, 4, 1))
    straight = lerp(a, b, np.linspace(0, 1, 5))
    assert [path_length(straight), endpoint_distance(straight)] == pytest.approx([1, 1])
    assert second_difference(straight) == pytest.approx(0, abs=1e-12)
    bent = straight.copy()
    bent[2] = 0
    assert path_length(bent) > 1.4
    assert second_difference(bent) > 1
    assert len(middle(straight)) == 1
    assert [m.mean() for m in middle(lerp(a, b, np.linspace(0, 1, 6)))] == pytest.approx([0.4, 0.6])


def test_roughness_is_that_of_the_true_ends_or_less():
    rng = np.random.default_rng(0)
    ends = rng.random((2, 8, 8, 1))
    for frames in (3, 4):
        assert roughness(np.stack([ends[0]] * frames), ends[[0, 0]]) == pytest.approx(1)
        assert roughness(lerp(*ends, np.linspace(0, 1, frames)), ends) < 0.9


def test_the_nearest_is_of_other_groups(truth):
    nearest = Nearest(truth, mirrored=False)
    own = truth.take(slice(3, 4))
    assert nearest(own.values, np.array([])) == pytest.approx(0, abs=1e-6)
    assert nearest(own.values, own.groups) > 0.01


@pytest.mark.parametrize(
    ("gap", "said"),
    [
        (-0.05, "nearer than the middle"),
        (0.05, "farther than the middle"),
        (0.0, "not distinguishable from the middle"),
    ],
)
def test_words_follow_the_intervals(gap, said):
    noise = 0.01 * np.random.default_rng(0).normal(size=(40, len(MEASURES)))
    level = np.ones((40, len(MEASURES)))
    noise -= noise.mean(axis=0)
    measured = dict.fromkeys(PATHS, level) | {"latent": level + gap + noise}
    assert said in "\n".join(findings(measured))
