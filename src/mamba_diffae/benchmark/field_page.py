"""One field: what was observed of it, and what a model makes of that, beside kriging."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mamba_diffae.benchmark.page import Page, Table
from mamba_diffae.benchmark.panels import draws_grid
from mamba_diffae.estimator import FieldAutoencoder
from mamba_diffae.evaluation import Kriging, evaluate
from mamba_diffae.fields import FieldData, Observations, Variable

DRAWS, SHOWN = 12, 2
"""Draws that are made, and those that are shown."""
_HEADS = ("variable", "RMSE", "of kriging", "CRPS", "of kriging")


def field_page(
    model: FieldAutoencoder,
    truth: FieldData,
    train: FieldData,
    seen: Observations,
    facts: Mapping[str, str] | None = None,
) -> Page:
    """A page on one field of several variables that a model has not seen.

    Args:
        model: Fitted on such fields.
        truth: One field, in the region that is shown.
        train: What the model was fitted on; kriging learns its laws there.
        seen: What was observed of it.
        facts: What was run.
    """
    told = model.predict(seen, targets=truth.grid, n_draws=DRAWS)
    kriged = Kriging().fit(train).predict(seen, truth.grid)
    ours, theirs = (evaluate(found, truth, observed=seen) for found in (told, kriged))
    better = [v.name for v in truth.variables if _of(ours, "crps", v) < _of(theirs, "crps", v)]
    count = len(truth.variables)
    verdict = (
        f"By the CRPS the model is better than kriging for {', '.join(better)}: {len(better)} of "
        f"{count}."
        if better
        else f"By the CRPS kriging is as good as the model or better, for {count} of {count}."
    )
    inside, stated = (f"{found['coverage']:.0%}" for found in (ours, theirs))
    share = int(seen.mask.any(dim=-1).sum()) / truth.grid.cells
    scores = Table(
        "Errors where nothing was observed",
        "Cells count by their area. CRPS: of the model's draws, and of the Gaussian that "
        "kriging states.",
        _HEADS,
        [_row(v, ours, theirs) for v in truth.variables],
    )
    return Page(
        f"{truth.names[0]}, from {share:.0%} of the cells",
        "What does a model make of a field that it has not seen, beside kriging?",
        [
            verdict,
            f"Its intervals of 90 % hold {inside} of what was not observed; kriging's {stated}.",
        ],
        [],
        panels=[draws_grid(told, truth, seen, SHOWN)],
        tables=[scores],
        facts=facts or {},
    )


def _row(v: Variable, ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> list[str]:
    """Scores of a variable in its unit, each of the model and of kriging."""
    pairs = [(score, found) for score in ("rmse", "crps") for found in (ours, theirs)]
    return [v.name, *(f"{_of(found, score, v):.4g} {v.unit}" for score, found in pairs)]


def _of(found: Mapping[str, Any], score: str, variable: Variable) -> float:
    """A score of one variable, which stands alone where there is no other."""
    value = found[score]
    return value[variable.name] if isinstance(value, Mapping) else value
