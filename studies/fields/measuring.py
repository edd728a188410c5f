"""Scores of the model and of every simple method: made once, found again."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any

from mamba_diffae.benchmark import OnProgress
from mamba_diffae.estimator import FieldAutoencoder
from mamba_diffae.evaluation import Method, classical_baselines
from mamba_diffae.fields import Grid, Observations, Prediction, UnfamiliarFieldsWarning
from studies.common.cache import cached_arrays, fields_digest, weights_digest
from studies.fields.cases import DENSITIES
from studies.fields.plan import CaseFolder
from studies.fields.scoring import Scored, scored

MODEL = Method("model", "the model", "network")
Ask = Callable[[Observations, Grid], Prediction]


def trained_model(folder: CaseFolder) -> FieldAutoencoder:
    """What the training of a case has left."""
    return FieldAutoencoder.from_pretrained(folder.training.folder, device=folder.request.device)


def score_model(folder: CaseFolder) -> dict[float, Scored]:
    """The trained model by density, scored in the folder of its training."""
    model, options = trained_model(folder), {"n_draws": folder.plan.n_draws}
    options["seed"] = folder.request.seed
    key = {"weights": weights_digest(model.fitted.network), **options}
    ask = partial(_quietly, model, options)
    return _scores(folder, folder.training.folder / "scores", MODEL, key, lambda: ask)


def score_simple(folder: CaseFolder, tell: OnProgress) -> dict[Method, dict[float, Scored]]:
    """Every simple method by density, fitted on what the model was fitted on.

    Args:
        folder: Of the case.
        tell: Told of every method that is done.
    """
    found, where = {}, folder.request.folder / "scores" / folder.case.key
    for baseline in classical_baselines():
        method, key = Method.of(baseline), {"learned from": fields_digest(folder.learned_from)}
        fit = partial(baseline.fit, folder.learned_from)
        found[method] = _scores(folder, where, method, key, lambda fit=fit: fit().predict)
        tell(f"{folder.case.title}: {method}")
    return found


def _scores(
    folder: CaseFolder,
    where: Path,
    method: Method,
    key: Mapping[str, Any],
    fitted: Callable[[], Ask],
) -> dict[float, Scored]:
    """A method at all densities; it is fitted if one of them is not found.

    Args:
        folder: Of the case.
        where: Folder of the scores.
        method: Which.
        key: What its scores depend on, beside the test fields.
        fitted: Gives what predicts.
    """
    test, seed, case, fit = folder.test, folder.request.seed, folder.case, cache(fitted)
    key = {**key, "fields": fields_digest(test), "seed": seed, "pattern": case.pattern}

    def make(density: float) -> Mapping[str, Any]:
        seen = case.observe(test, density, seed)
        told = fit()(seen, test.grid)
        return scored(method, told, test, seen, folder.deviation, seed).arrays()

    found = {}
    for density in DENSITIES:
        path = where / f"{method.key}-{100 * density:g}-percent.npz"
        stored = cached_arrays(path, {**key, "density": density}, partial(make, density))
        found[density] = Scored.of_arrays(method, stored)
    return found


def _quietly(
    model: FieldAutoencoder, options: Mapping[str, Any], seen: Observations, grid: Grid
) -> Prediction:
    """What the model answers; that test fields may be unlike training fields is not said."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnfamiliarFieldsWarning)
        return model.predict(seen, grid, **options)
