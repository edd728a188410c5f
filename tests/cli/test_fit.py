"""`fit`: phases, sources, settings, and what it refuses."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from mamba_diffae.models.presets import preset_names


def rows(run: Path) -> list[dict]:
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def files(folder: Path) -> dict[str, bytes]:
    """Every file below a folder with its content."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize(
    ("architecture", "phases"),
    [
        ("autoencoder", ["autoencoder", "ensemble", "latent"]),
        ("mamba-diffusion", ["flow"]),
        ("minimal-latent", ["flow"]),
    ],
)
def test_trains_every_phase_that_is_not_optional(
    shell, few, baseline_few, pictures, tmp_path, architecture, phases
):
    settings = few if architecture == "autoencoder" else baseline_few
    line = f"fit {pictures} --architecture {architecture} --run {tmp_path}/run {settings}"
    outcome = shell(line)
    assert outcome.code == 0, outcome.err
    assert "12 snapshots of 36 × 40 cells (y, x) of red, green, blue" in outcome.err
    validations = [row["phase"] for row in rows(tmp_path / "run") if "validation" in row]
    assert list(dict.fromkeys(validations)) == phases
    assert all((tmp_path / "run" / phase / "last").is_dir() for phase in phases)
    facts = json.loads((tmp_path / "run/model/config.json").read_text())
    assert facts["phases"] == phases
    kept = {"config.json", "model.safetensors"}
    kept |= {"latent_flow.safetensors"} if "latent" in phases else set()
    assert {f.name for f in (tmp_path / "run/model").iterdir()} == kept


def test_phase_after_phase_is_all_at_once(shell, few, pictures, finished, tmp_path):
    for phase in ("autoencoder", "ensemble,latent"):
        outcome = shell(f"fit {pictures} --run {tmp_path}/run --phase {phase} {few}")
        assert outcome.code == 0, outcome.err
    for file in ("model.safetensors", "latent_flow.safetensors"):
        ours, theirs = (load_file(run / "model" / file) for run in (tmp_path / "run", finished))
        assert all((ours[name] == theirs[name]).all() for name in theirs)
    # An interrupt would name the command that is running, not the one before.
    facts = json.loads((tmp_path / "run/run.json").read_text())
    assert "--phase ensemble" in facts["command"]
    assert ["--phase autoencoder" in c for c in facts["earlier_commands"]] == [True]


def test_two_views_of_every_picture(shell, few, pictures, tmp_path):
    views = "--phase autoencoder --set autoencoder.views=2 --set autoencoder.batch_size"
    outcome = shell(f"fit {pictures} --run {tmp_path}/run {few} {views}=3")
    assert outcome.code == 2
    assert "a batch of 3 cannot hold 2 views" in outcome.err
    assert not (tmp_path / "run").exists()
    assert shell(f"fit {pictures} --run {tmp_path}/run {few} {views}=4").code == 0
    settings = json.loads((tmp_path / "run/run.json").read_text())["settings"]
    assert settings["training"]["autoencoder"]["views"] == 2


def test_the_second_phase_wants_the_first_and_leaves_nothing(shell, few, pictures, tmp_path):
    outcome = shell(f"fit {pictures} --run {tmp_path}/run --phase flow {few}")
    assert outcome.code == 2
    assert "'flow' starts from the result of phase 'autoencoder'" in outcome.err
    assert not (tmp_path / "run").exists()


def test_the_second_phase_wants_the_end_of_the_first(shell, few, pictures, run):
    state = run / "autoencoder/last/state.json"
    about = {**json.loads(state.read_text()), "step": 3}
    del about["checksum"]
    state.write_text(json.dumps(about))
    for later in ("ensemble", "latent"):
        shutil.rmtree(run / later)
    outcome = shell(f"fit {pictures} --run {run} --phase flow {few}")
    assert outcome.code == 2
    assert "stopped at step 3" in outcome.err
    assert "--resume" in outcome.err


def test_a_run_that_stands_is_neither_repeated_nor_replaced(shell, few, pictures, run):
    before = files(run)
    outcome = shell(f"fit {pictures} --run {run} {few}")
    assert outcome.code == 2
    assert "already holds a checkpoint" in outcome.err
    assert "--resume" in outcome.err
    assert "--overwrite" in outcome.err
    assert {**files(run), "run.json": b""} == {**before, "run.json": b""}


def test_resuming_a_finished_run_changes_nothing(shell, few, pictures, run):
    before = load_file(run / "model/model.safetensors")
    assert shell(f"fit {pictures} --run {run} {few} --resume").code == 0
    after = load_file(run / "model/model.safetensors")
    assert all((after[name] == before[name]).all() for name in before)


def test_a_damaged_checkpoint_is_named(shell, few, pictures, run):
    weights = run / "autoencoder/last/model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    before = files(run)
    outcome = shell(f"fit {pictures} --run {run} {few} --resume")
    assert outcome.code == 2
    assert f"{weights} is damaged" in outcome.err
    assert {**files(run), "run.json": b""} == {**before, "run.json": b""}


def test_overwrite_begins_anew(shell, few, pictures, run):
    (run / "result.json").write_text("{}")
    outcome = shell(f"fit {pictures} --run {run} {few} --overwrite --phase autoencoder")
    assert outcome.code == 0, outcome.err
    assert not (run / "result.json").exists()
    assert {row["phase"] for row in rows(run)} == {"autoencoder"}


def test_resume_beats_overwrite(shell, few, pictures, run):
    """A message that says "add --resume" may be followed with --overwrite still in the line."""
    outcome = shell(f"fit {pictures} --run {run} {few} --overwrite --resume")
    assert outcome.code == 0, outcome.err
    assert {row["phase"] for row in rows(run)} == {"autoencoder", "ensemble", "latent"}


@pytest.mark.parametrize(
    ("section", "name", "text", "value"),
    [
        ("model", "decoder", "scanning", "scanning"),
        ("model", "velocity", "preconditioned", "preconditioned"),
        ("model", "pooling", "mean", "mean"),
        ("model", "directions", "[hilbert,hilbert_reversed]", ["hilbert", "hilbert_reversed"]),
        ("model", "head", "[16,8]", [16, 8]),
        ("data", "patterns", "'{block: 1}'", {"block": 1}),
        ("autoencoder", "learning_rate", "1e-3", 0.001),
    ],
)
def test_a_setting_is_heard_and_kept(shell, few, pictures, tmp_path, section, name, text, value):
    outcome = shell(f"fit {pictures} --run {tmp_path}/run {few} --set {section}.{name}={text}")
    assert outcome.code == 0, outcome.err
    settings = json.loads((tmp_path / "run/run.json").read_text())["settings"]
    assert {**settings, **settings["training"]}[section][name] == value


@pytest.mark.parametrize(
    ("mistake", "named"),
    [
        ("--phase flwo", "did you mean 'flow'?"),
        ("--preset tinny", "did you mean 'tiny'?"),
        ("--architecture autoencodr", "did you mean 'autoencoder'?"),
        ("--set modell.d_model=8", "did you mean 'model'?"),
        ("--set model.dmodel=8", "did you mean 'd_model'?"),
        ("--set autoencoder.step=8", "did you mean 'steps'?"),
        ("--set data.querys=8", "did you mean 'queries'?"),
        ("--set autoencoder.steps", "section.name=value"),
        ("--set steps=8", "section.name=value"),
        ("--set =8", "section.name=value"),
        ("--set autoencoder.steps=[8", "cannot be read as YAML"),
        ("--set autoencoder.steps=soon", "steps = 'soon'"),
        ("--set autoencoder.steps=0", "steps = 0"),
        ("--set autoencoder.minutes=-1", "minutes = -1"),
        ("--set model.value_dim=1", "follows from the fields"),
        ("--set model.head=[0]", "head.0 = 0"),
        ("--set data.fractions=[0,0.5]", "fractions.0 = 0"),
        ("--set data.fractions=[0.5,0.2]", "the least fraction comes first"),
        ("--set model.directions=[sideways]", "Unknown direction 'sideways'"),
        ("--set model.tokens=0", "tokens = 0"),
        ("--set data.observed_shape=[37,37]", "observed_shape"),
        ("--set model.exemplars=999", "room for 999 exemplars, but there are"),
        ("--phase flow", "starts from the result of phase 'autoencoder'"),
        ("--phase ensemble", "starts from the result of phase 'autoencoder'"),
        ("--set model.noise_dim=0", "leave that phase out"),
        ("--device tpu", "'auto', 'cpu', 'cuda'"),
        ("--seed -1", "--seed"),
        (f"--seed {2**64}", "--seed"),
        ("--native-size 41", "36 × 40"),
        ("--ressume", "--resume"),
    ],
)
def test_a_mistake_is_named_before_the_former_run_is_lost(shell, pictures, run, mistake, named):
    before = files(run)
    line = f"fit {pictures} --run {run} --preset tiny --overwrite {mistake}"
    outcome = shell(line)
    assert outcome.code == 2
    assert named in outcome.err
    assert "Traceback" not in outcome.err
    assert files(run) == before


def test_a_mistake_leaves_no_run_that_blocks_the_next_try(shell, few, pictures, tmp_path):
    assert (
        shell(f"fit {pictures} --run {tmp_path}/run {few} --set data.observed_shape=[99,99]").code
        == 2
    )
    outcome = shell(f"fit {pictures} --run {tmp_path}/run {few} --phase autoencoder")
    assert outcome.code == 0, outcome.err


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ("--seed 1", "seed = 0, and 1 was asked"),
        ("--set model.d_model=24", "d_model = 16, and 24 was asked"),
        ("--set data.queries=64", "queries"),
        (
            "--architecture mamba-diffusion",
            "architecture = autoencoder, and mamba-diffusion was asked",
        ),
    ],
)
def test_a_run_goes_on_only_as_it_began(shell, few, baseline_few, pictures, run, change, named):
    if "mamba" in change:
        few = baseline_few
    outcome = shell(f"fit {pictures} --run {run} {few} --resume {change}")
    assert outcome.code == 2
    assert named in outcome.err
    assert "--overwrite" in outcome.err


def test_a_folder_of_other_things_is_left_alone(shell, few, pictures, tmp_path):
    (tmp_path / "thesis.txt").write_text("precious")
    outcome = shell(f"fit {pictures} --run {tmp_path} {few} --overwrite")
    assert outcome.code == 2
    assert "no run folder" in outcome.err
    assert (tmp_path / "thesis.txt").read_text() == "precious"


@pytest.mark.parametrize("place", ["file", "file/run"])
def test_a_run_folder_that_cannot_be(shell, few, pictures, tmp_path, place):
    (tmp_path / "file").write_text("a file")
    outcome = shell(f"fit {pictures} --run {tmp_path}/{place} {few}")
    assert outcome.code == 2
    assert str(tmp_path / "file") in outcome.err
    assert (tmp_path / "file").read_text() == "a file"


def test_a_loss_that_is_not_finite_ends_with_step_and_data(shell, few, pictures, tmp_path):
    wild = "--set autoencoder.learning_rate=1e30 --set autoencoder.clip_norm=1e30"
    outcome = shell(f"fit {pictures} --run {tmp_path}/run {few} {wild}")
    assert outcome.code == 2
    assert "in step" in outcome.err
    assert "fields" in outcome.err
    assert "learning_rate" in outcome.err


def test_all_presets_are_told(shell):
    told = shell("fit --help").out
    assert all(name in told for name in preset_names())


def test_diffusion_is_another_name_of_flow(shell, few, pictures, run, flowing):
    line = f"fit {pictures} --run {run} --phase diffusion"
    outcome = shell(f"{line} {few.replace('flow.', 'diffusion.')}")
    assert outcome.code == 0, outcome.err
    assert (run / "flow/last").is_dir()
    for file in ("model.safetensors", "latent_flow.safetensors"):
        ours, theirs = (load_file(r / "model" / file) for r in (run, flowing))
        assert all((ours[name] == theirs[name]).all() for name in theirs)
    facts = json.loads((run / "model/config.json").read_text())
    assert facts["phases"] == ["autoencoder", "ensemble", "flow", "latent"]


def test_an_ensemble_beside_a_flow_that_stands_is_refused(shell, few, pictures, tmp_path):
    line = f"fit {pictures} --run {tmp_path}/run {few}"
    assert shell(f"{line} --phase autoencoder,flow").code == 0
    outcome = shell(f"{line} --phase ensemble")
    assert outcome.code == 2
    assert "'ensemble' comes before phase 'flow'" in outcome.err
    assert "delete the folder" in outcome.err


def test_windows_of_a_file_are_learned_and_answered_by(shell, tmp_path):
    xr = pytest.importorskip("xarray")
    rng, (t, y, x) = np.random.default_rng(0), np.ogrid[:12, :20, :32]
    values = np.sin(x / 5 + t) + np.cos(y / 4) + 0.01 * rng.normal(size=(12, 20, 32))
    coords = {"time": np.arange(12), "y": np.arange(20.0), "x": np.arange(32.0)}
    archive = xr.Dataset({"h": (("time", "y", "x"), values, {"units": "m"})}, coords)
    archive.to_netcdf(tmp_path / "h.nc")
    tiny = "--preset tiny --device cpu --set autoencoder.steps=2 --set autoencoder.batch_size=4"
    line = f"fit {tmp_path}/h.nc --variable h --snapshot-dim time --phase autoencoder {tiny}"
    outcome = shell(f"{line} --window y=12,x=16 --run {tmp_path}/run")
    assert outcome.code == 0, outcome.err
    assert "Learns on windows of 12 × 16 cells" in outcome.err
    archive.isel(time=[11]).to_netcdf(tmp_path / "seen.nc")
    ask = f"predict {tmp_path}/seen.nc --model {tmp_path}/run --fraction 0.3 --out {tmp_path}/a.nc"
    outcome = shell(f"{ask} --like {tmp_path}/seen.nc --device cpu")
    assert outcome.code == 0, outcome.err
    with xr.open_dataset(tmp_path / "a.nc") as told:
        assert np.isfinite(told["h"].values).all()
    outcome = shell(f"evaluate --model {tmp_path}/run --device cpu")
    assert outcome.code == 0, outcome.err
    for bad, said in (("y:12", "such as lat=32,lon=32"), ("z=4", "the axes are y, x")):
        outcome = shell(f"{line} --window {bad} --run {tmp_path}/other")
        assert outcome.code == 2
        assert said in outcome.err
