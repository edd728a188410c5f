"""`sample`: the sheet, what stands beside it, and what it refuses."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image


@pytest.fixture(scope="module")
def sampled(shell, finished, tmp_path_factory):
    """A sheet of five samples, and what was said."""
    out = tmp_path_factory.mktemp("samples") / "sheet.png"
    line = f"sample --model {finished} --n 5 --size 18 --seed 1 --steps 2 --out {out}"
    outcome = shell(line)
    assert outcome.code == 0, outcome.err
    return out, outcome, line


def test_a_sheet_its_arrays_and_whether_they_are_new(sampled):
    out, outcome, _ = sampled
    with Image.open(out) as sheet:  # 3 × 2 pictures of 16 × 18 with a margin of 2 pixels
        assert sheet.size == (3 * 20 + 2, 2 * 18 + 2)
        pixels = np.asarray(sheet)
    with np.load(out.with_suffix(".npz"), allow_pickle=False) as arrays:
        values, latents = arrays["values"], arrays["latents"]
    assert values.shape == (5, 16, 18, 3)
    assert latents.shape == (5, 64)
    shown = np.clip(np.rint(values[4]), 0, 255)
    np.testing.assert_allclose(pixels[20:36, 22:40], shown, atol=1)
    assert (pixels[20:, 42:] == 255).all()  # there is no sixth
    about = json.loads(out.with_suffix(".json").read_text())
    assert len(about["distance"]) == len(about["nearest training field"]) == 5
    assert (about["flow"], about["seed"], about["mean"]) == ("latent", 1, False)
    assert "5 fields of 16 × 18" in outcome.out
    for finding in about["findings"]:
        assert finding in outcome.out
    assert "memorising" in outcome.out


def test_what_stands_is_kept_unless_told_otherwise(shell, sampled):
    out, _, line = sampled
    before = out.with_suffix(".npz").read_bytes()
    outcome = shell(line)
    assert outcome.code == 2
    assert "sheet.png exists already" in outcome.err
    assert "--overwrite" in outcome.err
    outcome = shell(f"{line} --overwrite")
    assert outcome.code == 0, outcome.err
    assert out.with_suffix(".npz").read_bytes() == before  # the same seed


@pytest.mark.parametrize(
    ("options", "bound"), [("--flow values", 1), ("--mean", 1e-6), ("--seed 2", 1)]
)
def test_other_ways_to_draw(shell, flowing, sampled, tmp_path, options, bound):
    # Four steps hardly move a draw from the mean.
    out = tmp_path / "other.png"
    line = f"sample --model {flowing} --n 5 --size 18 --seed 1 --steps 2 --out {out} {options}"
    outcome = shell(line)
    assert outcome.code == 0, outcome.err
    one, two = (np.load(f.with_suffix(".npz"))["values"] for f in (out, sampled[0]))
    assert not np.allclose(one, two, atol=bound)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--n 0", "--n is 0; ask for 1 field or more"),
        ("--seed -1", "--seed"),
        (f"--seed {2**63}", "--seed"),
        ("--flow both", "--flow"),
        ("--out sheet.jpg", "ends so"),
        ("--flow values --mean", "one mean"),
        ("--model nowhere", "nowhere"),
    ],
)
def test_what_cannot_be_is_refused(shell, flowing, tmp_path, monkeypatch, options, message):
    monkeypatch.chdir(tmp_path)
    outcome = shell(f"sample --model {flowing} --out sheet.png {options}")
    assert outcome.code == 2
    assert message in outcome.err
    assert not list(tmp_path.iterdir())


def test_a_run_without_the_phase_names_the_command(shell, run, tmp_path):
    shutil.rmtree(run / "latent")
    line = f"sample --model {run} --out {tmp_path}/sheet.png"
    outcome = shell(line)
    assert outcome.code == 2
    assert "has not finished phase 'latent'; train it: mamba-diffae fit" in outcome.err
    assert "--phase latent" in outcome.err
    outcome = shell(f"{line} --flow values")
    assert "has not finished phase 'flow'" in outcome.err
    assert "--phase flow" in outcome.err


def test_a_saved_model_without_a_flow_names_the_phase(shell, finished, pictures, tmp_path):
    shutil.copytree(finished / "model", tmp_path / "saved")
    line = f"sample --model {tmp_path}/saved --source {pictures} --out {tmp_path}/sheet.png"
    outcome = shell(f"{line} --flow values")
    assert outcome.code == 2
    assert "'values' needs a flow" in outcome.err
    assert "fit SOURCE --phase flow" in outcome.err
    assert not (tmp_path / "sheet.png").exists()


def test_a_baseline_has_no_latent(shell, baseline_few, pictures, tmp_path):
    line = f"fit {pictures} --architecture mamba-diffusion --run {tmp_path}/run {baseline_few}"
    assert shell(line).code == 0
    outcome = shell(f"sample --model {tmp_path}/run --out {tmp_path}/sheet.png")
    assert outcome.code == 2
    assert "'mamba-diffusion' has no latent" in outcome.err
