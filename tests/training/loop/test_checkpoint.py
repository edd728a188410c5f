"""A checkpoint gives back what was saved, or says why it cannot."""

import hashlib
import json
from pathlib import Path

import pytest
import torch
from torch import nn
from toy import CONFIG, Toy, weights

from mamba_diffae.training import Checkpoint, TrainingState, save_checkpoint
from tools.chaos.damage import accepted

STATE = TrainingState("autoencoder", 7, 1.5, None, CONFIG.model_dump())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    model, ema = Toy(), Toy()
    nn.init.ones_(ema.decoder.weight)
    optimizer = torch.optim.Adam(model.parameters())
    model(torch.ones(2, 3)).sum().backward()
    optimizer.step()
    save_checkpoint(tmp_path / "last", STATE, ema, model, optimizer.state_dict())
    return tmp_path / "last"


def test_what_was_saved_comes_back(folder: Path) -> None:
    checkpoint, model, ema = Checkpoint(folder), Toy(), Toy()
    checkpoint.load_model(model)
    checkpoint.load_ema(ema)
    optimizer = torch.optim.Adam(model.parameters())
    checkpoint.load_optimizer(optimizer)
    assert checkpoint.state == STATE
    assert ema.decoder.weight.eq(1).all()
    assert model.seen == 2
    assert optimizer.state[model.decoder.bias]["exp_avg"].eq(0.2).all()


def test_tied_weights_are_kept(tmp_path: Path) -> None:
    def tied() -> nn.Module:
        model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
        model[1].weight = model[0].weight
        return model

    one, other = tied(), tied()
    save_checkpoint(tmp_path / "best", STATE, one)
    Checkpoint(tmp_path / "best").load_ema(other)
    assert weights(other) == weights(one)


@pytest.mark.parametrize("name", ["model.safetensors", "ema.safetensors", "optimizer.pt"])
@pytest.mark.parametrize("harm", ["truncated", "flipped", "gone"])
def test_a_damaged_file_is_named(folder: Path, name: str, harm: str) -> None:
    content = (folder / name).read_bytes()
    half = len(content) // 2
    if harm == "gone":
        (folder / name).unlink()
    elif harm == "truncated":
        (folder / name).write_bytes(content[:half])
    else:
        (folder / name).write_bytes(
            content[:half] + bytes([content[half] ^ 1]) + content[half + 1 :]
        )
    checkpoint, model = Checkpoint(folder), Toy()
    load = {
        "model.safetensors": lambda: checkpoint.load_model(model),
        "ema.safetensors": lambda: checkpoint.load_ema(model),
        "optimizer.pt": lambda: checkpoint.load_optimizer(torch.optim.Adam(model.parameters())),
    }
    with pytest.raises(ValueError, match=rf"{name} is damaged: .*expected.*Restore"):
        load.pop(name)()
    for unharmed in load.values():
        unharmed()


@pytest.mark.parametrize("content", ["", "{}", "[1]", '{"format": 1, "step": '])
def test_a_damaged_state_is_named(folder: Path, content: str) -> None:
    (folder / "state.json").write_text(content)
    with pytest.raises(ValueError, match=r"state\.json is damaged"):
        Checkpoint(folder)


def without_checksum(folder: Path) -> dict:
    """What the state says, as earlier versions wrote it: without a checksum of its own."""
    about = json.loads((folder / "state.json").read_text())
    del about["checksum"]
    return about


def test_a_checkpoint_of_an_earlier_version_is_read(folder: Path) -> None:
    (folder / "state.json").write_text(json.dumps(without_checksum(folder)))
    assert Checkpoint(folder).state == STATE


def test_another_state_than_was_written_is_damage(folder: Path) -> None:
    about = json.loads((folder / "state.json").read_text())
    for change in ({"step": 8}, {"best_score": 1.0}, {"format": 9}, {"files": {}}):
        (folder / "state.json").write_text(json.dumps({**about, **change}))
        with pytest.raises(ValueError, match=r"state\.json is damaged: its content .*Restore"):
            Checkpoint(folder)


def test_no_flipped_bit_is_accepted(folder: Path) -> None:
    def load() -> None:
        checkpoint, model = Checkpoint(folder), Toy()
        checkpoint.load_model(model)
        checkpoint.load_ema(model)
        checkpoint.load_optimizer(torch.optim.Adam(model.parameters()))

    load()
    assert accepted(folder, load, count=200, seed=0) == []


@pytest.mark.parametrize("kept", [True, False])
def test_a_checkpoint_of_another_version_is_named(folder: Path, kept: bool) -> None:
    about = without_checksum(folder)
    others = about if kept else {"weights": ["what a later version may keep"]}
    (folder / "state.json").write_text(json.dumps({**others, "format": 9}))
    with pytest.raises(ValueError, match="format 9; expected 1: use the version of the package"):
        Checkpoint(folder)


def test_another_architecture_is_named(folder: Path) -> None:
    wide, before = Toy(width=6), weights(Toy(width=6))
    message = (
        r"another architecture: 3 of 6 tensors .*encoder\.weight is \(5, 3\) in the checkpoint, "
        r"\(6, 3\) in the model.*run\.json"
    )
    with pytest.raises(ValueError, match=message):
        Checkpoint(folder).load_ema(wide)
    assert weights(wide) == before
    with pytest.raises(ValueError, match=r"absent in the model"):
        Checkpoint(folder).load_ema(nn.Linear(2, 2))


def test_no_checkpoint_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no checkpoint .*best"):
        Checkpoint(tmp_path / "best")


def test_an_optimizer_that_would_run_code_is_refused(folder: Path) -> None:
    ran = folder / "ran"

    class Hostile:
        def __reduce__(self) -> tuple[object, tuple[()]]:
            return ran.touch, ()

    torch.save({"state": Hostile()}, folder / "optimizer.pt")
    about = without_checksum(folder)
    content = (folder / "optimizer.pt").read_bytes()
    about["files"]["optimizer.pt"] = hashlib.sha256(content).hexdigest()
    (folder / "state.json").write_text(json.dumps(about))
    learned = nn.Parameter(torch.zeros(1))
    with pytest.raises(ValueError, match=r"optimizer\.pt is damaged"):
        Checkpoint(folder).load_optimizer(torch.optim.Adam([learned]))
    assert not ran.exists()


def test_a_state_nested_without_end_is_damage(folder: Path) -> None:
    (folder / "state.json").write_text("[" * 100_000)
    with pytest.raises(ValueError, match=r"state\.json is damaged"):
        Checkpoint(folder)
