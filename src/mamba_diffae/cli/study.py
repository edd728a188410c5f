"""The command `experiment`: a study by its name, run in a folder of its own."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from mamba_diffae.cli.options import DeviceOption, OverwriteOption, ResumeOption, SeedOption
from mamba_diffae.cli.shell import echo, output, status

if TYPE_CHECKING:
    from mamba_diffae.benchmark import Page, Request, Study
    from mamba_diffae.estimator import FieldAutoencoder
    from mamba_diffae.fields import FieldData
    from mamba_diffae.training import Run

Scale = Literal["quick", "standard", "full"]


def experiment(
    name: Annotated[
        str,
        typer.Argument(
            help="comparison, multiscale, diffusion, minimal, ablation, observation-patterns, "
            "never-worse, scan or fields, which train their own models; probes, latent-vs-values "
            "or interpolation, which score one; draws, which scores one or trains its own; "
            "familiarity, which scores the prior, and a model."
        ),
    ],
    run: Annotated[Path, typer.Option("--run", help="Folder of the study.", show_default=False)],
    model: Annotated[
        str | None,
        typer.Option(help="The model to score: a run folder, or emoji-96.", metavar="MODEL"),
    ] = None,
    source: Annotated[
        str | None,
        typer.Option(help="Fields; default: those of the model's run, or 'emoji'."),
    ] = None,
    scale: Annotated[Scale, typer.Option(help="How large.")] = "standard",
    equal_pictures: Annotated[
        bool,
        typer.Option("--equal-pictures", help="comparison: also train for equally many pictures."),
    ] = False,
    prior: Annotated[
        str | None,
        typer.Option(
            help="never-worse: the prior that is tried; default: mixture.", show_default=False
        ),
    ] = None,
    seed: SeedOption = 0,
    device: DeviceOption = "auto",
    resume: ResumeOption = False,
    overwrite: OverwriteOption = False,
) -> None:
    """Answer a question in a folder: scores, tables, a page."""
    from mamba_diffae.benchmark import Request, save_page
    from mamba_diffae.cli.scoring import command_line
    from mamba_diffae.cli.study_registry import find_study
    from mamba_diffae.report import write_report

    chosen = find_study(name)
    _check_options(name, chosen, model, equal_pictures, prior)
    scored, truth, source = _opened(model, source, device)
    asked = {"experiment": name, "scale": scale, "seed": seed, "source": source, "model": model}
    asked |= {"prior": prior, "command": command_line()}
    opened = _begin(run, asked, resume, overwrite)
    spent = _elapsed(model)
    request = Request(run, truth, source, scale, seed, device, scored, spent, equal_pictures, prior)
    page = _answer(chosen, request, opened)
    _show(page)
    save_page(page, opened.path)
    file = run / "report.html"
    write_report(page, file, overwrite=True)
    echo(f"\nReport: {file}", output)


def _check_options(
    name: str, chosen: Study, model: str | None, equal_pictures: bool, prior: str | None
) -> None:
    """Refuse what the study has no use for, and ask for what it lacks."""
    from mamba_diffae.priors import PRIORS

    if chosen.judges_model and model is None:
        raise ValueError(
            f"The experiment {name!r} scores a trained model; say which with --model: a run folder "
            "or a name such as emoji-96."
        )
    if model is not None and not (chosen.judges_model or chosen.takes_model):
        raise ValueError(
            f"The experiment {name!r} trains its own models; leave --model out (--run is the "
            "folder of the study)."
        )
    if equal_pictures and not chosen.compares_pictures:
        raise ValueError(
            f"The experiment {name!r} compares no trainings; leave out --equal-pictures."
        )
    if prior is None:
        return
    if not chosen.tries_prior:
        raise ValueError(
            f"The experiment {name!r} tries no prior of your choice; leave --prior out."
        )
    PRIORS.get(prior)


def _opened(
    model: str | None, source: str | None, device: str
) -> tuple[FieldAutoencoder | None, FieldData, str]:
    """The model to score, the fields, and the name by which they are opened."""
    from mamba_diffae.benchmark.opened_model import OpenedModel
    from mamba_diffae.sources import open_field

    if model is None:
        return None, open_field(source or "emoji"), source or "emoji"
    opened = OpenedModel.open(model, device)
    fields = opened.fields(source)[1]
    return opened.estimator, fields, source or opened.source or ""


def _elapsed(model: str | None) -> dict[str, float]:
    """Seconds that each phase of the scored model took, if it is a run."""
    from mamba_diffae.benchmark.opened_model import is_run
    from mamba_diffae.training import Run

    return Run.open(model).facts["elapsed"] if model is not None and is_run(model) else {}


def _begin(folder: Path, facts: dict[str, Any], resume: bool, overwrite: bool) -> Run:
    """The folder of the study: a new one, or with --resume one that stands."""
    from mamba_diffae.training import Run

    if not (resume and (folder / "run.json").is_file()):
        return Run.create(folder, facts, overwrite=overwrite)
    run = Run.open(folder)
    for name, ours in facts.items():
        if name != "command" and run.facts.get(name) != ours:
            raise ValueError(
                f"{folder} was begun with {name} = {run.facts.get(name)}, and {ours} was asked; go "
                "on with the same, start it again with --overwrite, or give another folder."
            )
    run.update(command=facts["command"])
    return run


def _answer(chosen: Study, request: Request, run: Run) -> Page:
    """The page, with what was run; the time adds up over resumed parts."""
    from mamba_diffae.cli.scoring import machine_facts

    started, before = time.monotonic(), run.facts["elapsed"].get("experiment", 0.0)
    try:
        with status("Working …") as tell:
            result = chosen.run(request, lambda done: tell(f"Working … {done} done"))
    finally:
        spent = round(before + time.monotonic() - started, 2)
        run.update(elapsed={**run.facts["elapsed"], "experiment": spent})
    facts = run.facts
    about = {
        "this page": facts["command"],
        "scale and seed": f"{facts['scale']}, seed {facts['seed']}",
        "time": f"{facts['elapsed']['experiment']:.0f} s",
        **machine_facts(facts),
    }
    page = chosen.page(result)
    return replace(page, facts={**about, **page.facts})


def _show(page: Page) -> None:
    from mamba_diffae.report import measured_table, score_table

    if page.scores:
        output.print(score_table(page.scores))
    for table in page.tables:
        output.print(measured_table(table))
    for finding in page.findings:
        echo(f"• {finding}", output)
