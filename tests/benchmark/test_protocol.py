"""Scales along the longest axis: which are scored, shown and refused."""

import pytest

from mamba_diffae.benchmark import Protocol, default_scales
from mamba_diffae.fields import Grid


@pytest.mark.parametrize(
    ("shape", "scales"),
    [
        ((96, 96), [32, 64, 96]),
        ((128, 128), [32, 64, 96, 128]),
        ((36, 36), [32, 36]),
        ((20, 20), [20]),
        ((36, 72), [32, 64, 72]),
        ((24, 24, 24), [24]),
        ((50,), [32, 50]),
    ],
)
def test_default_scales_end_at_the_native_one(shape, scales):
    grid = Grid.default(shape)
    assert default_scales(grid) == scales
    assert Protocol().divide(grid) == (scales, [])


def test_scales_above_the_native_one_are_shown():
    assert Protocol(scales=(40, 8, 24)).divide(Grid.default((12, 24))) == ([8, 24], [40])


@pytest.mark.parametrize(
    ("shape", "scales", "message"),
    [
        ((12, 24), (48,), "Scale 48 was asked, but the native grid has 12 × 24"),
        ((12, 24), (8, 0), "Scale 0 was asked"),
        ((12, 24), (8, -3), "Scale -3 was asked"),
        ((12, 24), (8, 1025), "predict --size 1025"),
        ((24, 24, 24), (24, 200), "1,048,576 in all"),
    ],
)
def test_what_has_no_truth_or_is_too_large_is_refused(shape, scales, message):
    with pytest.raises(ValueError, match=message):
        Protocol(scales=scales).divide(Grid.default(shape))
