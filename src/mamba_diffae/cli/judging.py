"""Judging a run, and keeping what was found."""

from __future__ import annotations

import json
import shlex
import sys
import time
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from mamba_diffae.estimator import FieldAutoencoder
from mamba_diffae.experiments import Result, reconstruction, save_result
from mamba_diffae.experiments.reconstruction import Protocol
from mamba_diffae.fields import GridField
from mamba_diffae.fields.atomic import atomic_file
from mamba_diffae.report import score_table
from mamba_diffae.training import Run


def judge_run(
    model: FieldAutoencoder, truth: GridField, known: GridField, protocol: Protocol, run: Run
) -> Result:
    """Judge a run's model on unseen fields, telling what is being done.

    Args:
        model: Of the run.
        truth: Unseen fields.
        known: What the run was trained on.
        protocol: What is observed, and where it is judged.
        run: Its metrics and facts go into the result.
    """
    started = time.monotonic()
    with Console(stderr=True).status("Judging …") as bar:
        result = reconstruction(
            model,
            truth,
            known.split("train"),
            protocol,
            curves=run.metrics(),
            on_progress=lambda done: bar.update(f"Judging … {done} done"),
        )
    return replace(result, facts=_facts(run, len(truth), protocol, time.monotonic() - started))


def keep(result: Result, run: Run, json_file: Path | None = None) -> None:
    """Print the table; keep the result in the run, and its numbers in a file if one is named."""
    Console().print(score_table(result.scores))
    save_result(result, run.path)
    if json_file is not None:
        numbers = {
            "facts": dict(result.facts),
            "scores": [score.to_dict() for score in result.scores],
            "draws": [score.to_dict() for score in result.draws],
        }
        with atomic_file(json_file) as temporary:
            temporary.write_text(json.dumps(numbers, indent=1, ensure_ascii=False) + "\n")


def command_line() -> str:
    """The command that is running, as it was typed."""
    return shlex.join(["mamba-diffae", *sys.argv[1:]])


def _facts(run: Run, count: int, protocol: Protocol, seconds: float) -> dict[str, str]:
    facts = run.facts
    spent = [f"{phase} {float(s):.0f} s" for phase, s in facts["elapsed"].items()]
    return {
        "training": facts["command"],
        "this page": command_line(),
        "model": f"{facts['model']}, preset {facts['preset']}, seed {facts['seed']}",
        "judged on": f"{count} fields, {protocol.fraction:.0%} of the cells, pattern "
        "{protocol.pattern}, "
        f"seed {protocol.seed}",
        "time": ", ".join([*spent, f"judging {seconds:.0f} s"]),
        "hardware": ", ".join(
            f"{name}: {value}" for name, value in facts["hardware"].items() if value
        ),
        "versions": ", ".join(f"{name} {version}" for name, version in facts["versions"].items()),
    }
