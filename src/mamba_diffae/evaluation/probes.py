"""Linear probes: how well a linear classifier on features separates a field's attributes."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from mamba_diffae.evaluation.intervals import Interval

LEAST_BASES = 20
"""Groups that must hold positives of an attribute, or a probe of it says little."""
FOLDS = 5
STRENGTH = 0.01
"""C of the logistic regression: the inverse of its L2 penalty, the same for all features."""
RESAMPLES = 1000


@final
@dataclass(frozen=True, eq=False)
class ProbeScore:
    """How well one kind of features separates the attributes.

    Attributes:
        features: Their display name.
        auroc: Of every attribute, with its 95 % interval over groups.
        mean: Of all attributes together.
        resampled: That mean in every resample, shape (R,): features scored together share the
            resamples, so that differences between them are paired.
    """

    features: str
    auroc: Mapping[str, Interval]
    mean: Interval
    resampled: np.ndarray

    def above(self, other: ProbeScore) -> Interval:
        """The difference of the means, this one minus the other, paired over the resamples."""
        difference = self.mean.mean - other.mean.mean
        return _interval(difference, self.resampled - other.resampled)


def known_attributes(
    attributes: Mapping[str, np.ndarray], groups: np.ndarray, least: int = LEAST_BASES
) -> dict[str, np.ndarray]:
    """Binary labels that enough groups have and enough have not.

    Args:
        attributes: By name, shape (S,): bool, or of several values, which are taken one against
            the rest, as "name=value".
        groups: Group of each field, shape (S,).
        least: Groups with positives, and groups with negatives, at the least.

    Returns:
        By name, shape (S,), bool.
    """
    labels: dict[str, np.ndarray] = {}
    for name, column in attributes.items():
        binary = column.dtype == bool
        values = {name: True} if binary else {f"{name}={v}": v for v in np.unique(column)}
        labels |= {label: column == value for label, value in values.items()}
    return {
        name: label
        for name, label in labels.items()
        if all(len(np.unique(groups[side])) >= least for side in (label, ~label))
    }


def score_probes(
    features: Mapping[str, np.ndarray],
    labels: Mapping[str, np.ndarray],
    groups: np.ndarray,
    *,
    relative: Collection[str] = (),
    seed: int = 0,
) -> list[ProbeScore]:
    """Linear probes of every kind of features on every label, cross-validated over groups.

    Args:
        features: By display name, shape (S, F).
        labels: Binary attributes, shape (S,), such as those of `known_attributes`.
        groups: Fields of one group are never on both sides of a split, shape (S,).
        relative: Names of features whose columns keep their scales relative to each other: of
            principal components, to standardise each would give the last the weight of the first.
        seed: Of folds and resamples.

    Raises:
        ValueError: If there are no labels, or shapes disagree.
    """
    wrong = [name for name, x in features.items() if x.ndim != 2 or len(x) != len(groups)]
    wrong += [name for name, y in labels.items() if y.shape != groups.shape]
    if not labels or wrong:
        raise ValueError(
            f"score_probes was given {len(labels)} attributes of {len(groups)} fields, and shapes "
            f"that disagree for {wrong or 'none'}; give at least one attribute, and one row of "
            "features and one label for each field."
        )
    folds = {name: folds_of(y, groups, seed) for name, y in labels.items()}
    weights = _resampled(groups, seed)
    scores = []
    for kind, x in features.items():
        outcomes = {
            name: cross_validated(x, y, folds[name], relative=kind in relative)
            for name, y in labels.items()
        }
        scores.append(_score(kind, outcomes, labels, folds, weights))
    return scores


def folds_of(label: np.ndarray, groups: np.ndarray, seed: int = 0) -> np.ndarray:
    """The fold of each field, shape (S,): whole groups, with like shares of positives."""
    from sklearn.model_selection import StratifiedGroupKFold

    fold = np.zeros(len(label), dtype=int)
    splits = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed)
    for k, (_, left_out) in enumerate(splits.split(label[:, None], label, groups)):
        fold[left_out] = k
    return fold


def cross_validated(
    x: np.ndarray, label: np.ndarray, fold: np.ndarray, *, relative: bool = False
) -> np.ndarray:
    """The logit of each field by a probe that was fitted on the other folds.

    Args:
        x: Features, shape (S, F); centred and scaled by what the probe is fitted on.
        label: Shape (S,), bool; both sides must occur outside every fold.
        fold: Shape (S,).
        relative: Divide all columns by one number instead of each by its own deviation.

    Returns:
        Shape (S,).
    """
    from sklearn.linear_model import LogisticRegression

    logits = np.zeros(len(label))
    for k in np.unique(fold):
        left_out = fold == k
        known = x[~left_out]
        mean, scale = known.mean(axis=0), known.std(axis=0)
        scale = np.sqrt(np.square(scale).mean()) if relative else np.where(scale > 0, scale, 1)
        probe = LogisticRegression(C=STRENGTH, max_iter=500)
        probe.fit((known - mean) / scale, label[~left_out])
        logits[left_out] = probe.decision_function((x[left_out] - mean) / scale)
    return logits


def auroc(
    logits: np.ndarray, label: np.ndarray, fold: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    """Share of the pairs of a positive and a negative that stand in the right order.

    Only pairs of one fold are compared: the probes of two folds have different offsets.

    Args:
        logits: Shape (S,).
        label: Shape (S,), bool.
        fold: Shape (S,).
        weights: How often each field counts, shape (R, S).

    Returns:
        Shape (R,); nan where no pair is left.
    """
    positive, negative = logits[label][:, None], logits[~label][None]
    pair = (fold[label][:, None] == fold[~label][None]).astype(float)
    right = pair * ((positive > negative) + 0.5 * (positive == negative))
    w, v = weights[:, label], weights[:, ~label]
    total = ((w @ pair) * v).sum(axis=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return ((w @ right) * v).sum(axis=1) / total


def _resampled(groups: np.ndarray, seed: int) -> np.ndarray:
    """How often each field counts, once each and in every resample of groups, (1 + R, S)."""
    _, group = np.unique(groups, return_inverse=True)
    count = group.max() + 1
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(count, np.full(count, 1 / count), size=RESAMPLES)
    return np.concatenate([np.ones((1, len(groups))), drawn[:, group]])


def _score(
    kind: str,
    outcomes: Mapping[str, np.ndarray],
    labels: Mapping[str, np.ndarray],
    folds: Mapping[str, np.ndarray],
    weights: np.ndarray,
) -> ProbeScore:
    each = {name: auroc(z, labels[name], folds[name], weights) for name, z in outcomes.items()}
    mean = np.nanmean(list(each.values()), axis=0)
    intervals = {name: _interval(values[0], values[1:]) for name, values in each.items()}
    return ProbeScore(kind, intervals, _interval(mean[0], mean[1:]), mean[1:])


def _interval(mean: float, resampled: Sequence[float] | np.ndarray) -> Interval:
    low, high = np.nanquantile(resampled, [0.025, 0.975])
    return Interval(float(mean), float(low), float(high))
