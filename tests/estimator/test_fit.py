"""FieldAutoencoder.fit: sources, seeds, runs, and what it refuses."""

from dataclasses import replace

import numpy as np
import pytest
import torch

import mamba_diffae as mda
from mamba_diffae import FieldAutoencoder, Observations
from mamba_diffae.fields import Variable
from mamba_diffae.training import Run


def test_the_same_seed_is_the_same_model(truth, seen, model, few):
    torch.manual_seed(99)  # the caller's randomness has no part in it
    state = torch.get_rng_state()
    again = FieldAutoencoder("tiny", changes=few).fit(truth)
    assert torch.equal(torch.get_rng_state(), state)
    other = FieldAutoencoder("tiny", seed=1, changes=few).fit(truth)
    assert np.array_equal(again.predict(seen).mean, model.predict(seen).mean)
    assert not np.array_equal(other.predict(seen).mean, model.predict(seen).mean)


def test_arrays_and_files_are_fitted(tmp_path, few):
    fields = np.random.default_rng(0).integers(0, 256, (6, 10, 12), np.uint8)
    np.save(tmp_path / "fields.npy", fields)
    estimators = [
        FieldAutoencoder("tiny", changes=few).fit(source, phases=["autoencoder"])
        for source in (fields, tmp_path / "fields.npy", str(tmp_path / "fields.npy"))
    ]
    assert {e.grid.shape for e in estimators} == {(10, 12)}
    assert not any(e.mirrored for e in estimators)
    station = Observations.from_points([[0.5, 0.5]], [100.0])
    means = [e.predict(station).mean for e in estimators]
    assert means[0].shape == (1, 10, 12, 1)
    assert all(np.array_equal(mean, means[0]) for mean in means)


def test_a_run_keeps_it(truth, seen, model, tmp_path, few):
    estimator = FieldAutoencoder("tiny", changes=few)
    estimator.fit(truth, run=tmp_path / "run", facts={"note": "mine"})
    assert Run.open(tmp_path / "run").facts["note"] == "mine"
    loaded = FieldAutoencoder.from_pretrained(tmp_path / "run")
    assert np.array_equal(loaded.predict(seen).mean, model.predict(seen).mean)


def test_a_run_is_free_again_after_an_error(truth, tmp_path, few, monkeypatch):
    def fail(*_):
        raise RuntimeError("broken")

    estimator = FieldAutoencoder("tiny", changes=few)
    with monkeypatch.context() as broken:
        broken.setattr("mamba_diffae.estimator.fitting.calibrate", fail)
        with pytest.raises(RuntimeError, match="broken") as kept:
            estimator.fit(truth, run=tmp_path / "run")
    assert estimator.fit(truth, run=tmp_path / "run", resume=True).fitted.phases
    assert kept.value is not None  # what it holds keeps nothing taken
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


@pytest.mark.parametrize(
    ("by", "phases"),
    [
        ("flowing", ("autoencoder", "diffusion")),  # as the literature calls the flow
        ("model", ("autoencoder", "ensemble", "latent")),
    ],
)
def test_phases_follow_one_another_in_a_run(truth, seen, request, tmp_path, few, by, phases):
    model = request.getfixturevalue(by)
    for phase in phases:
        estimator = FieldAutoencoder("tiny", changes=few)
        estimator.fit(truth, run=tmp_path / "run", phases=[phase])
    assert estimator.fitted.phases == model.fitted.phases
    drawn = estimator.predict(seen, n_draws=1, steps=2)
    assert np.array_equal(drawn.draws, model.predict(seen, n_draws=1, steps=2).draws)


@pytest.mark.parametrize("phase", ["ensemble", "flow"])
def test_latents_stay_beside_a_decoder_that_is_trained_after_them(truth, tmp_path, few, phase):
    for phases in (["autoencoder", "latent"], [phase]):
        estimator = FieldAutoencoder("tiny", changes=few)
        estimator.fit(truth, run=tmp_path / "run", phases=phases)
    loaded = FieldAutoencoder.from_pretrained(tmp_path / "run")
    assert set(loaded.fitted.phases) == {"autoencoder", "latent", phase}
    drawn = [mda.sample(m, 2, 8, seed=1, steps=2).values for m in (estimator, loaded)]
    assert np.array_equal(*drawn)


def test_what_was_inferred_is_said(truth, few):
    settings = FieldAutoencoder("tiny", changes=few).settings(truth)
    said = " ".join(settings.describe())
    assert "the fields have 16 × 24" in said
    assert "mirrored along the last axis are not used" in said
    assert settings.model.native_shape == (16, 24)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"architecture": "autoencode"}, "did you mean 'autoencoder'"),
        ({"device": "tpu"}, "choose auto, cpu or cuda"),
        ({"seed": -1}, "seed is -1"),
        ({"seed": 2**63}, r"seed is 9223372036854775808; give .* to 1152921504606846975"),
        ({"parts": {"encodr": "mamba"}}, "did you mean 'encoder'"),
        ({"parts": {"prior": "analog"}}, "did you mean 'analogue'"),
    ],
)
def test_mistakes_of_the_constructor(options, message):
    with pytest.raises(ValueError, match=message):
        FieldAutoencoder("tiny", **options)


@pytest.mark.parametrize(
    ("preset", "changes", "message"),
    [
        ("tini", {}, "did you mean 'tiny'"),
        ("tiny", {"modl": {}}, "did you mean 'model'"),
        ("tiny", {"model": {"heads": 4}}, "did you mean 'head'"),
        ("tiny", {"model": {"native_shape": (8, 8)}}, "follows from the fields; leave it out"),
        ("tiny", {"autoencoder": {"step": 4}}, "did you mean 'steps'"),
    ],
)
def test_mistakes_in_the_settings(truth, preset, changes, message):
    with pytest.raises(ValueError, match=message):
        FieldAutoencoder(preset, changes=changes).fit(truth)


def test_the_second_phase_alone_is_refused(truth, few):
    with pytest.raises(ValueError, match="'flow' starts from the result"):
        FieldAutoencoder("tiny", changes=few).fit(truth, phases=["flow"])


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (np.full((4, 8, 8), np.nan), "no finite value in any of its 4 snapshots"),
        (np.zeros((4, 8, 8)), "constant|same value"),
        (np.random.default_rng(0).normal(size=(4, 1, 9)), "one cell"),
        (np.zeros((3, 4, 5, 6, 7, 8)), "axes"),
        (None, "NoneType"),
    ],
)
def test_what_cannot_be_learned_is_refused(fields, message):
    with pytest.raises(ValueError, match=message):
        FieldAutoencoder("tiny").fit(fields)


def test_before_fit_there_is_nothing(seen, tmp_path):
    unfitted = FieldAutoencoder("tiny")
    for use in (
        lambda: unfitted.predict(seen),
        lambda: unfitted.encode(seen),
        lambda: unfitted.save_pretrained(tmp_path / "model"),
        lambda: unfitted.grid,
        lambda: unfitted.latent_flow,
    ):
        with pytest.raises(ValueError, match="not fitted"):
            use()
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize("seed", [1.5, "x", -1, 2**60])
def test_what_is_no_seed_is_refused(seed):
    with pytest.raises(ValueError, match=r"[Tt]he seed .* whole number"):
        FieldAutoencoder("tiny", seed=seed)


@pytest.mark.parametrize("what", ["another offset", "other values", "another unit", "fewer"])
def test_a_run_does_not_go_on_with_other_fields(truth, tmp_path, few, what):
    estimator = FieldAutoencoder("tiny", changes=few)
    estimator.fit(truth, run=tmp_path / "run", phases=["autoencoder"])
    again = {"run": tmp_path / "run", "phases": ["autoencoder"], "resume": True}
    estimator.fit(replace(truth, names=[f"renamed {i}" for i in range(len(truth))]), **again)
    values, named = truth.values, list(truth.variables)
    if what == "another offset":
        values = values + 250
        named = [Variable.of_values(v.name, values[..., c], v.unit) for c, v in enumerate(named)]
    elif what == "other values":
        values = np.where(values > np.median(values), values, values.min())
    elif what == "another unit":
        named = [replace(v, unit="hPa") for v in named]
    other = replace(truth, values=values, variables=named)
    kept = other.take(np.arange(0, len(other) - 1)) if what == "fewer" else other
    with pytest.raises(ValueError, match="a run that learned from other fields: their"):
        estimator.fit(kept, **again)
    estimator.fit(kept, run=tmp_path / "run", phases=["autoencoder"], overwrite=True)
