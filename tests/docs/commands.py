"""Commands of pages, read by the parser of their own program; none is run."""

from __future__ import annotations

import argparse
import re
import runpy
import shlex
import sys
import tomllib
from pathlib import Path
from typing import Any
from unittest.mock import patch

import typer

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


class UnknownCommandError(ValueError):
    """A page has a command of a program whose parser is not known here."""


class _Read(Exception):
    """The program has understood what it was given."""


def read(line: str) -> None:
    """Have a command understood, and no more than that.

    Args:
        line: As a page has it, without a comment.

    Raises:
        UnknownCommandError: If there is no such target, extra or program.
        SystemExit: If the program's own parser refuses it.
    """
    words = shlex.split(line)
    while re.fullmatch(r"[A-Z_]+=.*", words[0]):
        words.pop(0)
    match words:
        case ["mamba-diffae", *given]:
            _read_shell(given)
        case ["python", "-m", module, *given]:
            _read_arguments(module, given)
        case ["python", script, *given]:
            _read_arguments(script, given)
        case ["accelerate", "launch", *given]:
            _read_launch(given)
        case ["make", *targets] if set(targets) <= _targets():
            pass
        case ["pip", "install", name] if _is_installable(name):
            pass
        case ["git", "worktree", "add", _, commit] if re.fullmatch("[0-9a-f]{7,}", commit):
            pass
        case _:
            raise UnknownCommandError(
                f"{line!r} is read by no parser here: no such target, extra or program; "
                "mend the page, or add the program to tests/docs/commands.py."
            )


def _read_shell(given: list[str]) -> None:
    """Options, arguments and their types, as Typer reads them before it calls a command."""
    from mamba_diffae.cli.commands import app
    from mamba_diffae.cli.study_registry import find_study

    group = typer.main.get_group(app)
    understood: dict[str, Any] = {}
    for command in group.commands.values():  # made anew for this call
        command.callback = understood.update
    try:
        group.main(given, prog_name="mamba-diffae")
    except SystemExit as end:
        if end.code:
            raise
    if given[0] == "experiment":
        find_study(understood["name"])


def _read_arguments(program: str, given: list[str]) -> None:
    """Run a script or module until argparse has read what it is given."""
    original = argparse.ArgumentParser.parse_args

    def stop(self: argparse.ArgumentParser, *args: object, **kwargs: object) -> None:
        original(self, given)
        raise _Read

    script = program.endswith(".py")
    start = runpy.run_path if script else runpy.run_module
    place = (ROOT / program).parent if script else ROOT
    with (
        patch.dict("os.environ"),
        patch.object(sys, "argv", [program, *given]),
        patch.object(sys, "path", [str(place), *sys.path]),
        patch.object(argparse.ArgumentParser, "parse_args", stop),
    ):
        try:
            start(str(ROOT / program) if script else program, run_name="__main__")
        except _Read:
            return
    raise UnknownCommandError(f"{program} reads no arguments by argparse; name it elsewhere.")


def _read_launch(given: list[str]) -> None:
    from accelerate.commands.launch import launch_command_parser

    launch = launch_command_parser().parse_args(given)
    assert launch.module
    assert launch.training_script == "mamba_diffae"
    _read_shell(launch.training_script_args)


def _targets() -> set[str]:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    return set(re.findall(r"^([\w-]+):.*## ", text, re.MULTILINE))


def _is_installable(name: str) -> bool:
    """Whether a name is this package with an extra that it has, or another package."""
    own = re.fullmatch(r"(?:mamba-diffae|\.)(?:\[([\w,-]*)\])?", name)
    extras = own[1].split(",") if own and own[1] else []
    return set(extras) <= PROJECT["optional-dependencies"].keys()
