"""Grey emoji are three equal variables; photographs, where installed, are crops by scene."""

from importlib.util import find_spec

import numpy as np
import pytest

from mamba_diffae.sources import open_field, sample_pictures
from mamba_diffae.sources.sample_pictures import SCENES, Scene, _corners


@pytest.fixture(scope="module")
def grey():
    return open_field("grey-emoji")


@pytest.fixture(scope="module")
def photographs():
    if find_spec("skimage") is None:
        pytest.skip("scikit-image is not installed")
    return open_field("photographs")


def test_grey_emoji_are_three_equal_variables(grey):
    assert grey.values.shape == (200, 96, 96, 3)
    assert grey.values.dtype == np.uint8
    assert [v.name for v in grey.variables] == ["red", "green", "blue"]
    assert (grey.values == grey.values[..., :1]).all()
    assert grey.mirrored
    assert open_field("grey-emoji") is grey


def test_grey_emoji_are_the_luma_of_their_emoji(grey):
    emoji = open_field("emoji")
    for k in (0, 130, 199):
        r, g, b = np.moveaxis(emoji.values[list(emoji.names).index(grey.names[k])] / 1.0, -1, 0)
        luma = 0.299 * r + 0.587 * g + 0.114 * b
        np.testing.assert_allclose(grey.values[k, ..., 0], luma, atol=0.501)


def test_grey_emoji_keep_their_splits_and_are_distinct(grey):
    emoji = open_field("emoji")
    splits = dict(zip(emoji.names, emoji.splits, strict=True))
    assert [splits[name] for name in grey.names] == grey.splits.tolist()
    assert len(set(grey.groups.tolist())) == 200
    assert [(grey.splits == s).sum() for s in ("train", "val", "test")] == [120, 32, 48]


def test_photographs_are_crops_by_scene(photographs):
    assert photographs.values.shape[1:] == (96, 96, 3)
    assert photographs.values.dtype == np.uint8
    assert 120 <= len(photographs) <= 200
    assert open_field("photographs") is photographs
    scenes = np.array([name.rsplit(" ", 2)[0] for name in photographs.names])
    assert len(set(zip(scenes.tolist(), photographs.groups.tolist(), strict=True))) == len(SCENES)
    for scene in SCENES:
        assert set(photographs.splits[scenes == scene.name]) == {scene.split}
    assert (photographs.values.std(axis=(1, 2)).mean(axis=-1) >= 10).all()


def test_a_scene_of_scikit_learn_is_always_there():
    path = next(scene for scene in SCENES if scene.name == "china").path()
    assert path.read_bytes()[:2] == b"\xff\xd8"  # a JPEG


def test_what_is_not_installed_is_named(monkeypatch):
    sample_pictures.open_photographs.cache_clear()
    monkeypatch.setattr(sample_pictures, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match="not installed: pip install scikit-image"):
        open_field("photographs")


def test_a_package_without_the_picture_is_named():
    scene = Scene("sklearn", "scikit-learn", "datasets/images/tiger.jpg", "test")
    with pytest.raises(ValueError, match="picture tiger of scikit-learn, which came without"):
        scene.path()


def test_crops_do_not_overlap_and_leave_out_uniform_parts():
    pixels = np.random.default_rng(0).integers(0, 256, (300, 400, 3)).astype(np.uint8)
    pixels[:96] = 255
    corners = _corners(pixels, np.random.default_rng(1))
    assert corners == [(y, x) for y in (96, 192) for x in (0, 96, 192, 288)]
    many = np.tile(pixels[96:], (4, 4, 1))
    assert len(set(_corners(many, np.random.default_rng(1)))) == 20
