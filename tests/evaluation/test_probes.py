"""Linear probes: planted directions are found, noise is not, and no base is on both sides."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from mamba_diffae.evaluation import probes
from mamba_diffae.evaluation.probes import (
    auroc,
    cross_validated,
    folds_of,
    known_attributes,
    score_probes,
)

COUNT, WIDTH = 240, 12
GROUPS = np.repeat(np.arange(COUNT // 2), 2)
LABEL = GROUPS % 3 == 0


def features(strength: float, seed: int = 0) -> np.ndarray:
    """Noise, and a direction along which positives lie apart by so many deviations."""
    rng = np.random.default_rng(seed)
    direction = np.linspace(-1, 1, WIDTH) / np.linalg.norm(np.linspace(-1, 1, WIDTH))
    return rng.normal(size=(COUNT, WIDTH)) + strength * np.outer(LABEL, direction)


def test_a_planted_direction_is_found_and_noise_is_not():
    kinds = {"planted": features(4.0), "weak": features(1.0), "noise": features(0.0)}
    planted, weak, noise = score_probes(kinds, {"a": LABEL}, GROUPS)
    assert planted.mean.mean > 0.98
    assert 0.55 < weak.mean.mean < planted.mean.mean
    assert abs(noise.mean.mean - 0.5) < 0.1
    assert noise.auroc["a"].low < 0.5 < noise.auroc["a"].high
    assert planted.above(noise).low > 0.3
    assert planted.above(planted).low == planted.above(planted).high == 0


def test_copies_in_a_group_do_not_leak():
    """Each group carries a mark of its own and a random label: knowing copies would tell it."""
    rng = np.random.default_rng(0)
    marks = np.eye(COUNT // 2)[GROUPS] * 3
    label = rng.permutation(COUNT // 2)[GROUPS] % 2 == 0
    (honest,) = score_probes({"marks": marks}, {"a": label}, GROUPS)
    (leaky,) = score_probes({"marks": marks}, {"a": label}, np.arange(COUNT))
    assert leaky.mean.mean > 0.75
    assert honest.mean.mean < 0.6


@given(st.integers(0, 50))
def test_groups_are_never_on_both_sides(seed):
    groups = np.random.default_rng(seed).integers(0, 40, COUNT)
    fold = folds_of(groups % 4 == 0, groups, seed)
    assert set(fold) == set(range(probes.FOLDS))
    assert all(len(set(fold[groups == g])) == 1 for g in np.unique(groups))


def test_one_fold_is_the_plain_auroc_and_weights_are_repetitions():
    rng = np.random.default_rng(0)
    label, logits = rng.random(50) < 0.4, rng.normal(size=50).round(1)  # with ties
    fold, weights = np.zeros(50, int), rng.integers(0, 3, (4, 50))
    expected = [roc_auc_score(np.repeat(label, w), np.repeat(logits, w)) for w in weights]
    assert auroc(logits, label, fold, weights) == pytest.approx(expected)


def test_pairs_of_different_folds_are_not_compared():
    label = np.array([True, False, True, False])
    logits, fold = np.array([1.0, 0.0, 11.0, 10.0]), np.array([0, 0, 1, 1])
    assert auroc(logits, label, fold, np.ones((1, 4)))[0] == 1.0
    assert auroc(logits, label, 0 * fold, np.ones((1, 4)))[0] == 0.75
    assert np.isnan(auroc(logits, label, fold, np.array([[1.0, 0, 0, 1]]))[0])


def test_the_probe_sees_no_unit_but_may_keep_relative_sizes():
    x, fold = features(1.0), folds_of(LABEL, GROUPS)
    plain = cross_validated(x, LABEL, fold)
    scales = np.geomspace(1e-3, 1e3, WIDTH)
    assert cross_validated(x * scales + 5, LABEL, fold) == pytest.approx(plain, abs=1e-6)
    loud = cross_validated(x * scales, LABEL, fold, relative=True)
    assert abs(loud - plain).max() > 0.01
    assert np.isfinite(cross_validated(np.c_[x, np.ones(COUNT)], LABEL, fold)).all()


def test_attributes_need_enough_bases_and_values_are_taken_one_against_the_rest():
    copies = GROUPS == 0  # two pictures of one base
    tone = np.array(["light", "dark", "none"])[GROUPS % 3]
    columns = {"known": LABEL, "one base": copies, "all": np.ones(COUNT, bool), "tone": tone}
    known = known_attributes(columns, GROUPS, least=30)
    assert list(known) == ["known", "tone=dark", "tone=light", "tone=none"]
    assert (known["tone=light"] == LABEL).all()
    assert not known_attributes(columns, GROUPS, least=100)


def test_shapes_that_disagree_are_named():
    with pytest.raises(ValueError, match=r"disagree for \['short'\]"):
        score_probes({"short": features(0.0)[:-1]}, {"a": LABEL}, GROUPS)
    with pytest.raises(ValueError, match="0 attributes of 240 fields"):
        score_probes({"x": features(0.0)}, {}, GROUPS)
