"""What a process that makes one training of a study is told on the shell."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path

from mamba_diffae.benchmark import Request
from mamba_diffae.sources import open_field


def worker_words(module: str, name: str, request: Request) -> list[str]:
    """What follows `python` where a process makes one training of a study.

    Args:
        module: With `asked_of_worker`.
        name: How the training is named.
        request: What is asked of the study.
    """
    words = ["-m", module, name, "--run", str(request.folder), "--source", request.source]
    words += ["--scale", request.scale, "--seed", str(request.seed), "--device", request.device]
    return words


def asked_of_worker(about: str | None, name: str, scales: Iterable[str]) -> tuple[str, Request]:
    """The name of the training, and what is asked of its study.

    Args:
        about: What the program does, for --help.
        name: How a training is named, such as CASE-ENCODER-SEED.
        scales: Of the study.
    """
    raw = argparse.RawTextHelpFormatter
    parser = argparse.ArgumentParser(description=about, formatter_class=raw)
    parser.add_argument("name", help=name)
    parser.add_argument("--run", type=Path, required=True, help="folder of the study")
    parser.add_argument("--source", default="emoji", help="of the pictures")
    parser.add_argument("--scale", choices=tuple(scales), default="standard")
    parser.add_argument("--seed", type=int, default=0, help="of the study")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--resume", action="store_true", help="as always")
    given = parser.parse_args()
    fields = open_field(given.source)
    chosen = given.source, given.scale, given.seed, given.device
    return given.name, Request(given.run, fields, *chosen)
