"""The studies of the latent, typed: what they lack is named."""

import pytest


@pytest.mark.parametrize("name", ["probes", "latent-vs-values"])
def test_a_model_must_be_named(shell, tmp_path, name):
    outcome = shell(f"experiment {name} --run {tmp_path}/x")
    assert outcome.code == 2
    assert f"'{name}' scores a trained model; say which with --model" in outcome.err
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("name", ["probes", "latent-vs-values"])
def test_pictures_without_attributes_are_refused(shell, flowing, tmp_path, name):
    outcome = shell(f"experiment {name} --model {flowing} --run {tmp_path}/x --scale quick")
    assert outcome.code == 2
    assert "0 attributes" in outcome.err
    assert "such as emoji" in outcome.err


def test_a_run_without_the_latent_phase_says_how_to_train_it(shell, few, pictures, tmp_path):
    trained = shell(f"fit {pictures} --run {tmp_path}/run --phase autoencoder {few}")
    assert trained.code == 0, trained.err
    outcome = shell(f"experiment latent-vs-values --model {tmp_path}/run --run {tmp_path}/x")
    assert outcome.code == 2
    assert "--phase latent" in outcome.err


@pytest.mark.parametrize("name", ["probes", "latent-vs-values"])
def test_a_baseline_has_no_latent(shell, pictures, tmp_path, name):
    few = "--preset tiny --set flow.steps=2 --set flow.batch_size=4"
    trained = shell(f"fit {pictures} --run {tmp_path}/run --architecture mamba-diffusion {few}")
    assert trained.code == 0, trained.err
    outcome = shell(f"experiment {name} --model {tmp_path}/run --run {tmp_path}/x --scale quick")
    assert outcome.code == 2
    assert "no latent" in outcome.err
