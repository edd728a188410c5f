"""The benchmark: a model beside the classical methods, on the same observations."""

from collections.abc import Callable

import numpy as np
import pytest

from mamba_diffae.benchmark import (
    BenchmarkResult,
    Protocol,
    benchmark_page,
    load_page,
    run_benchmark,
    save_page,
)
from mamba_diffae.benchmark.painters import painter_of
from mamba_diffae.benchmark.painting import Shown
from mamba_diffae.benchmark.summary import findings
from mamba_diffae.estimator import FieldAutoencoder
from mamba_diffae.evaluation import Baseline
from mamba_diffae.fields import FieldData, Prediction, observe
from mamba_diffae.report.html import render

pytestmark = pytest.mark.slow
SIZE = 24
FEW = {"steps": 3, "batch_size": 4, "show_progress": False}
CHANGES = {"model": {"d_model": 16}, "autoencoder": FEW, "flow": FEW}
PHASES = ["autoencoder", "flow"]
PROTOCOL = Protocol(scales=(8, SIZE), fraction=0.3, seed=1)
CURVES = [
    {"phase": "autoencoder", "step": 3, "validation": {"psnr": 20.0}},
    {"phase": "flow", "step": 3, "validation": {"psnr": 19.5}},
]


@pytest.fixture(scope="module")
def truth(smooth_fields: Callable[..., FieldData]) -> FieldData:
    return smooth_fields(count=12, shape=(SIZE, SIZE), variables=3)


@pytest.fixture(scope="module")
def model(truth: FieldData) -> FieldAutoencoder:
    return FieldAutoencoder("tiny", changes=CHANGES).fit(truth, phases=PHASES)


@pytest.fixture(scope="module")
def told() -> list[str]:
    return []


@pytest.fixture(scope="module")
def result(model: FieldAutoencoder, truth: FieldData, told: list[str]) -> BenchmarkResult:
    return run_benchmark(
        model,
        truth.split("test"),
        truth.split("train"),
        PROTOCOL,
        curves=CURVES,
        facts={"seed": "1"},
        on_progress=told.append,
    )


def test_every_method_has_a_score_at_every_scale(result):
    by_scale = {
        scale: [s.method.label for s in result.scores if s.scale == scale]
        for scale in PROTOCOL.scales
    }
    assert by_scale[8] == by_scale[SIZE]
    assert {
        "nearest",
        "kriging",
        "gappy POD",
        "autoencoder, latent+points",
        "autoencoder, latent",
        "autoencoder, asked at the scale",
        f"oracle: true {SIZE}², bicubic",
    } <= set(by_scale[8])
    assert {score.count for score in result.scores} == {2}


def test_the_oracle_is_beyond_60_db(result):
    oracle = [s for s in result.scores if s.method.kind == "oracle"]
    assert all(score.psnr.mean > 60 for score in oracle)


def test_ours_is_scored_as_predicted(result, model, truth):
    test = truth.split("test")
    mean = model.predict(PROTOCOL.observe(test)).mean
    error = np.clip(test.unit_interval(mean), 0, 1) - test.unit_interval(test.values)
    psnr = -10 * np.log10(np.square(error).mean(axis=(1, 2, 3)))
    at_native = [s for s in result.scores if s.scale == SIZE]
    found = next(s for s in at_native if s.method.label == "autoencoder, latent+points")
    assert found.psnr.mean == pytest.approx(psnr.mean(), abs=1e-3)


def test_natively_asked_is_asked_at_the_scale(result):
    rows = {s.method.label: s.psnr.mean for s in result.scores if s.scale == SIZE}
    assert rows["autoencoder, asked at the scale"] == rows["autoencoder, latent+points"]
    rows = {s.method.label: s.psnr.mean for s in result.scores if s.scale == 8}
    assert rows["autoencoder, asked at the scale"] != rows["autoencoder, latent+points"]


def test_findings_name_the_best_of_both_sides(result):
    for scale, finding in zip(PROTOCOL.scales, findings(result), strict=False):
        rows = [s for s in result.scores if s.scale == scale]
        ours = max((s for s in rows if s.method.kind == "network"), key=lambda s: s.psnr.mean)
        theirs = max((s for s in rows if s.method.kind == "baseline"), key=lambda s: s.psnr.mean)
        assert finding.startswith(f"At {scale} × {scale} our best ({ours.method})")
        assert f"{ours.psnr.mean:.2f} dB" in finding
        assert f"({theirs.method}, {theirs.psnr.mean:.2f} dB)" in finding
        assert ("above" if ours.psnr.mean >= theirs.psnr.mean else "below") in finding


def test_what_the_second_phase_did_is_told(result):
    assert any("from 20.00 to 19.50 dB" in finding for finding in findings(result))


def test_draws_are_judged_at_the_native_size(result):
    draws = result.draws
    assert (draws.n_draws, draws.shape) == (Protocol().draws, (SIZE, SIZE))
    assert (draws.method.label, draws.method.kind) == ("autoencoder", "network")


def test_the_uncertainty_of_a_flow_is_that_of_the_draws_in_the_panels(result):
    ours, kriging = result.uncertainty
    assert (ours.method, ours.origin, kriging.method.label) == (
        result.draws.method,
        "flow",
        "kriging",
    )
    assert ours.evaluations > 1
    assert (ours.uncertainty.n_draws, ours.uncertainty.count) == (Protocol().draws, 2)
    covered = f"{100 * ours.uncertainty.coverage[-1].mean:.0f}\xa0%"
    assert findings(result)[-1].startswith(f"Of the cells that no observation touched, {covered}")
    assert "How honest is the uncertainty" in render(benchmark_page(result))


def test_panels_show_every_method_and_the_draws(result):
    *methods, draws = result.panels
    assert [grid.title for grid in methods] == [
        f"Every method at {scale} × {scale}" for scale in PROTOCOL.scales
    ]
    for grid, scale in zip(methods, PROTOCOL.scales, strict=True):
        assert grid.columns[:2] == ["truth", "observed"]
        shown = [picture for row in grid.pictures for picture in (row[0], *row[2:])]
        assert {picture.shape for picture in shown} == {(scale, scale, 3)}
    assert list(draws.columns) == [
        "truth", "observed", "mean", "standard deviation", "draw 1", "draw 2",
    ]  # fmt: skip


def test_everything_is_told_while_it_goes_on(result, told):
    text = "\n".join(told)
    for step in ("autoencoder, latent+points: 2 of 2", f"kriging at scale {SIZE}", "draws"):
        assert step in text


def test_it_is_kept_and_opened_again(result, tmp_path):
    page = benchmark_page(result)
    save_page(page, tmp_path)
    kept = load_page(tmp_path)
    assert [s.to_dict() for s in kept.scores] == [s.to_dict() for s in result.scores]
    assert list(kept.findings) == list(page.findings)
    assert kept.facts == {"seed": "1"}
    assert list(kept.uncertainty) == list(result.uncertainty)


@pytest.fixture(scope="module")
def rendered(model: FieldAutoencoder, truth: FieldData) -> BenchmarkResult:
    """Judged at the native size, and shown above it."""
    protocol = Protocol(scales=(40, SIZE, 32), fraction=0.3, seed=1)
    return run_benchmark(model, truth.split("test"), truth.split("train"), protocol)


def test_above_the_native_size_nothing_is_scored_and_that_is_said(rendered):
    assert {score.scale for score in rendered.scores} == {SIZE}
    (said,) = [finding for finding in findings(rendered) if "there is no truth" in finding]
    assert said.startswith(f"At 32 × 32, 40 × 40 there is no truth, since the fields have {SIZE}")
    assert "not scored" in said


def test_above_the_native_size_the_decoder_is_asked_there(rendered, model, truth):
    native, first, second, _ = rendered.panels
    assert native.title == f"Every method at {SIZE} × {SIZE}"
    for grid, scale in ((first, 40), (second, 32)):
        assert grid.title == f"Rendered at {scale} × {scale}, above the native grid"
        assert list(grid.columns) == [
            f"truth at {SIZE} × {SIZE}", "observed", "thin-plate spline",
            "autoencoder, latent+points", "autoencoder, latent",
        ]  # fmt: skip
        for row in grid.pictures:
            assert [p.shape[0] for p in row] == [SIZE, SIZE, scale, scale, scale]
    shown = truth.split("test")
    seen = observe(shown, 0.3, seed=1)
    grid = truth.grid.regrid((32, 32))
    painter = painter_of(truth.variables, grid)
    for column, inputs in ((3, "latent+points"), (4, "latent")):
        asked = model.predict(seen, grid.centres(), decoder_inputs=inputs).mean
        expected = [painter.paint(Shown(v.reshape(32, 32, 3), grid)) for v in asked]
        found = np.stack([row[column] for row in second.pictures])
        np.testing.assert_allclose(found, np.concatenate(expected), atol=1e-4)


def test_pictures_above_the_native_size_reach_the_report(rendered):
    page = render(benchmark_page(rendered))
    assert "Rendered at 40 × 40, above the native grid" in page
    assert "there is no truth" in page
    assert page.count('width="40" height="40"') == 3 * len(rendered.panels[1].rows)


def test_a_baseline_has_one_context(truth):
    changes = {"model": {"d_model": 16}, "flow": FEW}
    model = FieldAutoencoder("tiny", architecture="minimal-latent", changes=changes).fit(truth)
    protocol = Protocol(scales=(SIZE,), fraction=0.3, pattern="block")
    result = run_benchmark(model, truth.split("test"), truth.split("train"), protocol)
    ours = [s.method.label for s in result.scores if s.method.kind == "network"]
    assert ours == ["minimal-latent", "minimal-latent, asked at the scale"]
    assert not any("Flow matching changed" in finding for finding in findings(result))


@pytest.mark.parametrize(
    ("protocol", "message"),
    [
        (Protocol(scales=(48,)), "Scale 48 was asked, but the native grid has 24 × 24"),
        (Protocol(scales=(8, 0)), "Scale 0 was asked, but the native grid has 24 × 24"),
        (Protocol(scales=(8, 1025)), "rendered at up to 1024 .*predict --size 1025"),
        (Protocol(scales=(8,), fraction=1.5), "fraction is 1.5"),
        (Protocol(scales=(8,), pattern="spiral"), "Unknown pattern 'spiral'"),
    ],
)
def test_a_bad_protocol_is_refused_before_any_work(model, truth, told, protocol, message):
    before = len(told)
    with pytest.raises(ValueError, match=message):
        run_benchmark(model, truth, truth, protocol, on_progress=told.append)
    assert len(told) == before


def test_fields_of_other_variables_or_axes_are_refused_before_any_work(model, smooth_fields, told):
    before = len(told)
    grey, line = (smooth_fields(6, shape, 1) for shape in ((SIZE, SIZE), (SIZE,)))
    for fields, message in ((grey, "1 variables, but .* fitted on 3"), (line, "axes x were asked")):
        with pytest.raises(ValueError, match=message):
            run_benchmark(model, fields, fields, PROTOCOL, on_progress=told.append)
    assert len(told) == before


class Constant(Baseline):
    """A method of one's own: the middle of the range everywhere."""

    name = "constant"

    def predict(self, observations, targets):
        return Prediction.of_mean(np.zeros((len(observations), *targets.shape, 3)), grid=targets)


def test_a_method_of_ones_own_is_scored_and_shown(model, truth):
    protocol = Protocol(scales=(SIZE,), fraction=0.3)
    test, train = truth.split("test"), truth.split("train")
    result = run_benchmark(model, test, train, protocol, baselines=[Constant()])
    (found,) = [s for s in result.scores if s.method.label == "constant"]
    error = test.unit_interval(test.values) - 0.5
    psnr = -10 * np.log10(np.square(error).mean(axis=(1, 2, 3)))
    assert found.psnr.mean == pytest.approx(psnr.mean(), abs=1e-4)
    assert found.rmse == pytest.approx(np.sqrt(np.square(test.values).mean(axis=(0, 1, 2))))
    assert "constant" in result.panels[0].columns


@pytest.mark.parametrize(
    ("shape", "variables", "gaps"), [((30,), 1, True), ((10, 20), 2, True), ((8, 10, 12), 1, False)]
)
def test_fields_of_any_shape_with_gaps(smooth_fields, shape, variables, gaps):
    data = smooth_fields(count=12, shape=shape, variables=variables, gaps=gaps)
    model = FieldAutoencoder("tiny", changes=CHANGES).fit(data, phases=PHASES)
    longest = max(shape)
    protocol = Protocol(scales=(longest // 2, longest, longest + 4), fraction=0.4)
    result = run_benchmark(model, data.split("test"), data.split("train"), protocol)
    assert {s.shape for s in result.scores} == {
        tuple(round(n / 2) for n in shape),
        shape,
    }
    assert all(np.isfinite(s.psnr.mean) and len(s.rmse) == variables for s in result.scores)
    assert any(s.ssim is not None for s in result.scores) == (len(shape) == 2)
    page = benchmark_page(result)
    assert [table.title for table in page.tables] == [
        f"Root mean square error of v{c}" for c in range(variables)
    ]
    told = render(page)
    assert ("skill" in told) == (len(shape) != 2)
    assert " × ".join(map(str, shape)) in told or f"{shape[0]} cells" in told
    rows = len(data.split("test").distinct(6)) * variables
    assert all(len(panel.rows) == rows for panel in result.panels)
