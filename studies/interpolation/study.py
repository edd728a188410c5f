"""Interpolate between test pictures through the latent, and rebuild some from their own noise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import final

import numpy as np

from mamba_diffae.benchmark import ImageGrid, OnProgress, Request
from mamba_diffae.benchmark.latent_panels import path_grid
from mamba_diffae.benchmark.study import Scale
from mamba_diffae.fields import FieldData, observe
from mamba_diffae.latent import interpolate
from mamba_diffae.latent.interpolation import lerp
from mamba_diffae.latent.inversion import require_flow
from studies.common.cache import cached_arrays, weights_digest
from studies.interpolation.measures import MEASURES, PATHS, Nearest, PathKind, path_measures
from studies.interpolation.rebuilding import Rebuilt, rebuilt, rebuilt_arrays


@final
@dataclass(frozen=True)
class InterpolationProtocol:
    """What is interpolated.

    Attributes:
        pairs: Of test pictures, all of distinct bases, as far as there are so many.
        frames: Pictures on each path, with both ends.
        fraction: Share of the cells that the latents of the paths are encoded from.
        inverted: Test pictures that are rebuilt from their own noise.
        fractions: Shares of their cells.
        steps: Steps of Heun's solver.
        shown: Pairs in the panels.
    """

    pairs: int = 64
    frames: int = 6
    fraction: float = 1.0
    inverted: int = 16
    fractions: Sequence[float] = (1.0, 0.2)
    steps: int = 20
    shown: int = 3


PROTOCOLS: Mapping[Scale, InterpolationProtocol] = {
    "quick": InterpolationProtocol(
        2, frames=3, fraction=0.2, inverted=1, fractions=(0.2,), steps=2, shown=1
    ),
    "standard": InterpolationProtocol(),
    "full": InterpolationProtocol(pairs=1000, inverted=310),
}


Pair = tuple[FieldData, FieldData]


@final
@dataclass(frozen=True, eq=False)
class InterpolationResult:
    """Paths between test pictures, and pictures rebuilt from their noise.

    Attributes:
        protocol: What was interpolated.
        paths: By kind of path, shape (pairs, len(MEASURES)); NaN where nothing is measured.
        rebuilt: PSNR of pictures rebuilt from latent and noise, by what was read.
        panels: Pictures.
        facts: What was scored.
    """

    protocol: InterpolationProtocol
    paths: Mapping[PathKind, np.ndarray]
    rebuilt: Sequence[Rebuilt]
    panels: Sequence[ImageGrid]
    facts: Mapping[str, str]


def interpolation(request: Request, on_progress: OnProgress) -> InterpolationResult:
    """Interpolate between test pictures by the requested model.

    Args:
        request: What is asked.
        on_progress: Told what is done.

    Raises:
        ValueError: If the model has no latent or no flow, the fields do not fit it, or there are
            fewer than two test pictures of distinct bases.
    """
    model, protocol, seed = request.given_model, PROTOCOLS[request.scale], request.seed
    _ = model.latent_dim
    require_flow(model, "Noise 'inverted'")
    test = request.truth.split("test")
    pairs = pairs_of(test, protocol.pairs, seed)
    key = {**asdict(protocol), "seed": seed, "weights": weights_digest(model.fitted.network)}

    def rebuild() -> dict[str, np.ndarray]:
        truth, steps = test.distinct(protocol.inverted), protocol.steps
        return rebuilt_arrays(model, truth, protocol.fractions, steps, seed, on_progress)

    measured = cached_arrays(
        request.folder / "path-measures.npz", key, lambda: _paths(request, pairs, on_progress)
    )
    again = cached_arrays(request.folder / "rebuilt-pictures.npz", key, rebuild)
    return InterpolationResult(
        protocol=protocol,
        paths={kind: measured[kind] for kind in PATHS},
        rebuilt=rebuilt(again, protocol.fractions),
        panels=_panels(request, pairs[: protocol.shown], on_progress),
        facts={"scored on": f"{len(pairs)} pairs of test pictures, {2 * len(pairs)} bases"},
    )


def _panels(request: Request, pairs: Sequence[Pair], on_progress: OnProgress) -> list[ImageGrid]:
    """Every path between some of the pairs."""
    protocol = PROTOCOLS[request.scale]
    return [
        path_grid(
            request.given_model,
            pair,
            [observe(field, protocol.fraction, seed=request.seed) for field in pair],
            protocol.frames,
            steps=protocol.steps,
            seed=request.seed,
            on_progress=lambda done: on_progress(f"pictures: {done}"),
        )
        for pair in pairs
    ]


def pairs_of(test: FieldData, count: int, seed: int) -> list[Pair]:
    """Pairs of which no two share a base, drawn by the seed; a ValueError if there is none."""
    one_each = test.distinct(len(test))
    order = np.random.default_rng(seed).permutation(len(one_each))
    found = [
        (one_each.take(order[i : i + 1]), one_each.take(order[i + 1 : i + 2]))
        for i in range(0, min(2 * count, len(one_each) - 1), 2)
    ]
    if not found:
        raise ValueError(
            f"The test split holds {len(one_each)} fields of distinct bases; a path needs two."
        )
    return found


def _paths(
    request: Request, pairs: Sequence[Pair], on_progress: OnProgress
) -> dict[str, np.ndarray]:
    """Measures of every path, shape (pairs, measures)."""
    model, protocol = request.given_model, PROTOCOLS[request.scale]
    nearest = Nearest(request.truth.take(request.truth.splits != "val"), model.mirrored)
    found: dict[PathKind, list[list[float]]] = {kind: [] for kind in PATHS}
    for i, (a, b) in enumerate(pairs):
        seen = [observe(field, protocol.fraction, seed=request.seed) for field in (a, b)]
        path = interpolate(model, seen[0], seen[1], protocol.frames)
        ends = np.concatenate([field.at(model.grid).values for field in (a, b)])
        paths: dict[PathKind, np.ndarray] = {
            "latent": path.values,
            "blend": lerp(ends[0], ends[1], path.alphas),
            "reconstructed": lerp(path.values[0], path.values[-1], path.alphas),
        }
        groups = np.concatenate([a.groups, b.groups])
        for kind, values in paths.items():
            found[kind].append(path_measures(model, values, ends, nearest, groups))
        true = {"nearest": float(nearest(ends, groups).mean()), "roughness": 1.0}
        found["true"].append([true.get(measure, np.nan) for measure in MEASURES])
        on_progress(f"paths: {i + 1} of {len(pairs)} pairs")
    return {kind: np.array(rows) for kind, rows in found.items()}
