"""What does the latent know: attributes by linear probes, and the same field seen elsewhere?

Command:  mamba-diffae experiment probes --model emoji-96 --run runs/probes
Hardware: any; two minutes on one core of an Intel Xeon (AVX-512).
Measured: emoji-96, seed 0: mean AUROC 0.922 (0.902 to 0.939), above principal components of true
(0.827) and of kriged pictures (0.808); its palette alone 0.921. retrieval@1 0.926 against 0.775 of
kriged ones, 0.97 was asked. A classifier that is taught and sees the complete pictures: 0.886.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import final

import numpy as np

from mamba_diffae.evaluation import bootstrap_interval
from mamba_diffae.evaluation.probes import LEAST_BASES, ProbeScore, judge_probes, known_attributes
from mamba_diffae.evaluation.retrieval import copies, cosines, halves, retrieved, standardised
from mamba_diffae.experiments.attribute_features import AttributeFeatures
from mamba_diffae.experiments.kept import kept_arrays, weights_digest
from mamba_diffae.experiments.latent_map import map_sheet, neighbours_sheet
from mamba_diffae.experiments.latent_swap import swap_finding, swap_table
from mamba_diffae.experiments.probe_features import PicturePCA, probe_features
from mamba_diffae.experiments.probe_tables import (
    KRIGED,
    LATENT,
    TRUTH,
    UNSCALED,
    Stability,
    attributes_table,
    findings,
    goals_table,
    means_table,
    part_name,
    stability_table,
)
from mamba_diffae.experiments.request import OnProgress, Request, Scale
from mamba_diffae.experiments.result import Result, Sheet, Table
from mamba_diffae.fields import GridField, observe

QUERIES, ON_MAP = 6, 324
QUESTION = (
    "A latent of 20 % of a picture's coarse cells: how well does a straight line through it tell "
    "what the picture shows, beside the principal components of the whole picture and of the "
    "kriged one, and does another share of the cells give the same latent?"
)


@final
@dataclass(frozen=True)
class ProbesProtocol:
    """What is judged.

    Attributes:
        fraction: Share of the cells in each of two disjoint observations.
        judged: Pictures of distinct bases, evenly spread; None: all of validation and test.
        train: Training pictures of distinct bases that components and classifier are of; None:
            all.
        components: Principal components.
        least: Bases with positives (and with negatives) that an attribute needs.
        swapped: Pictures that are decoded from another one's latent.
        classifier_steps: Updates of the classifier that says what a complete picture can tell.
    """

    fraction: float = 0.2
    judged: int | None = None
    train: int | None = None
    components: int = 512
    least: int = LEAST_BASES
    swapped: int = 32
    classifier_steps: int = 800


PROTOCOLS: Mapping[Scale, ProbesProtocol] = {
    "quick": ProbesProtocol(judged=32, train=120, least=5, swapped=2, classifier_steps=20),
    "standard": ProbesProtocol(),
    "full": ProbesProtocol(),
}


def probes(request: Request, on_progress: OnProgress) -> Result:
    """Probe the latents of the requested model.

    Args:
        request: What is asked; of its fields those not trained on are judged.
        on_progress: Told what is done.

    Raises:
        ValueError: If the model has no latent, the fields do not fit it, or no attribute is held by
            enough of them.
    """
    assert request.model is not None
    _ = request.model.latent_dim  # a ValueError says if there is none
    protocol = PROTOCOLS[request.scale]
    judged = request.truth.take(request.truth.splits != "train")
    judged = judged if protocol.judged is None else judged.distinct(protocol.judged)
    labels = _labels(judged, protocol, request.source)
    features = _features(request, protocol, judged, on_progress)
    parts = request.model.latent_parts
    scores = _probe_scores(features, labels, judged, parts, request.seed)
    on_progress("probes")
    stability = _stability(features, judged, parts)
    goals = goals_table(scores, stability[0])
    swapped = _swapped(request, protocol)
    on_progress("latents swapped")
    taught = _taught(request, protocol, judged)
    bases = len(np.unique(judged.groups))
    return Result(
        title="What the latent knows",
        question=QUESTION,
        findings=[*findings(goals, scores, stability), taught, swap_finding(swapped)],
        scores=[],
        tables=[
            means_table(scores),
            attributes_table(scores, labels, judged),
            stability_table(stability),
            swapped,
            goals,
        ],
        sheets=_sheets(features, judged, request.seed),
        facts={"judged on": f"{len(judged)} pictures of {bases} bases, not trained on"},
    )


def _labels(judged: GridField, protocol: ProbesProtocol, source: str) -> dict[str, np.ndarray]:
    labels = known_attributes(judged.attributes, judged.groups, protocol.least)
    if not labels:
        raise ValueError(
            f"The source {source!r} has {len(judged.attributes)} attributes, and none that at "
            f"least {protocol.least} bases outside of the training split have and as many have "
            "not; give a source with attributes, such as emoji or cifar10:DIR."
        )
    return labels


def _features(
    request: Request, protocol: ProbesProtocol, judged: GridField, on_progress: OnProgress
) -> dict[str, np.ndarray]:
    """Of both observations, made once a folder."""
    model, seed = request.model, request.seed
    assert model is not None

    def pca() -> PicturePCA:
        return PicturePCA(_train(request, protocol), protocol.components)

    def make() -> dict[str, np.ndarray]:
        first, second = halves(observe(judged, 2 * protocol.fraction, seed=seed), seed)
        return probe_features(model, judged, {"first": first, "second": second}, pca, on_progress)

    key = {**asdict(protocol), "seed": seed, "weights": weights_digest(model._fitted()[0])}
    return kept_arrays(request.folder / "features.npz", key, make)


def _probe_scores(
    features: Mapping[str, np.ndarray],
    labels: Mapping[str, np.ndarray],
    judged: GridField,
    parts: Mapping[str, slice],
    seed: int,
) -> list[ProbeScore]:
    """Of the latent first; principal components in both scalings; the latent's parts."""
    truth, kriged, latent = features["truth"], features["kriged first"], features["latent first"]
    kinds = {LATENT: latent, TRUTH: truth, KRIGED: kriged}
    unscaled = {TRUTH + UNSCALED: truth, KRIGED + UNSCALED: kriged}
    each = {part_name(name): latent[:, part] for name, part in parts.items()}
    kinds |= unscaled | each
    return judge_probes(kinds, labels, judged.groups, relative=unscaled, seed=seed)


def _train(request: Request, protocol: ProbesProtocol) -> GridField:
    train = request.truth.split("train")
    return train if protocol.train is None else train.distinct(protocol.train)


def _taught(request: Request, protocol: ProbesProtocol, judged: GridField) -> str:
    """What a classifier can tell that learned the attributes and is shown complete pictures."""
    train, steps, least = _train(request, protocol), protocol.classifier_steps, protocol.least
    look = AttributeFeatures(train, request.folder, steps=steps, seed=request.seed, least=least)
    return (
        f"A small convolutional network that was taught the attributes by {len(train)} training "
        f"pictures, in {steps} steps, and is shown complete pictures, has a mean AUROC of "
        f"{look.score(judged, least):.3f}."
    )


def _stability(
    features: Mapping[str, np.ndarray], judged: GridField, parts: Mapping[str, slice]
) -> list[Stability]:
    """Of the latent first; of the kriged picture in both scalings; of the latent's parts."""
    kriged = features["kriged first"], features["kriged second"]
    latent = standardised(features["latent first"], features["latent second"])
    centre = np.concatenate(kriged).mean(axis=0)
    pairs = {
        LATENT: latent,
        KRIGED: standardised(*kriged),
        KRIGED + UNSCALED: (kriged[0] - centre, kriged[1] - centre),
        **{part_name(name): tuple(z[:, part] for z in latent) for name, part in parts.items()},
    }
    number, found = copies(judged), []
    for kind, (a, b) in pairs.items():
        similarity = cosines(a, b)
        hits, same = retrieved(similarity, number), np.diag(similarity)
        others = (similarity.sum() - same.sum()) / (similarity.size - len(same))
        known, alike = (bootstrap_interval(x, judged.groups) for x in (hits, same))
        found.append(Stability(kind, known, alike, float(others)))
    return found


def _swapped(request: Request, protocol: ProbesProtocol) -> Table:
    """Among the test pictures, of distinct bases."""
    assert request.model is not None
    pictures = request.truth.split("test").distinct(protocol.swapped)
    seen = observe(pictures, protocol.fraction, seed=request.seed)
    return swap_table(request.model, pictures, seen)


def _sheets(features: Mapping[str, np.ndarray], judged: GridField, seed: int) -> list[Sheet]:
    """Neighbours among the test pictures, a map of all; one picture of each base."""
    shown = {
        LATENT: standardised(features["latent first"])[0],
        KRIGED: features["kriged first"] - features["kriged first"].mean(axis=0),
    }
    first = np.zeros(len(judged), bool)
    first[np.unique(judged.groups, return_index=True)[1]] = True
    test = first & (judged.splits == "test") if (judged.splits == "test").any() else first
    mapped = np.flatnonzero(first)[:ON_MAP]
    return [
        neighbours_sheet({k: x[test] for k, x in shown.items()}, judged.take(test), QUERIES),
        map_sheet({k: x[mapped] for k, x in shown.items()}, judged.take(mapped), seed),
    ]
