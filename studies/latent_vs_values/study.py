"""Compare the sets of pictures that a model can make, and a Gaussian, with unseen pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from mamba_diffae.benchmark import ImageGrid, OnProgress, Request
from mamba_diffae.evaluation.generation import KernelDistance, Support, kernel_distance, support
from mamba_diffae.fields import FieldData, Shape
from mamba_diffae.latent.sampling import require_draws
from studies.common.attribute_features import AttributeFeatures
from studies.common.pictures import pictures_of
from studies.latent_vs_values.picture_sets import (
    SET_LABELS,
    NewSet,
    PictureSet,
    from_latents,
    gaussian_fields,
    new_pictures,
    new_sets,
    phases_needed,
)
from studies.latent_vs_values.protocol import PROTOCOLS, GenerationProtocol

COLUMNS, ROWS = 8, 2


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
@dataclass(frozen=True)
class Cost:
    """What a set of new pictures costs.

    Attributes:
        seconds: To draw a picture.
        phases: Of the model's training that it rests on.
    """

    seconds: float
    phases: tuple[str, ...]


@final
@dataclass(frozen=True, eq=False)
class GenerationResult:
    """New pictures beside unseen ones, and what they cost.

    Attributes:
        likeness: Of each set of pictures.
        perfect: Kernel distance of the test pictures from themselves, below 0: what perfect
            reconstructions of them would have.
        classifier: By whose features.
        count: Test pictures that they are compared with.
        fraction: Share of their cells that their latents are encoded from.
        costs: Of each set of new pictures.
        elapsed: Seconds that each phase of the training took, where they are known.
        panels: Pictures.
        facts: What was scored.
    """

    likeness: Sequence[Likeness]
    perfect: float
    classifier: Classifier
    count: int
    fraction: float
    costs: Mapping[NewSet, Cost]
    elapsed: Mapping[str, float]
    panels: Sequence[ImageGrid]
    facts: Mapping[str, str]


def latent_vs_values(request: Request, on_progress: OnProgress) -> GenerationResult:
    """Compare what the requested model can draw, and a Gaussian, with unseen pictures.

    Args:
        request: What is asked.
        on_progress: Told what is done.

    Raises:
        ValueError: If the model's phase "latent" was not trained, or it cannot draw a field from
            its latent; or the fields have no attributes or too few pictures to compare.
    """
    protocol, seed = PROTOCOLS[request.scale], request.seed
    model = request.given_model
    _ = model.latent_flow  # says how to train one, before anything takes long
    require_draws(model)
    train, test = request.truth.split("train"), request.truth.split("test")
    train = train if protocol.train is None else train.distinct(protocol.train)
    steps = protocol.classifier_steps
    features = AttributeFeatures(train, request.folder, steps=steps, seed=seed)
    on_progress("classifier")
    real = _some(test, protocol.count, seed)
    made, costs = _made(real, protocol, request, on_progress)
    sets: dict[PictureSet, np.ndarray] = {
        "train": _some(train, protocol.count, seed).values,
        **made,
        "gaussian": gaussian_fields(train, protocol.count, protocol.components, seed),
    }
    reference = features(real.values)
    likeness = [_likeness(name, features(values), reference) for name, values in sets.items()]
    on_progress("distances")
    return GenerationResult(
        likeness=likeness,
        perfect=kernel_distance(reference, reference).value,
        classifier=Classifier(len(features.attributes), features.shape, features.score(test)),
        count=len(real),
        fraction=protocol.fraction,
        costs=costs,
        elapsed=request.elapsed,
        panels=[_panel({"test": real.values, **sets}, train)],
        facts={"scored on": f"{len(real)} test pictures; {protocol.count} new ones of each kind"},
    )


def _made(
    real: FieldData, protocol: GenerationProtocol, request: Request, on_progress: OnProgress
) -> tuple[dict[PictureSet, np.ndarray], dict[NewSet, Cost]]:
    """All pictures of the model by set, and what the new ones cost."""
    model = request.given_model
    made: dict[PictureSet, np.ndarray] = {}
    costs: dict[NewSet, Cost] = {}
    for name in new_sets(model):
        made[name], seconds = new_pictures(name, protocol, request)
        costs[name] = Cost(seconds, phases_needed(model, name))
        on_progress(SET_LABELS[name])
    made["encoded"] = from_latents(real, protocol, request)
    on_progress(SET_LABELS["encoded"])
    return made, costs


def _some(data: FieldData, count: int, seed: int) -> FieldData:
    """So many of them at random, in random order."""
    return data.take(np.random.default_rng(seed).permutation(len(data))[:count])


def _likeness(pictures: PictureSet, features: np.ndarray, reference: np.ndarray) -> Likeness:
    n = min(len(features), len(reference))
    near = support(reference[:n], features[:n])
    return Likeness(pictures, kernel_distance(features, reference), near)


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
        "Test pictures, and the first of every set: none is chosen. Latents of test pictures are "
        "those of the test pictures above, column by column; a draw and a mean of the flow in the "
        "latent share theirs.",
        [str(i + 1) for i in range(COLUMNS)],
        [label for label, _ in rows],
        [[*pictures, *[None] * (COLUMNS - len(pictures))] for _, pictures in rows],
    )
