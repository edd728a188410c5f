"""Compare the flow of latents, the flow of values and a Gaussian with unseen pictures."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Literal, final

import numpy as np

from mamba_diffae.benchmark import ImageGrid, OnProgress, Request
from mamba_diffae.benchmark.study import Scale
from mamba_diffae.evaluation import GappyPOD
from mamba_diffae.evaluation.generation import KernelDistance, Support, kernel_distance, support
from mamba_diffae.fields import FieldData, Shape
from mamba_diffae.latent.inversion import require_flow
from mamba_diffae.latent.sampling import FLOWS, Flow, sample
from studies.common.attribute_features import AttributeFeatures
from studies.common.cache import cached_arrays, weights_digest
from studies.common.pictures import pictures_of

COLUMNS, ROWS = 8, 2
PictureSet = Literal["test", "train", "latent", "values", "gaussian"]
"""Test pictures; training pictures (the floor); of either flow; of a Gaussian."""
SET_LABELS: Mapping[PictureSet, str] = {
    "test": "test pictures",
    "train": "training pictures (floor)",
    "latent": "flow in the latent",
    "values": "flow in the values",
    "gaussian": "Gaussian of training pictures",
}


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


@final
@dataclass(frozen=True)
class Likeness:
    """How like unseen pictures a set of pictures is.

    Attributes:
        pictures: The set.
        distance: Kernel distance on attribute features.
        support: Precision and recall.
    """

    pictures: PictureSet
    distance: KernelDistance
    support: Support


@final
@dataclass(frozen=True)
class Classifier:
    """The classifier whose features are compared.

    Attributes:
        attributes: How many it tells.
        shape: Cells along each axis of what it sees.
        auroc: Its mean over the attributes, on test pictures.
    """

    attributes: int
    shape: Shape
    auroc: float


@final
@dataclass(frozen=True, eq=False)
class GenerationResult:
    """New pictures beside unseen ones, and what they cost.

    Attributes:
        likeness: Of each set of pictures.
        classifier: By whose features.
        count: Test pictures that they are compared with.
        seconds: To draw a picture, by flow.
        elapsed: Seconds that each phase of the training took, where they are known.
        panels: Pictures.
        facts: What was scored.
    """

    likeness: Sequence[Likeness]
    classifier: Classifier
    count: int
    seconds: Mapping[Flow, float]
    elapsed: Mapping[str, float]
    panels: Sequence[ImageGrid]
    facts: Mapping[str, str]


def latent_vs_values(request: Request, on_progress: OnProgress) -> GenerationResult:
    """Compare the two flows of the requested model, and a Gaussian, with unseen pictures.

    Args:
        request: What is asked.
        on_progress: Told what is done.

    Raises:
        ValueError: If the model's phase "latent" or "flow" was not trained, or the fields have no
            attributes or too few pictures to compare.
    """
    protocol, seed = PROTOCOLS[request.scale], request.seed
    _ = request.given_model.latent_flow  # says how to train one, before anything takes long
    require_flow(request.given_model, "The flow in the values")
    train, test = request.truth.split("train"), request.truth.split("test")
    train = train if protocol.train is None else train.distinct(protocol.train)
    steps = protocol.classifier_steps
    features = AttributeFeatures(train, request.folder, steps=steps, seed=seed)
    on_progress("classifier")
    drawn: dict[PictureSet, np.ndarray] = {}
    seconds: dict[Flow, float] = {}
    for flow in FLOWS:
        drawn[flow], seconds[flow] = _drawn(flow, protocol, request)
        on_progress(SET_LABELS[flow])
    real = _some(test, protocol.count, seed)
    sets: dict[PictureSet, np.ndarray] = {
        "train": _some(train, protocol.count, seed).values,
        **drawn,
        "gaussian": gaussian_fields(train, protocol.count, protocol.components, seed),
    }
    reference = features(real.values)
    likeness = [_likeness(name, features(values), reference) for name, values in sets.items()]
    on_progress("distances")
    return GenerationResult(
        likeness=likeness,
        classifier=Classifier(len(features.attributes), features.shape, features.score(test)),
        count=len(real),
        seconds=seconds,
        elapsed=request.elapsed,
        panels=[_panel({"test": real.values, **sets}, train)],
        facts={"scored on": f"{len(real)} test pictures; {protocol.count} of each flow"},
    )


def _drawn(flow: Flow, protocol: GenerationProtocol, request: Request) -> tuple[np.ndarray, float]:
    """New native pictures, and the seconds that each took; drawn once a folder."""
    model = request.given_model

    def make() -> dict[str, np.ndarray]:
        sample(model, 1, seed=request.seed, steps=1, flow=flow)  # kernels are compiled
        start = time.perf_counter()
        values = sample(
            model, protocol.count, seed=request.seed, steps=protocol.steps, flow=flow
        ).values
        each = (time.perf_counter() - start) / protocol.count
        return {"values": values.astype(np.float32), "seconds": np.array(each)}

    weights = weights_digest(model.fitted.network, model.latent_flow)
    key = {**asdict(protocol), "seed": request.seed, "weights": weights}
    stored = cached_arrays(request.folder / f"drawn-{flow}.npz", key, make)
    return stored["values"], float(stored["seconds"])


def _some(data: FieldData, count: int, seed: int) -> FieldData:
    """So many of them at random, in random order."""
    return data.take(np.random.default_rng(seed).permutation(len(data))[:count])


def _likeness(pictures: PictureSet, features: np.ndarray, reference: np.ndarray) -> Likeness:
    n = min(len(features), len(reference))
    near = support(reference[:n], features[:n])
    return Likeness(pictures, kernel_distance(features, reference), near)


def gaussian_fields(train: FieldData, count: int, components: int, seed: int) -> np.ndarray:
    """Draws of the Gaussian with the mean and the principal components of training pictures.

    Args:
        train: Fields.
        count: Draws.
        components: At most the number of fields.
        seed: Of the draws.

    Returns:
        Shape (count, *shape, C), in the units of the variables.
    """
    # With both numbers given, variances are those of the training pictures.
    pod = GappyPOD(modes=components, noise_variance=1e-3).fit(train).learned
    draws = np.random.default_rng(seed).standard_normal((count, pod.modes.shape[-1]), np.float32)
    unit = pod.mean + np.tensordot(draws, pod.modes, axes=(1, 2))
    values = pod.low + pod.span * np.clip(unit, 0, 1)
    return values.reshape(count, *train.shape, -1).astype(np.float32)


def _panel(sets: Mapping[PictureSet, np.ndarray], train: FieldData) -> ImageGrid:
    """Some of every set, at their native size."""
    rows: list[tuple[str, list[np.ndarray]]] = []
    for name, values in sets.items():
        first = FieldData(train.variables, train.grid, values[: ROWS * COLUMNS])
        shown = pictures_of(first)
        for r in range(ROWS):
            label = "" if r else SET_LABELS[name]
            rows.append((label, shown[r * COLUMNS : (r + 1) * COLUMNS]))
    return ImageGrid(
        "New pictures",
        "Test pictures, and the first of every set: none is chosen.",
        [str(i + 1) for i in range(COLUMNS)],
        [label for label, _ in rows],
        [[*pictures, *[None] * (COLUMNS - len(pictures))] for _, pictures in rows],
    )
