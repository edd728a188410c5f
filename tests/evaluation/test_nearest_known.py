"""Distances to the nearest known field, and when they speak of memorising."""

from dataclasses import replace

import numpy as np
import pytest

from mamba_diffae.evaluation import nearest_known, novelty
from mamba_diffae.fields import FieldData


@pytest.fixture(scope="module", params=[(16, 16), (8, 20), (30,), (6, 5, 8)])
def truth(request, smooth_fields):
    return smooth_fields(count=36, shape=request.param, channels=2)


def test_it_is_the_least_of_all_distances(truth):
    new, known = truth.split("test"), truth.split("train")
    shape = [n // 2 for n in truth.shape]
    distance, index = nearest_known(new.values, known, shape=shape)
    a, b = (t.unit_interval(t.at(shape).values).reshape(len(t), -1) for t in (new, known))
    every = np.sqrt(np.square(a[:, None] - b[None]).mean(axis=2))
    np.testing.assert_allclose(distance, every.min(axis=1), atol=1e-6)
    np.testing.assert_array_equal(index, every.argmin(axis=1))


def test_a_copy_is_at_no_distance_and_a_mirror_image_if_it_counts(truth):
    known = truth.split("train")
    copies, turned = known.values[3:6], np.flip(known.values[3:6], -2)
    distance, index = nearest_known(copies, known, shape=truth.shape)
    np.testing.assert_allclose(distance, 0, atol=1e-6)
    assert index.tolist() == [3, 4, 5]
    assert (nearest_known(turned, known, shape=truth.shape)[0] > 0.05).all()
    distance, index = nearest_known(turned, known, shape=truth.shape, mirrored=True)
    np.testing.assert_allclose(distance, 0, atol=1e-6)
    assert index.tolist() == [3, 4, 5]


def test_only_what_both_know_is_compared(truth):
    known = truth.split("train")
    rng = np.random.default_rng(0)
    there, here = (rng.random(v.shape) < 0.6 for v in (known.values, known.values[3:6]))
    found = []
    for under in (0.0, 1e9):
        gappy = replace(known, values=np.where(there, known.values, under), valid=there)
        asked = FieldData(
            truth.variables, truth.grid, np.where(here, known.values[3:6], under), here
        )
        found.append(nearest_known(asked, gappy, shape=truth.shape))
    np.testing.assert_allclose(found[0][0], 0, atol=1e-6)
    assert found[0][1].tolist() == [3, 4, 5]
    np.testing.assert_array_equal(found[0][0], found[1][0])


def test_copies_look_like_memorising_and_unseen_fields_do_not(truth):
    known = truth.split("train").values
    copied = novelty(known[:5] + 0.01, truth)
    assert copied.near == 1
    assert "100% of the samples" in copied.sentences()[1]
    assert copied.sentences()[1].endswith("That looks like memorising.")
    fresh = novelty(truth.split("test").values, truth)
    assert fresh.near <= 0.2
    assert "does not look like memorising" in fresh.sentences()[1]
    np.testing.assert_allclose(fresh.new, fresh.unseen)


def test_coarse_samples_are_compared_at_their_own_shape(smooth_fields):
    truth = smooth_fields(count=36, shape=(16, 40))
    found = novelty(truth.split("test").at((4, 10)).values, truth, mirrored=True)
    assert found.shape == (4, 10)
    assert "4 × 10" in found.sentences()[0]


def test_large_fields_are_compared_on_a_lattice(smooth_fields):
    truth = smooth_fields(count=12, shape=(40, 90))
    found = novelty(truth.values[:2], truth)
    assert np.prod(found.shape) <= 1024
    assert found.shape[1] == pytest.approx(found.shape[0] * 90 / 40, abs=1.5)


def test_a_split_is_wanted(smooth_fields):
    truth = smooth_fields(12)
    lacking = replace(truth, splits=np.full(len(truth), "train"))
    with pytest.raises(ValueError, match="'test'"):
        novelty(truth.values[:1], lacking)
