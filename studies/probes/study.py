"""Probe the latents of a model, compare them from other cells, and swap them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import final

import numpy as np

from mamba_diffae.benchmark import ImageGrid, OnProgress, Request
from mamba_diffae.benchmark.study import Scale
from mamba_diffae.evaluation import Kriging, bootstrap_interval
from mamba_diffae.evaluation.probes import LEAST_BASES, known_attributes, score_probes
from mamba_diffae.evaluation.retrieval import copies, cosines, halves, retrieved, standardised
from mamba_diffae.fields import FieldData, observe
from studies.common.attribute_features import AttributeFeatures
from studies.common.cache import cached_arrays, weights_digest
from studies.probes.features import KRIGED, LATENT, TRUTH, Feature, FieldPCA, probe_features
from studies.probes.latent_swap import Swap, swap_latents
from studies.probes.panels import map_grid, neighbours_grid
from studies.probes.result import Attribute, Probed, ProbesResult, Stability, Taught

QUERIES, ON_MAP = 6, 324


@final
@dataclass(frozen=True)
class ProbesProtocol:
    """What is scored.

    Attributes:
        fraction: Share of the cells in each of two disjoint observations.
        scored: Pictures of distinct bases, evenly spread; None: all of validation and test.
        train: Training pictures of distinct bases that components and classifier are of; None:
            all.
        components: Principal components.
        least: Bases with positives (and with negatives) that an attribute needs.
        swapped: Pictures that are decoded from another one's latent.
        classifier_steps: Updates of the classifier that says what a complete picture can tell.
    """

    fraction: float = 0.2
    scored: int | None = None
    train: int | None = None
    components: int = 512
    least: int = LEAST_BASES
    swapped: int = 32
    classifier_steps: int = 800


PROTOCOLS: Mapping[Scale, ProbesProtocol] = {
    "quick": ProbesProtocol(scored=32, train=120, least=5, swapped=2, classifier_steps=20),
    "standard": ProbesProtocol(),
    "full": ProbesProtocol(),
}


def probes(request: Request, on_progress: OnProgress) -> ProbesResult:
    """Probe the latents of the requested model.

    Args:
        request: What is asked; of its fields those not trained on are scored.
        on_progress: Told what is done.

    Raises:
        ValueError: If the model has no latent, the fields do not fit it, or no attribute is held by
            enough of them.
    """
    model, protocol = request.given_model, PROTOCOLS[request.scale]
    _ = model.latent_dim  # a ValueError says if there is none
    scored = request.truth.take(request.truth.splits != "train")
    scored = scored if protocol.scored is None else scored.distinct(protocol.scored)
    labels = _labels(scored, protocol, request.source)
    features = _features(request, protocol, scored, on_progress)
    probed = _probed(features, labels, scored, model.latent_parts, request.seed)
    on_progress("probes")
    swaps = _swaps(request, protocol)
    on_progress("latents swapped")
    bases = len(np.unique(scored.groups))
    return ProbesResult(
        probed=probed,
        attributes=[
            Attribute(name, int(label.sum()), len(np.unique(scored.groups[label])))
            for name, label in labels.items()
        ],
        stability=_stability(features, scored, model.latent_parts),
        swaps=swaps,
        taught=_taught(request, protocol, scored),
        panels=_panels(features, scored, request.seed),
        facts={"scored on": f"{len(scored)} pictures of {bases} bases, not trained on"},
    )


def _labels(scored: FieldData, protocol: ProbesProtocol, source: str) -> dict[str, np.ndarray]:
    labels = known_attributes(scored.attributes, scored.groups, protocol.least)
    if not labels:
        raise ValueError(
            f"The source {source!r} has {len(scored.attributes)} attributes, and none that at "
            f"least {protocol.least} bases outside of the training split have and as many have "
            "not; give a source with attributes, such as emoji or cifar10:DIR."
        )
    return labels


def _features(
    request: Request, protocol: ProbesProtocol, scored: FieldData, on_progress: OnProgress
) -> dict[str, np.ndarray]:
    """Of both observations, made once a folder."""
    model, seed = request.given_model, request.seed

    train = _train(request, protocol)

    def pca() -> FieldPCA:
        return FieldPCA(train, protocol.components)

    def make() -> dict[str, np.ndarray]:
        first, second = halves(observe(scored, 2 * protocol.fraction, seed=seed), seed)
        seen, kriging = {"first": first, "second": second}, Kriging(with_std=False).fit(train)
        return probe_features(model, scored, seen, kriging, pca, on_progress)

    key = {**asdict(protocol), "seed": seed, "weights": weights_digest(model.fitted.network)}
    return cached_arrays(request.folder / "features.npz", key, make)


def _probed(
    features: Mapping[str, np.ndarray],
    labels: Mapping[str, np.ndarray],
    scored: FieldData,
    parts: Mapping[str, slice],
    seed: int,
) -> list[Probed]:
    """Of the latent first; principal components in both scalings; the latent's parts."""
    truth, kriged, latent = features["truth"], features["kriged first"], features["latent first"]
    unscaled = {Feature("truth", unscaled=True): truth, Feature("kriged", unscaled=True): kriged}
    probed = {LATENT: latent, TRUTH: truth, KRIGED: kriged, **unscaled}
    probed |= {Feature("part", part=name): latent[:, part] for name, part in parts.items()}
    scores = score_probes(
        {feature.key: x for feature, x in probed.items()},
        labels,
        scored.groups,
        relative=[feature.key for feature in unscaled],
        seed=seed,
    )
    return [Probed(feature, score) for feature, score in zip(probed, scores, strict=True)]


def _train(request: Request, protocol: ProbesProtocol) -> FieldData:
    train = request.truth.split("train")
    return train if protocol.train is None else train.distinct(protocol.train)


def _taught(request: Request, protocol: ProbesProtocol, scored: FieldData) -> Taught:
    """What a classifier can tell that learned the attributes and is shown complete pictures."""
    train, steps, least = _train(request, protocol), protocol.classifier_steps, protocol.least
    taught = AttributeFeatures(train, request.folder, steps=steps, seed=request.seed, least=least)
    return Taught(len(train), steps, taught.score(scored, least))


def _stability(
    features: Mapping[str, np.ndarray], scored: FieldData, parts: Mapping[str, slice]
) -> list[Stability]:
    """Of the latent first; of the kriged picture in both scalings; of the latent's parts."""
    kriged = features["kriged first"], features["kriged second"]
    latent = standardised(features["latent first"], features["latent second"])
    centre = np.concatenate(kriged).mean(axis=0)
    pairs = {
        LATENT: latent,
        KRIGED: standardised(*kriged),
        Feature("kriged", unscaled=True): (kriged[0] - centre, kriged[1] - centre),
        **{
            Feature("part", part=name): tuple(z[:, part] for z in latent)
            for name, part in parts.items()
        },
    }
    number, found = copies(scored), []
    for feature, (a, b) in pairs.items():
        similarity = cosines(a, b)
        hits, same = retrieved(similarity, number), np.diag(similarity)
        others = (similarity.sum() - same.sum()) / (similarity.size - len(same))
        known, alike = (bootstrap_interval(x, scored.groups) for x in (hits, same))
        found.append(Stability(feature, known, alike, float(others)))
    return found


def _swaps(request: Request, protocol: ProbesProtocol) -> list[Swap]:
    """Among the test pictures, of distinct bases."""
    pictures = request.truth.split("test").distinct(protocol.swapped)
    seen = observe(pictures, protocol.fraction, seed=request.seed)
    return swap_latents(request.given_model, pictures, seen)


def _panels(features: Mapping[str, np.ndarray], scored: FieldData, seed: int) -> list[ImageGrid]:
    """Neighbours among the test pictures, a map of all; one picture of each base."""
    shown = {
        LATENT.label: standardised(features["latent first"])[0],
        KRIGED.label: features["kriged first"] - features["kriged first"].mean(axis=0),
    }
    first = np.zeros(len(scored), bool)
    first[np.unique(scored.groups, return_index=True)[1]] = True
    test = first & (scored.splits == "test") if (scored.splits == "test").any() else first
    mapped = np.flatnonzero(first)[:ON_MAP]
    return [
        neighbours_grid({k: x[test] for k, x in shown.items()}, scored.take(test), QUERIES),
        map_grid({k: x[mapped] for k, x in shown.items()}, scored.take(mapped), seed),
    ]
