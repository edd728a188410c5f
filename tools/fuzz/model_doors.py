"""Doors of a fitted model: predictions, latents, scores, placements, verification, settings."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st

from mamba_diffae import (
    FieldAutoencoder,
    FieldData,
    Grid,
    Observations,
    Prediction,
    Variable,
    evaluate,
    observe,
    place_sensors,
    sample,
    verify,
)
from mamba_diffae.fields import Affine, Axis
from tools.fuzz.arrays import arrays, mostly, names, numbers, seeds, shapes, summary
from tools.fuzz.verdict import Call

FEW = {"steps": 2, "batch_size": 2, "show_progress": False}
CHANGES = {
    "model": {"d_model": 16, "prior": "analogue"},  # what is fitted in no time
    "data": {"encodings": 1},
    **dict.fromkeys(("autoencoder", "ensemble", "latent"), FEW),
}
SHAPE = (8, 12)
CELLS = SHAPE[0] * SHAPE[1]
Draw = st.DrawFn


def fields(count: int = 8, seed: int = 0) -> FieldData:
    """Smooth fields of two variables over a part of the globe, with land and gaps."""
    axes = (
        Axis.regular("lat", -40, 40, 8, "degrees_north"),
        Axis.regular("lon", 0, 60, 12, "degrees_east"),
    )
    land = np.ones(SHAPE, bool)
    land[:2, :3] = False
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:8, 0:12] / 8
    turns = rng.uniform(0.2, 1, (2, count, 1, 1, 2)) * np.stack([y, x])[:, None, ..., None]
    values = 15 + 5 * np.sin(2 * np.pi * (turns.sum(0) + rng.random((count, 1, 1, 2))))
    values[rng.random(values.shape) < 0.1] = np.nan
    variables = [Variable("sst", "degC", Affine(5, 25)), Variable("v", "m s-1", Affine(5, 25))]
    splits = np.resize(["train", "train", "val", "train", "test"], count)
    return FieldData(variables, Grid(axes, land), values, splits=splits)


KEPT = Path(__file__).resolve().parents[2] / "runs" / "fuzz" / "model"


@functools.cache
def model() -> FieldAutoencoder:
    """One tiny model, fitted once and kept in `KEPT`: remove that folder to have it made anew."""
    if not KEPT.is_dir():
        made = FieldAutoencoder("tiny", changes=CHANGES, device="cpu").fit(fields())
        made.save_pretrained(KEPT)
    return FieldAutoencoder.from_pretrained(KEPT, device="cpu")


@st.composite
def observations(draw: Draw) -> Observations | None:
    """Of the model's fields at random places, now and then none that it can read."""
    n = draw(st.sampled_from([1, 2, 5, 30]))
    low, high = draw(mostly(st.just(((-40, 0), (40, 60))), st.just(((-95, -200), (95, 400))), 8))
    rng = np.random.default_rng(draw(seeds))
    coords = rng.uniform(low, high, (n, 2))
    coords[: draw(st.integers(0, n))] = coords[0]
    values = draw(mostly(arrays((n, 2), 5, 25, types=("f8", "f4", "f2", "i4")), arrays((n, 1)), 8))
    noise = draw(mostly(None, st.sampled_from([0, 0.1, 1e6, 1e-300, [0.5, 0]]), 3))
    support = draw(mostly(None, st.sampled_from([0, 1.0, [5.0, 0.0], 60]), 3))
    try:
        return Observations.from_points(coords, values, noise=noise, support=support)
    except ValueError:
        return None


targets = st.one_of(
    st.sampled_from([None, 4, 8, 12, (4, 6), (8, 12), (16, 24), (8,), (3, 5), (1, 1)]),
    mostly(st.just(7), numbers, 2),
    shapes((5, 2)).flatmap(lambda s: arrays(s, 0, 40)),
    st.just(Grid.regular([(-40, 40), (0, 60)], (5, 7), ("lat", "lon"))),
    st.just(Grid.regular([(-10, 10), (0, 20)], (5, 7), ("lat", "lon"))),
    st.just(Grid.default((4, 4))),
)


def _finite_prediction(told: Prediction) -> str | None:
    sea = np.ones(told.mean.shape, bool)
    if told.grid is not None and np.isnan(told.mean).any():
        sea = ~np.isnan(told.mean)
        if not sea.any() or sea.mean() < 0.5:
            return "most of the answer is NaN"
    elif told.grid is None:
        # A place on land is answered by NaN, and said to be.
        sea = ~np.isnan(told.mean)
    parts = {"mean": told.mean, "quantiles": told.quantiles, "familiarity": told.familiarity}
    parts["draws"] = told.draws if len(told.draws) else None
    for name, part in parts.items():
        if part is None:
            continue
        here = part if name == "familiarity" else np.where(sea, part, 0.0)
        if not np.isfinite(here).all():
            return f"{name} not finite"
    return None


def few(count: Any) -> bool:
    """Whether so many draws are made in seconds, or refused."""
    return not 50 < count < 10**9


@st.composite
def predicting(draw: Draw) -> Call:
    """`predict`."""
    seen = [draw(observations()) for _ in range(draw(st.sampled_from([1, 1, 2])))]
    given: Any = [s for s in seen if s is not None]
    asked = draw(targets)
    options = {
        "n_draws": draw(mostly(st.sampled_from([0, 0, 1, 3]), numbers.filter(few), 8)),
        "quantiles": draw(
            mostly((), st.sampled_from([(0.1, 0.9), (0.9, 0.1), (0,), (2,), 0.5]), 6)
        ),
        "seed": draw(mostly(st.integers(0, 2**59), numbers, 8)),
        "decoder_inputs": draw(mostly(None, st.sampled_from(["latent", "none", "points", 3]), 4)),
        "steps": draw(mostly(None, numbers, 8)),
        "solver": draw(mostly(None, st.sampled_from(["heun", "euler", "x", 3]), 8)),
    }
    if draw(st.integers(0, 9)) == 0:
        latent = model().latent_dim
        options["latents"] = draw(shapes((len(given), latent)).flatmap(lambda s: arrays(s, -1, 1)))
    told = summary({"observations": given, "targets": asked, **options})
    return Call(
        "predict", told, lambda: model().predict(given, asked, **options), _finite_prediction
    )


@st.composite
def latents(draw: Draw) -> Call:
    """`decode` and `sample`."""
    asked = draw(targets)
    if draw(st.booleans()):
        count = draw(mostly(2, numbers.filter(few), 3))
        seed = draw(mostly(1, numbers, 3))
        return Call(
            "sample",
            summary({"count": count, "targets": asked, "seed": seed}),
            lambda: sample(model(), count, asked, seed=seed, steps=2).values,
            lambda found: None,
        )
    given = draw(shapes((2, model().latent_dim)).flatmap(lambda s: arrays(s, -1, 1)))
    told = summary({"latents": given, "targets": asked})
    return Call("decode", told, lambda: model().decode(given, asked), _finite_prediction)


@st.composite
def scoring(draw: Draw) -> Call:
    """`evaluate`."""
    data = fields(draw(st.sampled_from([1, 3])))
    shape = draw(shapes(data.values.shape))
    given = draw(arrays(shape, 5, 25))
    seen = observe(data, 0.3) if draw(st.booleans()) else None
    if draw(st.integers(0, 5)) == 0:
        seen = draw(observations())
    told = summary({"prediction": given, "observed": seen is not None})
    return Call("evaluate", told, lambda: evaluate(given, data, observed=seen), _finite_scores)


def _finite_scores(found: dict[str, Any]) -> str | None:
    flat = [
        v
        for value in found.values()
        for v in np.ravel(list(value.values()) if isinstance(value, dict) else value)
    ]
    # A perfect answer has no noise to compare with.
    return None if not np.isnan(np.array(flat, float)).any() else f"scores {found}"


@st.composite
def placing(draw: Draw) -> Call:
    """`place_sensors`."""
    options = {
        "candidates": draw(
            mostly(
                None,
                shapes((6, 2)).flatmap(lambda s: arrays(s, 0, 30))
                | shapes(SHAPE).flatmap(lambda s: arrays(s, 0, 2, types=("b1",), strange=1)),
                2,
            )
        ),
        "existing": draw(
            mostly(None, shapes((2, 2)).flatmap(lambda s: arrays(s, 0, 30)) | observations(), 3)
        ),
        "min_distance": draw(mostly(0.0, numbers, 3)),
        "noise": draw(mostly(None, numbers | arrays((2,)), 3)),
        "seed": draw(mostly(0, numbers, 5)),
    }
    n = draw(mostly(st.sampled_from([1, 2]), numbers, 4))
    told = summary({"n": n, **options})
    return Call("place_sensors", told, lambda: place_sensors(model(), n, **options), _finite_places)


def _finite_places(found: Any) -> str | None:
    return None if np.isfinite(found.coords).all() else "places that are not finite"


@st.composite
def verifying(draw: Draw) -> Call:
    """`verify`."""
    options = {
        "by": draw(mostly(st.sampled_from(["station", "block", "cloud", "time"]), names)),
        "folds": draw(mostly(2, numbers)),
        "count": draw(mostly(1, numbers)),
        "n_draws": draw(mostly(0, numbers.filter(few))),
        "block": draw(mostly(None, numbers)),
        "fraction": draw(mostly(0.5, numbers)),
        "seed": draw(mostly(0, numbers)),
    }
    data = fields(draw(st.sampled_from([2, 5])), seed=3)
    told = summary({"snapshots": len(data), **options})
    run = lambda: verify(model(), data, show_progress=False, **options)  # noqa: E731
    return Call("verify", told, run, lambda found: None)


SETTINGS = (
    *("model.d_model", "model.blocks", "model.latent_dim", "model.tokens", "model.neighbours"),
    *(
        "model.head",
        "model.codes",
        "model.prior",
        "model.encoder",
        "model.decoder",
        "data.exemplars",
    ),
    *("data.observed_shape", "data.queries", "data.encodings", "data.fractions", "model.nothing"),
    *("autoencoder.steps", "autoencoder.batch_size", "autoencoder.learning_rate", "flow.steps"),
    *(
        "latent_flow.width",
        "nothing.at_all",
        "autoencoder.objective",
        "data.patterns",
        "model.kernel",
    ),
)
LITERALS = (
    *(0, 1, 3, 16, -1, 1e9, 2**40, 0.5, "nan", "inf", True, None, "", "x", "none", [], [1], [4, 4]),
    *([0, 0], [[1]], {"a": 1}, float("nan"), float("inf"), "analogue", "kriging", "mamba"),
)


@st.composite
def settings_of(draw: Draw) -> Call:
    """Settings of any kind, and now and then the training with them."""
    changes: dict[str, dict[str, Any]] = {k: dict(v) for k, v in CHANGES.items()}
    told = {}
    for _ in range(draw(st.integers(0, 2))):
        name, value = draw(st.sampled_from(SETTINGS)), draw(st.sampled_from(LITERALS))
        section, _, field = name.partition(".")
        changes.setdefault(section, {})[field] = told[name] = value
    preset = draw(mostly("tiny", names, 12))
    seed = draw(mostly(0, numbers, 12))
    words = summary({"preset": preset, "seed": seed, **told})

    def run() -> Any:
        chosen = FieldAutoencoder(preset, changes=changes, seed=seed, device="cpu")
        return chosen.settings(fields()).describe()

    return Call("settings", words, run, lambda found: None)


@st.composite
def fitting(draw: Draw) -> Call:
    """`fit` for two steps, and the prediction of what was fitted."""
    shape = draw(st.sampled_from([(9,), (6, 5), (2, 2), (1, 9), (3, 4, 3)]))
    count = draw(st.sampled_from([1, 2, 3, 6]))
    values = draw(arrays((count, *shape, 1), -1, 1, strange=3))
    phases = draw(st.sampled_from([["autoencoder"], ["autoencoder", "ensemble"]]))
    told = summary({"values": values, "phases": phases})

    def run() -> Prediction:
        from mamba_diffae.sources import from_array

        data = from_array(values, variables="v")
        net = FieldAutoencoder("tiny", changes=CHANGES, device="cpu").fit(data, phases=phases)
        return net.predict(observe(data.take(slice(0, 1)), 0.5), n_draws=len(phases) - 1)

    return Call("fit", told, run, _finite_prediction)


MODEL_DOORS = (predicting(), latents(), scoring(), placing(), settings_of())
SLOW_DOORS = (verifying(), fitting())
