"""A model phase by phase: what training leaves, its calibration, its export into the run."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from mamba_diffae.estimator.calibration import Calibration
from mamba_diffae.estimator.calibration_fit import (
    LEAST_FIELDS,
    SHARES,
    calibration_fields,
    fit_calibration,
)
from mamba_diffae.estimator.conditioned import nearest_distance
from mamba_diffae.estimator.drawing import Drawing
from mamba_diffae.estimator.fitted import FittedModel
from mamba_diffae.estimator.inputs import batches
from mamba_diffae.estimator.layout import checked_layout
from mamba_diffae.estimator.rendering import Rendering
from mamba_diffae.estimator.training_input import Prepared, TrainingInput, training_input
from mamba_diffae.fields import (
    FieldData,
    FieldError,
    Observations,
    Prediction,
    UnfamiliarFieldsWarning,
    observe,
)
from mamba_diffae.fields.sensors import observe_at, some_of
from mamba_diffae.models.base import FieldFlow
from mamba_diffae.training.loop.processes import Processes
from mamba_diffae.training.loop.progress import CountMeter
from mamba_diffae.training.objectives import Objective
from mamba_diffae.training.phases import LATENT
from mamba_diffae.training.resume import EXPORT
from mamba_diffae.training.session import TrainingSession
from mamba_diffae.training.settings import Changes, settings_for


def begin_session(
    chosen: tuple[type[FieldFlow], str, int, str],
    changes: Changes,
    objectives: Mapping[str, Objective],
    data: TrainingInput,
    layout: np.ndarray | Sequence[Sequence[float]] | None = None,
    **about: Any,
) -> tuple[TrainingSession, Prepared]:
    """What `fit` trains, and on what.

    Args:
        chosen: Architecture, preset, seed and device.
        changes: Settings other than the preset's.
        objectives: By the phase in which they are lowered.
        data: See `FieldAutoencoder.fit`.
        layout: Likewise.
        about: Of `training_input`.

    Raises:
        ValueError: As `FieldAutoencoder.fit`.
    """
    prepared = training_input(data, seed=chosen[2], **about)
    scaler = prepared.window or prepared.scaler
    if layout is not None:
        places = checked_layout(layout, scaler)
        changes = {**changes, "data": {**changes.get("data", {}), "layout": places}}
    if prepared.window is not None:
        changes = _for_windows(chosen[0], changes)
    settings = settings_for(chosen[0], prepared.snapshots, scaler.geometry, chosen[1], changes)
    return TrainingSession(*chosen, settings, prepared.snapshots, objectives), prepared


def _for_windows(architecture: type[FieldFlow], changes: Changes) -> Changes:
    """Settings of a model of windows: overlapping ones share the prior's draws, as kriging can.

    Raises:
        FieldError: If the architecture, another prior or a layout does not suit them.
    """
    model, data = changes.get("model", {}), changes.get("data", {})
    prior = model.get("prior", "kriging")
    if not architecture.has_latent or prior != "kriging" or data.get("layout") is not None:
        raise FieldError(
            f"Windows were asked of the architecture {architecture.kind!r} with the prior "
            f"{prior!r}{' and a layout' if data.get('layout') is not None else ''}; they take "
            "architecture='autoencoder', the prior 'kriging' and no layout of sensors."
        )
    options = {"pooled": True, **model.get("prior_options", {})}
    return {**changes, "model": {**model, "prior": "kriging", "prior_options": options}}


def fitted_phases(
    session: TrainingSession,
    prepared: Prepared,
    run: str | Path | None,
    phases: Sequence[str] | None,
    facts: Mapping[str, Any] | None,
    **options: bool,
) -> Iterator[FittedModel]:
    """Train phase after phase; after each the model stands in the run, unless a later one did.

    Args:
        session: What is trained.
        prepared: On what.
        run: See `FieldAutoencoder.fit`; likewise the rest.
        phases: See `FieldAutoencoder.fit`.
        facts: See `FieldAutoencoder.fit`.
        options: resume and overwrite.
    """
    calibration: Calibration | None = None
    facts = {**(facts or {}), "fields": prepared.summary()}
    with (
        _folder_of(run) as folder,
        closing(session.train(folder, phases, facts, **options)) as results,
    ):
        for result in results:
            learned = prepared.window or prepared.scaler
            model = FittedModel.of_phase(result, session, learned)
            if result.newest and model.network.writes_draws:
                # Phase "latent" leaves the draws as they are.
                if result.phase != LATENT or calibration is None:
                    calibration = calibrate(model, session, prepared.fields)
                model = replace(model, calibration=calibration)
            if prepared.window is not None:
                model = replace(model, scaler=prepared.scaler, window=prepared.window)
            yield model
            if result.newest:
                target = result.run.path / EXPORT
                Processes(session.device).run_on_main(lambda m=model, to=target: m.save(to))


@contextmanager
def _folder_of(run: str | Path | None) -> Iterator[Path]:
    """The folder of a run; without one a temporary folder, deleted afterwards."""
    if run is not None:
        yield Path(run).expanduser()
        return
    with tempfile.TemporaryDirectory() as nowhere:
        yield Path(nowhere) / "run"


def calibrate(
    model: FittedModel, session: TrainingSession, fields: FieldData | None
) -> Calibration | None:
    """The calibration of a model's draws on its validation fields.

    Warns:
        UserWarning: If it is left out, since there are too few of them, or all cells are seen.
    """
    if fields is None:
        return None
    plain, net = replace(model, calibration=None), model.network
    config, show = session.settings.data, session.settings.training["ensemble"].show_progress
    with CountMeter("calibrating", SHARES * calibration_fields(fields), show=show) as meter:

        def predict(seen: Observations, draws: int) -> Prediction:
            drawing = Drawing(draws, session.seed)
            rendering = Rendering(None, drawing, None, None)
            known = batches(net, model.scaler.observations(seen), None)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UnfamiliarFieldsWarning)
                told = rendering.predict_fields(plain, known, len(seen))
            meter.advance(len(seen))
            return told

        def distance(seen: Observations) -> np.ndarray:
            places = model.scaler.places(fields.grid.centres())[0]
            known = model.scaler.observations(seen)
            config = net.config
            away = nearest_distance(config.geometry, config.native_shape, known, places)
            return away.reshape(len(seen), *fields.shape)

        def reading(data: FieldData, fraction: float, seed: int) -> Observations:
            if config.layout is not None:
                places = model.scaler.physical(np.array(config.layout))
                return observe_at(data, some_of(places, fraction, seed))
            return observe(data, fraction, shape=model.observed_shape, seed=seed)

        shares = (0.5, 1.0) if config.layout else config.fractions
        found = fit_calibration(predict, distance, fields, shares, reading, session.seed)
    if found is None:
        warnings.warn(
            f"Draws are not calibrated: that takes {LEAST_FIELDS} validation snapshots of distinct "
            "groups or more, in which some cells are not observed; give more of the split 'val', "
            "or observe less (data.fractions).",
            stacklevel=5,
        )
    return found
