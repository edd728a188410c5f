"""Scores of a model beside other methods, and the page stored of them."""

from __future__ import annotations

import shlex
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from mamba_diffae.benchmark import Page, Protocol, benchmark_page, run_benchmark, save_page
from mamba_diffae.benchmark.opened_model import PACKAGED, OpenedModel, result_folder
from mamba_diffae.cli.shell import echo, output, status
from mamba_diffae.evaluation import Baseline
from mamba_diffae.fields import FieldData
from mamba_diffae.fields.atomic import atomic_file
from mamba_diffae.fields.clutter import entries
from mamba_diffae.fields.plain_json import plain_json
from mamba_diffae.report import measured_table, score_table, write_report
from mamba_diffae.sources import canonical_source
from mamba_diffae.training import Run

PRETRAINED, FEW = "emoji-96", 12
"""The model that comes with the package, and unseen fields on which the demo shows it."""


def score_model(
    opened: OpenedModel,
    truth: FieldData,
    known: FieldData,
    protocol: Protocol,
    baselines: Sequence[Baseline] = (),
) -> Page:
    """Score a model on unseen fields, telling what is being done.

    Args:
        opened: The model.
        truth: Unseen fields.
        known: What it was trained on.
        protocol: What is observed, and where it is scored.
        baselines: Other methods to score.
    """
    started = time.monotonic()
    with status("Scoring …") as tell:
        result = run_benchmark(
            opened.estimator,
            truth,
            known.split("train"),
            protocol,
            baselines=baselines,
            curves=[] if opened.run is None else opened.run.metrics(),
            on_progress=lambda done: tell(f"Scoring … {done} done"),
        )
    seconds = time.monotonic() - started
    about = {
        **_training_facts(opened),
        "this page": command_line(),
        "scored on": f"{len(truth)} fields, {protocol.fraction:.0%} of the cells, "
        f"pattern {protocol.pattern}, seed {protocol.seed}",
        "time": ", ".join([*_phase_times(opened), f"scoring {seconds:.0f} s"]),
    }
    return benchmark_page(replace(result, facts=about))


def show_pretrained(truth: FieldData, page: Path, protocol: Protocol, device: str) -> None:
    """Score the model that comes with the package on a few unseen fields, and write a page.

    Args:
        truth: The embedded pictures.
        page: Where the report goes.
        protocol: What is observed, and where it is scored.
        device: "auto", "cpu" or "cuda".
    """
    model = OpenedModel.open(PRETRAINED, device).estimator
    unseen = truth.split("test").distinct(FEW)
    with status(f"Showing {PRETRAINED} …") as tell:
        result = run_benchmark(
            model,
            unseen,
            truth.split("train"),
            protocol,
            facts={"model": f"{PRETRAINED}, as it comes with the package", "this page": "the demo"},
            on_progress=lambda done: tell(f"Showing {PRETRAINED} … {done} done"),
        )
    output.print(score_table(result.scores))
    write_report(benchmark_page(result), page, overwrite=True)
    echo(f"{PRETRAINED} on {len(unseen)} unseen fields: {page}\n", output)


def check_result_folder(opened: OpenedModel, folder: Path | None) -> Path:
    """The run folder that takes the result of an evaluation.

    Args:
        opened: The model that is scored.
        folder: As it was given; None: the model's own run, or a folder of the model's name.

    Raises:
        ValueError: If the folder holds something else.
    """
    folder = (folder or result_folder(opened.name)).resolve()
    if opened.run is not None and folder == opened.run.path:
        return folder
    if (folder / "run.json").is_file():
        same = Run.open(folder).facts.get("evaluated") == canonical_model(opened.name)
    else:
        same = not folder.exists() or (folder.is_dir() and not entries(folder))
    if not same:
        raise ValueError(
            f"{folder} holds something else than an evaluation of {opened.name}; give a new "
            "folder with --run."
        )
    return folder


def result_run(opened: OpenedModel, folder: Path) -> Run:
    """The run in a folder that was checked, made if there is none."""
    if (folder / "run.json").is_file():
        return Run.open(folder)
    facts = {"evaluated": canonical_model(opened.name), "command": command_line()}
    return Run.create(folder, facts)


def store(page: Page, run: Run, json_file: Path | None = None) -> Page:
    """Store the page in the run, and its numbers in a named file; then print what was found.

    Returns:
        The page, with the machine that the run tells of.
    """
    page = replace(page, facts={**page.facts, **machine_facts(run.facts)})
    save_page(page, run.path)
    if json_file is not None:
        numbers = {
            "facts": dict(page.facts),
            "scores": [score.to_dict() for score in page.scores],
            "draws": [score.to_dict() for score in page.draws],
            "uncertainty": [method.to_dict() for method in page.uncertainty],
        }
        with atomic_file(json_file) as temporary:
            temporary.write_text(plain_json(numbers), encoding="utf-8")
    # Last: where it is read by another program that ends early, printing fails.
    output.print(score_table(page.scores))
    for table in page.tables:
        output.print(measured_table(table))
    for finding in page.findings:
        echo(f"• {finding}", output)
    return page


def provenance(source: str, truth: FieldData, skip_broken: bool = False) -> dict[str, Any]:
    """Facts of a run from which its fields are opened again, from any folder."""
    return {
        "source": canonical_source(source),
        "native_shape": list(truth.shape),
        "skip_broken": skip_broken,
    }


def canonical_model(name: str) -> str:
    """A model by a name that holds in any folder."""
    return name if name in PACKAGED and not Path(name).exists() else str(Path(name).resolve())


def command_line() -> str:
    """The command that is running, but for what it says of an earlier run."""
    typed = [word for word in sys.argv[1:] if word not in ("--resume", "--overwrite")]
    return shlex.join(["mamba-diffae", *typed])


def machine_facts(facts: Mapping[str, Any]) -> dict[str, str]:
    """Hardware and versions of a run, in words."""
    machine = facts["hardware"].items()
    return {
        "hardware": ", ".join(f"{name}: {value}" for name, value in machine if value),
        "versions": ", ".join(f"{name} {version}" for name, version in facts["versions"].items()),
    }


def _training_facts(opened: OpenedModel) -> dict[str, str]:
    if opened.run is None:
        packaged = ", as it comes with the package" if opened.name in PACKAGED else ""
        return {"model": f"{opened.name}{packaged}"}
    facts = opened.run.facts
    commands = [*facts.get("earlier_commands", []), *filter(None, [facts.get("command")])]
    return {
        "training": "; then ".join(commands) or "in Python",
        "model": f"{facts['architecture']}, preset {facts['preset']}, seed {facts['seed']}",
    }


def _phase_times(opened: OpenedModel) -> list[str]:
    elapsed = {} if opened.run is None else opened.run.facts["elapsed"]
    return [f"{phase} {float(seconds):.0f} s" for phase, seconds in elapsed.items()]
