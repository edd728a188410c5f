"""The fields a run is scored on, its scores beside other methods, and the page stored of them."""

from __future__ import annotations

import json
import shlex
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from mamba_diffae.benchmark import Page, Protocol, benchmark_page, run_benchmark, save_page
from mamba_diffae.cli.shell import echo, output, status
from mamba_diffae.estimator import FieldAutoencoder
from mamba_diffae.fields import GridField
from mamba_diffae.fields.atomic import atomic_file
from mamba_diffae.report import score_table, write_report
from mamba_diffae.sources import lasting_name, open_field, open_picture
from mamba_diffae.training import Run

PRETRAINED, FEW = "emoji-96", 12
"""The model that comes with the package, and unseen pictures on which the demo shows it."""


def score_run(
    model: FieldAutoencoder, truth: GridField, known: GridField, protocol: Protocol, run: Run
) -> Page:
    """Score a run's model on unseen fields, telling what is being done.

    Args:
        model: Of the run.
        truth: Unseen fields.
        known: What the run was trained on.
        protocol: What is observed, and where it is judged.
        run: Its metrics and facts go onto the page.
    """
    started = time.monotonic()
    with status("Judging …") as tell:
        result = run_benchmark(
            model,
            truth,
            known.split("train"),
            protocol,
            curves=run.metrics(),
            on_progress=lambda done: tell(f"Judging … {done} done"),
        )
    facts = _facts(run, len(truth), protocol, time.monotonic() - started)
    return benchmark_page(replace(result, facts=facts))


def show_pretrained(truth: GridField, page: Path, protocol: Protocol, device: str) -> None:
    """Judge the model that comes with the package on a few unseen pictures, and write a page.

    Args:
        truth: The embedded pictures.
        page: Where the report goes.
        protocol: What is observed, and where it is judged.
        device: "auto", "cpu" or "cuda".
    """
    model = FieldAutoencoder.from_pretrained(PRETRAINED, device=device)
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
    echo(f"{PRETRAINED} on {len(unseen)} unseen pictures: {page}\n", output)


def store(page: Page, run: Run, json_file: Path | None = None) -> None:
    """Print table and findings; store the page in the run, and its numbers in a named file."""
    output.print(score_table(page.scores))
    for finding in page.findings:
        echo(f"• {finding}", output)
    save_page(page, run.path)
    if json_file is not None:
        numbers = {
            "facts": dict(page.facts),
            "scores": [score.to_dict() for score in page.scores],
            "draws": [score.to_dict() for score in page.draws],
        }
        with atomic_file(json_file) as temporary:
            temporary.write_text(json.dumps(numbers, indent=1, ensure_ascii=False) + "\n")


def origin(source: str, truth: GridField, skip_broken: bool = False) -> dict[str, Any]:
    """Facts of a run from which `evaluation_fields` opens its fields again, from any folder."""
    return {"source": lasting_name(source), "native_size": truth.size, "skip_broken": skip_broken}


def evaluation_fields(
    run: Run, other: str | None = None, skip_broken: bool = False
) -> tuple[GridField, GridField]:
    """What a run was trained on, and what it is to be judged on.

    Args:
        run: Its facts hold its `origin`; without one, as for runs made in Python, the other source
            stands for both.
        other: Another source; fields finer than the run's are averaged to its native size.
        skip_broken: Skip pictures of the other source that cannot be decoded.

    Raises:
        ValueError: If the run has no origin and no other source is given, or as `open_field`.
    """
    known = None
    if "source" in run.facts:
        broken = run.facts.get("skip_broken", False) or skip_broken
        known = open_field(
            run.facts["source"], size=run.facts.get("native_size"), skip_broken=broken
        )
    if other is None:
        if known is None:
            raise ValueError(
                f"{run.path} was made in Python and does not say on what; name the source of its "
                "fields with --source."
            )
        return known, known
    judged = open_field(other, skip_broken=skip_broken)
    known = known or judged
    return known, open_field(judged, size=min(judged.size, known.size))


def open_picture_for(model: FieldAutoencoder, file: Path, run: Path) -> GridField:
    """A picture file as one field that a model takes.

    Args:
        model: Fitted.
        file: The picture; a larger one is averaged to the model's native size.
        run: Where the model comes from, for the message.

    Raises:
        ValueError: If the picture cannot be read or is too small, or the model is of other fields.
    """
    picture = open_field(open_picture(file, model.size)[None])
    if model.scaling != picture.scaling:
        raise ValueError(
            f"{run} was trained on values from {model.scaling.low:g} to {model.scaling.high:g}, "
            "not on pictures (0 to 255); predict such fields in Python: "
            "FieldAutoencoder.from_pretrained(run).predict(...)."
        )
    return replace(picture, names=(file.stem,))


def command_line() -> str:
    """The command that is running, but for what it says of an earlier run."""
    typed = [word for word in sys.argv[1:] if word not in ("--resume", "--overwrite")]
    return shlex.join(["mamba-diffae", *typed])


def _facts(run: Run, count: int, protocol: Protocol, seconds: float) -> dict[str, str]:
    facts = run.facts
    spent = [f"{phase} {float(s):.0f} s" for phase, s in facts["elapsed"].items()]
    commands = [*facts.get("earlier_commands", []), *filter(None, [facts.get("command")])]
    return {
        "training": "; then ".join(commands) or "in Python",
        "this page": command_line(),
        "model": f"{facts['model']}, preset {facts['preset']}, seed {facts['seed']}",
        "judged on": f"{count} fields, {protocol.fraction:.0%} of the cells, "
        f"pattern {protocol.pattern}, seed {protocol.seed}",
        "time": ", ".join([*spent, f"judging {seconds:.0f} s"]),
        "hardware": ", ".join(
            f"{name}: {value}" for name, value in facts["hardware"].items() if value
        ),
        "versions": ", ".join(f"{name} {version}" for name, version in facts["versions"].items()),
    }
