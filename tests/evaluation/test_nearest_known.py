"""Distances to the nearest known field, and when they speak of memorising."""

from dataclasses import replace

import numpy as np
import pytest

from mamba_diffae.evaluation import nearest_known, novelty


@pytest.fixture(scope="module")
def truth(smooth_fields):
    return smooth_fields(count=36, size=16, channels=2)


def test_it_is_the_least_of_all_distances(truth):
    new, known = truth.split("test"), truth.split("train")
    distance, index = nearest_known(new.values, known, cells=8)
    a, b = (t.scaling.unit(t.at(8)) for t in (new, known))
    every = np.sqrt(np.square(a[:, None] - b[None]).mean(axis=(2, 3, 4)))
    np.testing.assert_allclose(distance, every.min(axis=1), atol=1e-6)
    np.testing.assert_array_equal(index, every.argmin(axis=1))


def test_a_copy_is_at_no_distance_and_a_mirror_image_if_it_counts(truth):
    known = truth.split("train")
    copies, turned = known.values[3:6], known.values[3:6, :, ::-1]
    distance, index = nearest_known(copies, known, cells=16)
    np.testing.assert_allclose(distance, 0, atol=1e-6)
    assert index.tolist() == [3, 4, 5]
    assert (nearest_known(turned, known, cells=16)[0] > 0.05).all()
    distance, index = nearest_known(turned, known, cells=16, mirrored=True)
    np.testing.assert_allclose(distance, 0, atol=1e-6)
    assert index.tolist() == [3, 4, 5]


def test_copies_look_like_memorising_and_unseen_fields_do_not(truth):
    known = truth.split("train").values
    blurred = known[:5] + 0.01
    copied = novelty(blurred, truth)
    assert copied.near == 1
    assert "100% of the samples" in copied.sentences()[1]
    assert copied.sentences()[1].endswith("That looks like memorising.")
    fresh = novelty(truth.split("test").values, truth)
    assert fresh.near <= 0.2
    assert "does not look like memorising" in fresh.sentences()[1]
    np.testing.assert_allclose(fresh.new, fresh.unseen)


def test_coarse_samples_are_compared_at_their_own_size(truth):
    found = novelty(truth.split("test").at(4), truth, mirrored=True)
    assert found.cells == 4
    assert "4 × 4" in found.sentences()[0]


def test_a_split_is_wanted(truth):
    lacking = replace(truth, splits=np.full(len(truth), "train"))
    with pytest.raises(ValueError, match="'test'"):
        novelty(truth.values[:1], lacking)
