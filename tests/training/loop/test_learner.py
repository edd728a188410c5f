"""What a step of learning takes from its surroundings: as little as can be."""

import os
from pathlib import Path

import torch
from toy import CONFIG, Toy

from mamba_diffae.training.loop.learner import _optimizer

CACHE = "TORCHINDUCTOR_CACHE_DIR"


def test_a_compilers_folder_that_cannot_be_made_is_no_obstacle(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv(CACHE, str(tmp_path / "file/cache"))
    assert isinstance(_optimizer(Toy(), CONFIG), torch.optim.AdamW)
    assert os.environ.get(CACHE) != str(tmp_path / "file/cache")
    monkeypatch.setenv(CACHE, str(tmp_path / "cache"))
    _optimizer(Toy(), CONFIG)
    assert os.environ[CACHE] == str(tmp_path / "cache")
