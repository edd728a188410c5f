"""A model on readings that are withheld from it, beside simple methods."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from mamba_diffae.benchmark.assessment import draw_origin
from mamba_diffae.benchmark.verification.errors import SeenDataWarning, VerificationError
from mamba_diffae.benchmark.verification.folds import WAYS, Splitting, unit_count
from mamba_diffae.benchmark.verification.methods import ModelMethod
from mamba_diffae.benchmark.verification.opened import columns_of, opened_readings
from mamba_diffae.benchmark.verification.readings import Readings
from mamba_diffae.benchmark.verification.seen import seen_snapshots
from mamba_diffae.benchmark.verification.work import FoldWork
from mamba_diffae.benchmark.verified import Verification
from mamba_diffae.estimator import FieldAutoencoder
from mamba_diffae.estimator.training_input import TrainingInput
from mamba_diffae.fields import own_defaults
from mamba_diffae.fields.given import whole_number
from mamba_diffae.training.loop.progress import CountMeter

SNAPSHOTS, DRAWS = 24, 40
"""Snapshots that are scored by default, at most, and draws of each."""
_AS_IT_IS = (
    "The model was not trained anew for the folds, the other methods were. Where its training data "
    "held these snapshots, it has seen what is withheld here; for honest numbers give data that it "
    "has not seen."
)


@own_defaults()
def verify(
    model: FieldAutoencoder,
    data: TrainingInput,
    by: str = "station",
    folds: int = 5,
    *,
    count: int | None = SNAPSHOTS,
    n_draws: int = DRAWS,
    block: float | None = None,
    fraction: float = 0.5,
    seed: int = 0,
    show_progress: bool = True,
    **options: Any,
) -> Verification:
    """Withhold a part of the readings in turn, predict it from the others, and score that.

    The model is **not** trained anew: it is given other readings, fold after fold. If it was fitted
    on these data it has seen what is withheld; a note says so where that is known. Of data with a
    split "test", which `fit` leaves out, only those snapshots are scored. Beside it stand nearest,
    linear, kriging (optimal interpolation), EOF filling (gappy POD, as DINEOF) and the climatology:
    all learn, in every fold, from what is not withheld, and are given the same readings.

    What is withheld together:
        "station": a place, all its readings in all snapshots; of fields a cell of the lattice of at
            most 1,024 cells that models observe.
        "block": a box along the axes, in all snapshots; its sides are the correlation lengths of
            the data, at most so long that there are about two blocks for each fold, or `block`.
        "cloud": what the gaps of another snapshot, drawn, hide of a snapshot; each is in one fold.
        "time": a run of consecutive snapshots, from which the simple methods do not learn. Nothing
            can be said of a snapshot without a reading, so of each a random `fraction` of the
            stations is given and the others are scored: it is "station" for weather not seen.

    >>> from mamba_diffae import FieldAutoencoder, open_field
    >>> model = FieldAutoencoder.from_pretrained("emoji-96", device="cpu")
    >>> few = open_field("emoji", size=12).split("test").take(range(4))
    >>> quick = {"count": 1, "n_draws": 0, "show_progress": False}
    >>> verify(model, few, by="block", folds=2, **quick).by
    'block'

    Args:
        model: Fitted.
        data: Fields with gaps or without, observations of several snapshots, a table of stations,
            or what `open_field` opens. A part of the model's variables is enough.
        by: See above.
        folds: Parts, two or more.
        count: Snapshots that are scored, evenly spread, at most; None: all.
        n_draws: Draws of each snapshot for CRPS; intervals take 40 at least. 0: the mean alone.
        block: Side of a block as a share of the region along each axis.
        fraction: See "time".
        seed: Of folds and draws.
        show_progress: Whether to show what is done, on stderr.
        options: Of `open_field`, such as variable="sst"; of a table those of
            `Observations.from_table`, such as time="date", values=["sst"].

    Warns:
        SeenDataWarning: If scored snapshots are among the training fields that the model keeps.

    Raises:
        VerificationError: If nothing can be withheld as asked: fewer units than folds, folds below
            2, no gaps for "cloud", nothing left to give or to score, variables that the model does
            not have.
        ValueError: If `by` is unknown (it names the nearest), or the data do not fit the model.

    Reference:
        Roberts et al. (2017). https://doi.org/10.1111/ecog.02881; Beckers & Rixen (2003), whose
        clouds of other dates are those of "cloud".
        https://doi.org/10.1175/1520-0426%282003%29020%3C1839:ECADFF%3E2.0.CO;2
    """
    splitting = Splitting(by, folds, seed, block, fraction)
    if count is not None:
        whole_number(count, "count", 1, error=VerificationError)
    whole_number(n_draws, "n_draws")
    notes = [_AS_IT_IS]
    readings = opened_readings(model, data, options, notes)
    rows = _scored_rows(readings, splitting, count, notes)
    _tell_seen(model, readings, rows, notes)
    if n_draws and draw_origin(model) is None:
        notes.append("The model cannot draw, so its uncertainty is not scored.")
        n_draws = 0
    ours = ModelMethod(model, columns_of(model, readings), n_draws, seed, notes)
    work = FoldWork(readings, splitting, ours, notes)
    with CountMeter("Verifying", work.steps(rows), show=show_progress) as meter:
        for fold in WAYS[by](readings, splitting, rows):
            work.run(fold, meter)
    return work.result(unit_count(readings, splitting, rows))


def _scored_rows(
    readings: Readings, splitting: Splitting, count: int | None, notes: list[str]
) -> np.ndarray:
    """Numbers of the snapshots that are scored, rising."""
    rows = np.flatnonzero(readings.splits == "test")
    if 0 < len(rows) < len(readings):
        notes.append(
            f"Scored are snapshots of the split 'test' ({len(rows)} of {len(readings)}), which a "
            "fit on the same data leaves out."
        )
    else:
        rows = np.arange(len(readings))
    most = len(rows) if count is None else count
    if splitting.by in ("time", "cloud"):
        most = max(most, splitting.folds)
    if most < len(rows):
        notes.append(f"Scored are {most} of {len(rows)} snapshots, evenly spread.")
        rows = rows[np.linspace(0, len(rows) - 1, most).round().astype(int)]
    return rows


def _tell_seen(
    model: FieldAutoencoder, readings: Readings, rows: np.ndarray, notes: list[str]
) -> None:
    seen = seen_snapshots(model, readings, rows)
    if seen:
        told = (
            f"The model has seen these data: {seen} of the {len(rows)} scored snapshots are among "
            "the training fields that it keeps. Its numbers are too good."
        )
        notes.append(told)
        warnings.warn(told, SeenDataWarning, stacklevel=3)
