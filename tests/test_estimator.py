"""FieldAutoencoder: fit, predict, encode, save and load, in the unit of the field."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from mamba_diffae import FieldAutoencoder, FieldBatch, GridField, SparseField, evaluate, observe
from mamba_diffae.fields import area_average, pixel_centres
from mamba_diffae.models.pretrained import save_network
from mamba_diffae.training import Run

SIZE, FEW = 24, {"steps": 3, "batch_size": 4, "show_progress": False}
CHANGES = {"model": {"d_model": 16}, "autoencoder": FEW, "diffusion": FEW}


@pytest.fixture(scope="module")
def truth(smooth_fields: Callable[..., GridField]) -> GridField:
    return smooth_fields(count=12, size=SIZE, channels=2)


@pytest.fixture(scope="module")
def model(truth: GridField) -> FieldAutoencoder:
    return FieldAutoencoder("tiny", changes=CHANGES).fit(truth)


@pytest.fixture(scope="module")
def baseline(truth: GridField) -> FieldAutoencoder:
    changes = {"model": {"d_model": 16}, "diffusion": FEW}
    return FieldAutoencoder("tiny", model="mamba-diffusion", changes=changes).fit(truth)


@pytest.fixture(scope="module")
def seen(truth: GridField) -> FieldBatch:
    return observe(truth.take(slice(0, 3)), 0.3, seed=1)


class TestFit:
    def test_the_same_seed_is_the_same_model(self, truth, seen, model):
        torch.manual_seed(99)  # the caller's randomness has no part in it
        state = torch.get_rng_state()
        again = FieldAutoencoder("tiny", changes=CHANGES).fit(truth)
        assert torch.equal(torch.get_rng_state(), state)
        other = FieldAutoencoder("tiny", seed=1, changes=CHANGES).fit(truth)
        assert np.array_equal(again.predict(seen).mean, model.predict(seen).mean)
        assert not np.array_equal(other.predict(seen).mean, model.predict(seen).mean)

    def test_arrays_and_files_are_fitted(self, tmp_path):
        fields = np.random.default_rng(0).integers(0, 256, (6, 12, 12), np.uint8)
        np.save(tmp_path / "fields.npy", fields)
        estimators = [
            FieldAutoencoder("tiny", changes=CHANGES).fit(source, phases=["autoencoder"])
            for source in (fields, tmp_path / "fields.npy", str(tmp_path / "fields.npy"))
        ]
        assert {e.size for e in estimators} == {12}
        sparse = SparseField(np.array([[0.5, 0.5]]), np.array([[100.0]]))
        means = [e.predict(sparse).mean for e in estimators]
        assert means[0].shape == (1, 12, 12, 1)
        assert all(np.array_equal(mean, means[0]) for mean in means)

    def test_a_run_keeps_it(self, truth, seen, model, tmp_path):
        estimator = FieldAutoencoder("tiny", changes=CHANGES)
        estimator.fit(truth, run=tmp_path / "run", facts={"note": "mine"})
        assert Run.open(tmp_path / "run").facts["note"] == "mine"
        loaded = FieldAutoencoder.from_pretrained(tmp_path / "run")
        assert np.array_equal(loaded.predict(seen).mean, model.predict(seen).mean)

    def test_phases_follow_one_another_in_a_run(self, truth, seen, model, tmp_path):
        for phase in ("autoencoder", "diffusion"):
            estimator = FieldAutoencoder("tiny", changes=CHANGES)
            estimator.fit(truth, run=tmp_path / "run", phases=[phase])
        drawn = estimator.predict(seen, n_samples=1, steps=2)
        assert np.array_equal(drawn.sample, model.predict(seen, n_samples=1, steps=2).sample)

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"model": "autoencode"}, "did you mean 'autoencoder'"),
            ({"device": "tpu"}, "choose auto, cpu or cuda"),
            ({"seed": -1}, "seed is -1"),
        ],
    )
    def test_mistakes_of_the_constructor(self, options, message):
        with pytest.raises(ValueError, match=message):
            FieldAutoencoder("tiny", **options)

    @pytest.mark.parametrize(
        ("preset", "changes", "message"),
        [
            ("tini", {}, "did you mean 'tiny'"),
            ("tiny", {"modl": {}}, "did you mean 'model'"),
            ("tiny", {"model": {"heads": 4}}, "did you mean 'head'"),
            ("tiny", {"autoencoder": {"step": 4}}, "did you mean 'steps'"),
            ("tiny", {"model": {"anchors": 25}}, "24 × 24 pixels"),
        ],
    )
    def test_mistakes_in_the_settings(self, truth, preset, changes, message):
        with pytest.raises(ValueError, match=message):
            FieldAutoencoder(preset, changes=changes).fit(truth)

    def test_the_second_phase_alone_is_refused(self, truth):
        with pytest.raises(ValueError, match="'diffusion' starts from the result"):
            FieldAutoencoder("tiny", changes=CHANGES).fit(truth, phases=["diffusion"])

    @pytest.mark.parametrize(
        ("fields", "message"),
        [
            (np.full((4, 8, 8), np.nan), "NaN"),
            (np.zeros((4, 8, 8)), "constant"),
            (np.zeros((4, 8, 9)), "squares"),
            (np.zeros((8, 8)), "S, n, n"),
            (None, "NoneType"),
        ],
    )
    def test_what_cannot_be_learned_is_refused(self, fields, message):
        with pytest.raises(ValueError, match=message):
            FieldAutoencoder("tiny").fit(fields)

    def test_before_fit_there_is_nothing(self, seen, tmp_path):
        unfitted = FieldAutoencoder("tiny")
        for use in (
            lambda: unfitted.predict(seen),
            lambda: unfitted.encode(seen),
            lambda: unfitted.save_pretrained(tmp_path / "model"),
            lambda: unfitted.scaling,
        ):
            with pytest.raises(ValueError, match="not fitted"):
                use()
        assert not (tmp_path / "model").exists()


class TestPredict:
    @pytest.mark.parametrize("targets", [None, 8, np.int64(SIZE), 31])
    def test_a_side_length_gives_a_grid(self, model, seen, targets):
        mean = model.predict(seen, targets).mean
        size = targets or SIZE
        assert mean.shape == (3, size, size, 2)
        assert np.isfinite(mean).all()

    def test_a_field_gives_its_size(self, model, truth, seen):
        coarse = replace(truth, values=truth.at(8))
        assert np.array_equal(model.predict(seen, coarse).mean, model.predict(seen, 8).mean)

    def test_a_coarser_grid_is_the_average(self, model, seen):
        native = model.predict(seen).mean
        assert np.array_equal(model.predict(seen, 8).mean, area_average(native, 8))

    def test_coordinates_are_asked_directly(self, model, seen):
        native = model.predict(seen).mean.reshape(3, -1, 2)
        places = pixel_centres(SIZE)[::7].astype(np.float64)
        asked = model.predict(seen, places).mean
        assert asked.shape == (3, len(places), 2)
        np.testing.assert_allclose(asked, native[:, ::7], atol=1e-4)

    def test_draws(self, model, seen):
        prediction = model.predict(seen, 8, n_samples=3, steps=2)
        assert prediction.sample.shape == (3, 3, 8, 8, 2)
        assert prediction.evaluations == 4
        assert prediction.std.shape == prediction.mean.shape
        assert (prediction.std > 0).all()
        # Draw s has the key seed + s, and comes the same alone.
        alone = model.predict(seen, 8, n_samples=1, steps=2, seed=2)
        np.testing.assert_allclose(alone.sample[0], prediction.sample[2], atol=1e-5)
        assert np.array_equal(alone.mean, prediction.mean)

    @pytest.mark.parametrize(("solver", "evaluations"), [("heun", 6), ("euler", 3)])
    def test_solvers_count_their_evaluations(self, model, seen, solver, evaluations):
        prediction = model.predict(seen, 8, n_samples=1, solver=solver, steps=3)
        assert prediction.evaluations == evaluations

    @pytest.mark.parametrize("draws", [0, 1])
    def test_a_spread_needs_two_draws(self, model, seen, draws):
        with pytest.raises(ValueError, match=f"at least 2 draws, and there are {draws}"):
            _ = model.predict(seen, 8, n_samples=draws, steps=1).std

    def test_the_latent_alone_is_another_context(self, model, seen):
        both = model.predict(seen, 8).mean
        latent = model.predict(seen, 8, context="latent").mean
        assert latent.shape == both.shape
        assert not np.array_equal(latent, both)

    def test_many_fields_are_each_as_if_alone(self, model, truth):
        many = observe(truth.take(np.arange(20) % 12), 0.3, seed=1)
        told: list[tuple[int, int]] = []
        together = model.predict(
            many, 8, n_samples=1, steps=1, on_progress=lambda *so_far: told.append(so_far)
        )
        assert told == [(16, 20), (20, 20)]
        alone = model.predict(many[slice(0, 1)], 8, n_samples=1, steps=1)
        np.testing.assert_allclose(together.mean[:1], alone.mean, atol=1e-4)
        np.testing.assert_allclose(together.sample[:, :1], alone.sample, atol=1e-4)

    def test_one_field_a_list_and_a_batch_are_the_same(self, model, seen):
        fields = seen.fields()
        batch, several = model.predict(seen, 8).mean, model.predict(fields, 8).mean
        assert np.array_equal(batch, several)
        np.testing.assert_allclose(model.predict(fields[0], 8).mean, batch[:1], atol=1e-4)

    def test_masked_values_may_be_anything(self, model, seen):
        mask, values = seen.mask.clone(), seen.values.clone()
        mask[:, :2] = False
        values[:, :2] = torch.nan
        hidden = model.predict(replace(seen, mask=mask, values=values), 8).mean
        without = FieldBatch(seen.coords[:, 2:], seen.values[:, 2:], seen.mask[:, 2:])
        np.testing.assert_allclose(hidden, model.predict(without, 8).mean, atol=1e-4)

    @pytest.mark.parametrize(
        "targets", [0, -3, 8.5, "8", np.zeros(2), np.zeros((1, 4, 2)), torch.zeros(4, 2), [8]]
    )
    def test_targets_that_are_none(self, model, seen, targets):
        with pytest.raises(ValueError, match=r"targets were given as \w+ .*; expected pixels"):
            model.predict(seen, targets)

    @pytest.mark.parametrize("places", [[[0.5, 1.2]], [[-0.1, 0.5]], [[np.nan, 0.5]]])
    def test_targets_outside(self, model, seen, places):
        with pytest.raises(ValueError, match=r"outside \[0, 1\]"):
            model.predict(seen, np.array(places))

    def test_targets_of_three_axes(self, model, seen):
        with pytest.raises(ValueError, match="query_coords has shape"):
            model.predict(seen, np.full((4, 3), 0.5))

    def test_no_targets_at_all(self, model, seen):
        with pytest.raises(ValueError, match="no points at all"):
            model.predict(seen, np.zeros((0, 2)))

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (lambda b: {"values": b.values.fill_(torch.nan)}, "NaN or infinite"),
            (lambda b: {"values": b.values[:, :-1]}, "input_values has shape"),
            (lambda b: {"values": b.values[..., :1]}, "1 channels, but this model was fitted on"),
            (lambda b: {"coords": b.coords + 1}, r"outside \[0, 1\]"),
            (lambda b: {"coords": b.coords[..., :1]}, "input_coords has shape"),
            (lambda b: {"mask": torch.zeros_like(b.mask)}, "no observation at all"),
            (lambda b: {"mask": b.mask[:, :-1]}, "input_mask has shape"),
        ],
    )
    def test_observations_that_do_not_fit(self, model, seen, change, message):
        copy = FieldBatch(seen.coords.clone(), seen.values.clone(), seen.mask.clone())
        bad = replace(copy, **change(copy))
        for use in (model.predict, model.encode):
            with pytest.raises(ValueError, match=message):
                use(bad)

    @pytest.mark.parametrize("observations", [None, np.zeros((3, 2)), [np.zeros((3, 2))], "emoji"])
    def test_observations_of_another_type(self, model, observations):
        with pytest.raises(ValueError, match=r"expected a FieldBatch.*observe"):
            model.predict(observations)

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"n_samples": -1}, "n_samples is -1"),
            ({"n_samples": 1, "solver": "rk4"}, "heun"),
            ({"n_samples": 1, "steps": 0}, "steps"),
            ({"context": "points"}, "'latent' or 'latent\\+points'"),
        ],
    )
    def test_options_that_are_none(self, model, seen, options, message):
        with pytest.raises(ValueError, match=message):
            model.predict(seen, 8, **options)


class TestEncode:
    def test_a_latent_for_each_field(self, model, seen):
        latents = model.encode(seen)
        assert latents.shape == (3, 64)
        assert len(np.unique(latents.round(6), axis=0)) == 3
        np.testing.assert_allclose(model.encode(seen.fields()[1]), latents[1:2], atol=1e-5)

    def test_the_baselines_have_none(self, baseline, seen):
        with pytest.raises(ValueError, match=r"no latent.*autoencoder"):
            baseline.encode(seen)
        with pytest.raises(ValueError, match="no latent"):
            baseline.predict(seen, 8, context="latent")
        assert baseline.predict(seen, 8, n_samples=1, steps=1).sample.shape == (1, 3, 8, 8, 2)


class TestSaved:
    @pytest.mark.parametrize("which", ["model", "baseline"])
    def test_what_is_saved_is_what_is_loaded(self, which, seen, tmp_path, request):
        model = request.getfixturevalue(which)
        model.save_pretrained(tmp_path / "saved")
        loaded = FieldAutoencoder.from_pretrained(tmp_path / "saved", device="cpu")
        ours, theirs = (m.predict(seen, n_samples=1, steps=2) for m in (model, loaded))
        assert np.array_equal(ours.mean, theirs.mean)
        assert np.array_equal(ours.sample, theirs.sample)
        assert (loaded.size, loaded.scaling, loaded.preset) == (SIZE, model.scaling, "tiny")

    def test_a_saved_model_is_replaced_but_nothing_else(self, model, tmp_path):
        model.save_pretrained(tmp_path / "saved")
        model.save_pretrained(tmp_path / "saved")
        (tmp_path / "saved/thesis.txt").write_text("precious")
        for folder in (tmp_path, tmp_path / "saved", tmp_path / "saved/thesis.txt"):
            with pytest.raises(ValueError, match="left alone"):
                model.save_pretrained(folder)
        assert (tmp_path / "saved/thesis.txt").read_text() == "precious"
        (tmp_path / "empty").mkdir()
        model.save_pretrained(tmp_path / "empty")

    @pytest.mark.parametrize(
        ("name", "spoil", "message"),
        [
            ("model.safetensors", lambda b: b[:-9], "cut short"),
            ("model.safetensors", lambda b: b"", "cut short"),
            ("config.json", lambda b: b[:-9], "cannot be read"),
            ("config.json", lambda b: b"[]", "format"),
            ("config.json", lambda b: b.replace(b'"format": 1', b'"format": 2'), "format"),
            ("config.json", lambda b: b.replace(b'_dim": 64', b'_dim": 32'), "architecture"),
            ("config.json", lambda b: b.replace(b'"d_model"', b'"d_modell"'), "'d_model'"),
            ("config.json", lambda b: b.replace(b'"autoencoder"', b'"auto"'), "'auto'"),
            ("config.json", lambda b: b.replace(b'"scaling"', b'"scale"'), "lacks scaling"),
        ],
    )
    def test_damage_is_named(self, model, tmp_path, name, spoil, message):
        model.save_pretrained(tmp_path / "saved")
        file = tmp_path / "saved" / name
        spoilt = spoil(file.read_bytes())
        assert spoilt != file.read_bytes()
        file.write_bytes(spoilt)
        with pytest.raises(ValueError, match=message):
            FieldAutoencoder.from_pretrained(tmp_path / "saved")

    def test_what_holds_no_model_is_named(self, model, tmp_path):
        for folder in (tmp_path, tmp_path / "nothing", Path(__file__)):
            with pytest.raises(ValueError, match=r"config\.json"):
                FieldAutoencoder.from_pretrained(folder)
        net, _ = model._fitted()
        save_network(net, tmp_path / "bare")
        with pytest.raises(ValueError, match="bare network"):
            FieldAutoencoder.from_pretrained(tmp_path / "bare")
        Run.create(tmp_path / "run", {})
        with pytest.raises(ValueError, match="finished no phase"):
            FieldAutoencoder.from_pretrained(tmp_path / "run")


class TestEvaluate:
    def test_the_truth_is_beyond_60_db(self, truth):
        for size in (SIZE, 8):
            scores = evaluate(truth.at(size), truth)
            assert scores["psnr"] > 60
            assert scores["rmse"] == 0
            assert scores["ssim"] == pytest.approx(1)

    def test_the_error_is_in_the_unit_of_the_field(self, truth):
        assert evaluate(truth.at(SIZE) + 0.5, truth)["rmse"] == pytest.approx(0.5)

    def test_a_prediction_and_its_mean_score_the_same(self, model, truth):
        prediction = model.predict(observe(truth, 0.3), truth)
        assert evaluate(prediction, truth) == evaluate(prediction.mean, truth)

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (lambda v: v[:3], "S = 12"),
            (lambda v: v[..., :1], "C = 2"),
            (lambda v: v.reshape(12, -1, 2), "targets=truth"),
            (lambda v: v.repeat(2, axis=1).repeat(2, axis=2), "Scale 48 was asked"),
            (lambda v: v[:, :, :12], "n, n, C"),
            (lambda v: v * np.nan, "NaN"),
        ],
    )
    def test_what_cannot_be_compared_is_refused(self, truth, change, message):
        with pytest.raises(ValueError, match=message):
            evaluate(change(truth.at(SIZE)), truth)
