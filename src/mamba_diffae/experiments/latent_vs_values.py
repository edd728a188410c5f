"""New pictures from nothing: flow in the latent, or in the values with the latent dropped?

Command:  mamba-diffae experiment latent-vs-values --model RUN --run runs/latent-vs-values
Hardware: any; 11 minutes on one core of an Intel Xeon (AVX-512) with other work on the other one.
Measured: emoji-96 with its flow of latents, seed 0, 256 pictures each: kernel distance to test
pictures 0.29 ± 0.07 by the flow in the latent, 1.20 ± 0.12 by the flow in the values, 0.37 ± 0.07
by a Gaussian of training pictures, −0.03 ± 0.03 by training pictures; precision / recall 0.92 /
0.44 and 0.95 / 0.02 by the two flows.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import final

import numpy as np

from mamba_diffae.estimator import FieldAutoencoder
from mamba_diffae.evaluation import GappyPOD
from mamba_diffae.evaluation.generation import kernel_distance, support
from mamba_diffae.experiments.attribute_features import AttributeFeatures
from mamba_diffae.experiments.generation_tables import (
    FLOOR,
    FLOWS,
    GAUSSIAN,
    Likeness,
    cost_finding,
    cost_table,
    findings,
    likeness_table,
)
from mamba_diffae.experiments.kept import kept_arrays, weights_digest
from mamba_diffae.experiments.request import OnProgress, Request, Scale
from mamba_diffae.experiments.result import Result, Sheet
from mamba_diffae.fields import GridField
from mamba_diffae.latent.sampling import Flow, generate

COLUMNS, ROWS = 8, 2
QUESTION = (
    "A decoder writes new pictures from a latent that a small flow has drawn, or from noise alone, "
    "with the latent dropped. Which pictures are distributed more like real ones, and at what cost?"
)


@final
@dataclass(frozen=True)
class GenerationProtocol:
    """What is drawn and compared.

    Attributes:
        count: Pictures in each set, at most.
        train: Training pictures of distinct bases that classifier and Gaussian learn from; None:
            all.
        steps: Steps of the solver.
        classifier_steps: Updates of the classifier whose features are compared.
        components: Of the Gaussian.
    """

    count: int = 256
    train: int | None = None
    steps: int = 10
    classifier_steps: int = 800
    components: int = 512


PROTOCOLS: Mapping[Scale, GenerationProtocol] = {
    "quick": GenerationProtocol(8, 240, steps=3, classifier_steps=40, components=32),
    "standard": GenerationProtocol(),
    "full": GenerationProtocol(310, steps=20, classifier_steps=3000),
}


def latent_vs_values(request: Request, on_progress: OnProgress) -> Result:
    """Compare the two flows of the requested model, and a Gaussian, with unseen pictures.

    Args:
        request: What is asked.
        on_progress: Told what is done.

    Raises:
        ValueError: If the model's phase "latent" was not trained, or the fields have no attributes
            or too few pictures to compare.
    """
    model, protocol = request.model, PROTOCOLS[request.scale]
    assert model is not None
    _ = model.latent_prior  # a ValueError says how to train one, before anything takes long
    seed, train, test = request.seed, request.truth.split("train"), request.truth.split("test")
    train = train if protocol.train is None else train.distinct(protocol.train)
    look = AttributeFeatures(train, request.folder, steps=protocol.classifier_steps, seed=seed)
    on_progress("classifier")
    drawn, seconds = {}, {}
    for flow, name in FLOWS.items():
        drawn[name], seconds[flow] = _drawn(model, flow, protocol, request)
        on_progress(name)
    real = _some(test, protocol.count, seed)
    sets = {
        FLOOR: _some(train, protocol.count, seed).values,
        **drawn,
        GAUSSIAN: gaussian_fields(train, protocol.count, protocol.components, seed),
    }
    reference = look(real.values)
    found = [_likeness(name, look(values), reference) for name, values in sets.items()]
    on_progress("distances")
    return Result(
        title="Flow in the latent, or in the values?",
        question=QUESTION,
        findings=[*findings(found), cost_finding(seconds, request.elapsed)],
        scores=[],
        tables=[likeness_table(found, look, test, len(real)), cost_table(seconds, request.elapsed)],
        sheets=[_sheet({"test pictures": real.values, **sets}, train)],
        facts={"judged on": f"{len(real)} test pictures; {protocol.count} of each flow"},
    )


def _drawn(
    model: FieldAutoencoder, flow: Flow, protocol: GenerationProtocol, request: Request
) -> tuple[np.ndarray, float]:
    """New native pictures, and the seconds that each took; drawn once a folder."""

    def make() -> dict[str, np.ndarray]:
        generate(model, 1, seed=request.seed, steps=1, flow=flow)  # kernels are compiled
        start = time.perf_counter()
        values = generate(
            model, protocol.count, seed=request.seed, steps=protocol.steps, flow=flow
        ).values
        each = (time.perf_counter() - start) / protocol.count
        return {"values": values.astype(np.float32), "seconds": np.array(each)}

    weights = weights_digest(model._fitted()[0], model.latent_prior)
    key = {**asdict(protocol), "seed": request.seed, "weights": weights}
    kept = kept_arrays(request.folder / f"drawn-{flow}.npz", key, make)
    return kept["values"], float(kept["seconds"])


def _some(fields: GridField, count: int, seed: int) -> GridField:
    """So many of them at random, in random order."""
    return fields.take(np.random.default_rng(seed).permutation(len(fields))[:count])


def _likeness(name: str, features: np.ndarray, reference: np.ndarray) -> Likeness:
    n = min(len(features), len(reference))
    near = support(reference[:n], features[:n])
    return Likeness(name, kernel_distance(features, reference), near)


def gaussian_fields(train: GridField, count: int, components: int, seed: int) -> np.ndarray:
    """Draws of the Gaussian with the mean and the principal components of training pictures.

    Args:
        train: Complete fields.
        count: Draws.
        components: At most the number of fields.
        seed: Of the draws.

    Returns:
        Shape (count, n, n, C), in the unit of the field.
    """
    pod = GappyPOD.fit(train, modes=components)
    draws = np.random.default_rng(seed).standard_normal((count, len(pod.modes)), np.float32)
    unit = pod.mean + np.tensordot(draws, pod.modes, axes=1)
    return train.scaling.unscale(2 * np.clip(unit, 0, 1) - 1)


def _sheet(sets: Mapping[str, np.ndarray], train: GridField) -> Sheet:
    """Some of every set, at their native size."""
    unit = train.scaling.unit
    rows = [
        (name if r == 0 else "", [unit(p.astype(np.float32)) for p in part])
        for name, values in sets.items()
        for r, part in enumerate(values[i * COLUMNS : (i + 1) * COLUMNS] for i in range(ROWS))
    ]
    return Sheet(
        "New pictures",
        "Test pictures, and the first of every set: none is chosen.",
        [str(i + 1) for i in range(COLUMNS)],
        [name for name, _ in rows],
        [[*pictures, *[None] * (COLUMNS - len(pictures))] for _, pictures in rows],
    )
