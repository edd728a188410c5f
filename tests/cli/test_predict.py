"""`predict`: one picture in, one picture out."""

import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image


def pixels(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path))


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp"])
def test_any_kind_of_picture_is_read(shell, finished, picture, tmp_path, suffix):
    Image.open(picture).save(tmp_path / f"in{suffix}")
    line = f"predict --model {finished} --input {tmp_path}/in{suffix} --fraction 0.2 --out"
    outcome = shell(f"{line} {tmp_path}/out.png")
    assert outcome.code == 0, outcome.err
    assert pixels(tmp_path / "out.png").shape == (36, 40, 3)
    assert "36 × 40 from 198 observations" in outcome.out


@pytest.mark.parametrize(("size", "rows"), [(7, 6), (40, 36), (96, 86)])
def test_any_size_is_written(shell, finished, picture, tmp_path, size, rows):
    line = f"predict --model {finished} --input {picture} --size {size} --out {tmp_path}/a.png"
    assert shell(line).code == 0
    assert pixels(tmp_path / "a.png").shape == (rows, size, 3)


def test_a_coarser_picture_is_the_average_of_the_native_one(shell, finished, picture, tmp_path):
    line = f"predict --model {finished} --input {picture}"
    for size in (40, 20):
        assert shell(f"{line} --size {size} --out {tmp_path}/{size}.png").code == 0
    native = pixels(tmp_path / "40.png").reshape(18, 2, 20, 2, 3)
    inside = ((native > 0) & (native < 255)).all(axis=(1, 3))  # a file clips before the average
    error = np.abs(native.mean(axis=(1, 3)) - pixels(tmp_path / "20.png"))
    assert inside.any()
    assert error[inside].max() <= 1.0


@pytest.mark.parametrize(
    "options", ["", "--context latent", "--decoder-inputs latent", "--pattern clusters"]
)
def test_options_are_heard(shell, finished, picture, tmp_path, options):
    line = f"predict --model {finished} --input {picture} --out {tmp_path}"
    assert shell(f"{line}/a.png {options}").code == 0
    assert shell(f"{line}/b.png --fraction 0.5").code == 0
    assert (pixels(tmp_path / "a.png") != pixels(tmp_path / "b.png")).any()


def test_a_field_unlike_the_training_fields_is_told(
    shell, finished, picture, tmp_path, monkeypatch
):
    from mamba_diffae.priors import AnaloguePrior

    posterior = AnaloguePrior.posterior

    def unlike(self, observations, groups=None, keys=None):
        found = posterior(self, observations, groups, keys)
        p, weights = torch.full((len(found),), 0.01), torch.tensor([[0.97, 0.03]])
        return replace(found, familiarity=p, weights=weights)

    monkeypatch.setattr(AnaloguePrior, "posterior", unlike)
    line = f"predict --model {finished} --input {picture} --out {tmp_path}/a.npz"
    outcome = shell(line)
    assert outcome.code == 0, outcome.err
    assert (
        "Note: The field is unlike the training fields (p < 0.05); the answer leans on kriging "
        "(weight 0.97)." in outcome.err
    )
    with np.load(tmp_path / "a.npz") as arrays:
        np.testing.assert_allclose(arrays["familiarity"], [0.01])


@pytest.mark.parametrize(
    ("solver", "cost"), [("", "1 network evaluation"), ("--solver heun", "6 network evaluations")]
)
def test_a_draw_depends_on_its_seed_alone(shell, flowing, picture, tmp_path, solver, cost):
    line = f"predict --model {flowing} --input {picture} --realization 0 --steps 3 {solver} --out"
    line = f"{line} {tmp_path}"
    outcome = shell(f"{line}/a.png --seed 5")
    assert f"({cost})" in outcome.out
    shell(f"{line}/b.png --seed 5")
    shell(f"{line}/c.png --seed 6")
    a, b, c = ((tmp_path / f"{name}.png").read_bytes() for name in "abc")
    assert a == b != c


@pytest.mark.parametrize(
    ("solver", "cost"), [("", "1 network evaluation"), ("--solver heun", "4 network evaluations")]
)
def test_a_realization_is_one_of_the_draws(shell, flowing, picture, tmp_path, solver, cost):
    line = f"predict --model {flowing} --input {picture} --steps 2 --seed 3 {solver}"
    line = f"{line} --out {tmp_path}"
    outcome = shell(f"{line}/all.npz --draws 3")
    assert outcome.code == 0, outcome.err
    assert f"the posterior mean and 3 draws ({cost} each)" in outcome.out
    for options in (
        "--realization 2",
        "--draws 3 --realization 2",
        "--realization 2 --quantiles 0.5",
    ):
        outcome = shell(f"{line}/one.png {options} --overwrite")
        assert outcome.code == 0, outcome.err
        assert f"draw 2 ({cost})" in outcome.out
        with np.load(tmp_path / "all.npz") as arrays:
            expected = np.clip(np.rint(arrays["draws"][2, 0]), 0, 255)
            assert arrays["std"].shape == arrays["mean"].shape == (1, 36, 40, 3)
        np.testing.assert_allclose(pixels(tmp_path / "one.png"), expected, atol=1)


def test_quantiles_are_written_beside_mean_and_draws(shell, finished, picture, tmp_path):
    line = f"predict --model {finished} --input {picture} --size 20 --out {tmp_path}/a.npz"
    outcome = shell(f"{line} --draws 1 --quantiles 0.05,0.5,0.95")
    assert outcome.code == 0, outcome.err
    assert "the posterior mean and 1 draw (1 network evaluation each), with the" in outcome.out
    assert "quantiles 0.05, 0.5, 0.95 of 40 draws (1 network evaluation each)" in outcome.out
    with np.load(tmp_path / "a.npz") as arrays:
        found = dict(arrays)
    assert found["draws"].shape == (1, 1, 18, 20, 3)
    assert found["quantiles"].shape == (3, 1, 18, 20, 3)
    assert found["levels"].tolist() == [0.05, 0.5, 0.95]
    assert (np.diff(found["quantiles"], axis=0) >= 0).all()
    assert (found["std"] > 0).any()
    assert shell(f"{line} --draws 40 --overwrite").code == 0
    with np.load(tmp_path / "a.npz") as arrays:
        many = np.quantile(arrays["draws"], [0.05, 0.5, 0.95], axis=0, method="weibull")
    np.testing.assert_allclose(found["quantiles"], many, atol=0.1)


def test_quantiles_of_a_picture_are_pictures(shell, finished, picture, tmp_path):
    line = f"predict --model {finished} --input {picture} --out {tmp_path}/a.png"
    outcome = shell(f"{line} --quantiles 0.1,0.9")
    assert outcome.code == 0, outcome.err
    assert "a-q0.1.png: the quantile 0.1." in outcome.out
    low, mean, high = (
        pixels(tmp_path / f"a{end}.png").astype(int) for end in ("-q0.1", "", "-q0.9")
    )
    assert low.shape == mean.shape == high.shape == (36, 40, 3)
    assert (low <= high).all()
    assert low.mean() < mean.mean() < high.mean()
    (tmp_path / "a.png").unlink()
    refused = shell(f"{line} --quantiles 0.1,0.9")
    assert refused.code == 2
    assert "a-q0.1.png exists already" in refused.err


def test_a_solver_asks_for_a_flow(shell, finished, picture, tmp_path):
    line = f"predict --model {finished} --input {picture} --out {tmp_path}/a.npz --solver heun"
    outcome = shell(f"{line} --draws 1")
    assert outcome.code == 2
    assert "'heun' is of the flow, which this model has not learned" in outcome.err
    assert "--solver heun is of draws, and none are asked for; add --draws" in shell(line).err
    both = shell(f"{line} --steps 3").err
    assert "--solver heun --steps 3 is of draws, and none are asked for" in both
    assert not (tmp_path / "a.npz").exists()


def test_a_model_that_cannot_draw_says_what_it_draws(shell, few, pictures, picture, tmp_path):
    line = f"fit {pictures} --run {tmp_path}/run --phase autoencoder {few}"
    assert shell(line).code == 0
    line = f"predict --model {tmp_path}/run --input {picture} --out {tmp_path}/a.npz --draws 2"
    outcome = shell(line)
    assert outcome.code == 0, outcome.err
    assert outcome.err.count("draws are those of its prior") == 1
    assert "Train phase 'ensemble'" in outcome.err


def test_names_with_brackets_are_told_as_they_are(shell, finished, picture, tmp_path):
    outcome = shell(f"predict --model {finished} --input {picture} --out '{tmp_path}/[red]a.png'")
    assert "[red]a.png: the posterior mean" in outcome.out


def small(path: Path) -> None:
    Image.new("RGB", (20, 50)).save(path)


def cut(path: Path) -> None:
    small(path)
    path.write_bytes(path.read_bytes()[:50])


def row(path: Path) -> None:
    Image.new("RGB", (1, 50)).save(path)


def bomb(path: Path) -> None:
    Image.new("1", (9000, 9000)).save(path)


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda path: None, "is not a file"),
        (lambda path: path.mkdir(), "is not a file"),
        (lambda path: path.write_text("text"), "cannot be decoded"),
        (cut, "cannot be decoded"),
        (row, "50 × 1 pixels (rows × columns), too few"),
        (bomb, "limit of 64 megapixels"),
    ],
)
def test_a_bad_picture_is_named_and_nothing_written(shell, finished, tmp_path, make, named):
    make(tmp_path / "in.png")
    outcome = shell(
        f"predict --model {finished} --input {tmp_path}/in.png --out {tmp_path}/out.png"
    )
    assert outcome.code == 2
    assert "in.png" in outcome.err
    assert named in outcome.err
    assert not (tmp_path / "out.png").exists()


def test_a_picture_of_few_pixels_is_read_at_its_own(shell, finished, tmp_path):
    small(tmp_path / "in.png")
    outcome = shell(
        f"predict --model {finished} --input {tmp_path}/in.png --out {tmp_path}/out.png"
    )
    assert outcome.code == 0, outcome.err
    with Image.open(tmp_path / "out.png") as picture:
        assert picture.size == (40, 36)


@pytest.mark.parametrize(
    ("out", "named"),
    [
        ("there.png", "--overwrite"),
        ("there.png/out.png", "is no folder"),
        ("folder.png", "is a folder"),
        ("out.jpg", "ends in .png"),
        ("out", "ends in .png"),
    ],
)
def test_a_bad_place_is_named_before_any_work(shell, picture, tmp_path, out, named):
    (tmp_path / "there.png").write_text("precious")
    (tmp_path / "folder.png").mkdir()
    line = f"predict --model no-such-run --input {picture} --out {tmp_path}/{out}"
    outcome = shell(line)
    assert outcome.code == 2
    assert named in outcome.err
    assert (tmp_path / "there.png").read_text() == "precious"


def test_a_write_protected_folder_is_named(shell, finished, picture, tmp_path, monkeypatch):
    # The superuser, whom tests may run as, can write anywhere.
    monkeypatch.setattr("os.access", lambda path, mode: mode != os.W_OK)
    outcome = shell(f"predict --model {finished} --input {picture} --out {tmp_path}/out.png")
    assert outcome.code == 2
    assert f"{tmp_path} is write-protected" in outcome.err


def test_overwrite_replaces(shell, finished, picture, tmp_path):
    (tmp_path / "out.png").write_text("old")
    line = f"predict --model {finished} --input {picture} --out {tmp_path}/out.png --overwrite"
    assert shell(line).code == 0
    assert pixels(tmp_path / "out.png").shape == (36, 40, 3)


@pytest.mark.parametrize(
    ("option", "named"),
    [
        ("--fraction 0", "fraction is 0"),
        ("--fraction 1.5", "fraction is 1.5"),
        ("--fraction nan", "fraction is nan"),
        ("--size 0", "--size"),
        ("--size 100000", "--size"),
        ("--steps 0", "--steps"),
        ("--steps 3", "--steps 3 is of draws, and none are asked for; add --draws"),
        ("--context points", "'latent+points', 'latent'"),
        ("--draws -1", "--draws"),
        ("--draws 3", "name the draw with --realization 0"),
        ("--draws 3 --realization 3", "numbered from 0 to 2"),
        ("--quantiles 0.9,0.1", "give ascending probabilities between 0 and 1"),
        ("--quantiles 0,0.5", "give ascending probabilities between 0 and 1"),
        ("--quantiles 5%,95%", "expected probabilities with commas, such as 0.05,0.5,0.95"),
        ("--quantiles ''", "expected probabilities with commas"),
        ("--solver rk4 --realization 0", "'heun', 'euler', 'stochastic'"),
        (f"--seed {2**63}", "--seed"),
        ("--pattern rondom", "'random', 'regular', 'block'"),
        ("--sized 3", "--size"),
    ],
)
def test_a_bad_option_is_named(shell, finished, picture, tmp_path, option, named):
    line = f"predict --model {finished} --input {picture} --out {tmp_path}/out.png {option}"
    outcome = shell(line)
    assert outcome.code == 2
    assert named in outcome.err
    assert not (tmp_path / "out.png").exists()


def test_a_model_of_other_values_is_refused(shell, few, picture, tmp_path):
    """Pictures are 0 to 255 in three channels; this model knows grey fields of 0 to 1."""
    rng = np.random.default_rng(0)
    for name, values in {
        "unit": rng.random((6, 16, 16), np.float32),
        "grey": rng.integers(0, 256, (6, 16, 16), np.uint8),
    }.items():
        np.save(tmp_path / f"{name}.npy", values)
        line = f"fit {tmp_path}/{name}.npy --run {tmp_path}/{name} --phase autoencoder {few}"
        assert shell(line).code == 0
    line = f"predict --input {picture} --out {tmp_path}/out.png --model {tmp_path}"
    for name, limits in {"unit": "value from 0", "grey": "value from 0 to 255"}.items():
        refused = shell(f"{line}/{name}")
        assert refused.code == 2
        assert f"was trained on 1 variables ({limits}" in refused.err
        assert "not on colour pictures" in refused.err
    assert not (tmp_path / "out.png").exists()


def test_a_baseline_has_no_context(shell, baseline_few, pictures, picture, tmp_path):
    shell(f"fit {pictures} --architecture minimal-latent --run {tmp_path}/run {baseline_few}")
    line = f"predict --model {tmp_path}/run --input {picture} --size 48 --realization 0 --steps 2"
    assert "has no latent" in shell(f"{line} --out {tmp_path}/a.png --context latent").err
    assert shell(f"{line} --out {tmp_path}/a.png").code == 0


def truncate(run: Path) -> None:
    weights = run / "model/model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])


def exchange(run: Path) -> None:
    config = run / "model/config.json"
    config.write_text(config.read_text().replace('"d_model": 16', '"d_model": 32'))


def other_task(run: Path) -> None:
    facts = run / "run.json"
    facts.write_text(facts.read_text().replace('"task": "fields"', '"task": "words"'))


@pytest.mark.parametrize(
    ("spoil", "named"),
    [
        (truncate, "copy it again"),
        (exchange, "copy it again"),
        (other_task, "of task 'words'"),
        (lambda run: (run / "model/config.json").write_text("{"), "cannot be read"),
        (lambda run: (run / "model/config.json").write_text("{}"), "format"),
        (lambda run: (run / "run.json").write_text("{"), "damaged"),
        (lambda run: shutil.rmtree(run / "model"), "finished no phase"),
        (shutil.rmtree, "There is no model"),
    ],
)
def test_a_spoilt_run_is_named(shell, run, picture, tmp_path, spoil, named):
    spoil(run)
    outcome = shell(f"predict --model {run} --input {picture} --out {tmp_path}/out.png")
    assert outcome.code == 2
    assert named in outcome.err
    assert str(run) in outcome.err
    assert not (tmp_path / "out.png").exists()
