"""Contracts of sources."""

from __future__ import annotations

import numpy as np

from mamba_diffae.sources.base import Source


def check_source(source: Source, spec: str) -> None:
    """It knows its own, opens it twice alike, and names it for good.

    Args:
        source: The source.
        spec: Something that it opens.
    """
    assert source.matches(spec), f"it does not know {spec!r}"
    assert not source.matches("no such source, surely"), "it claims what is not its own"
    one, two = source.open(spec), source.open(source.canonical(spec))
    np.testing.assert_array_equal(one.values, two.values, err_msg="opened twice it differs")
    assert one.grid == two.grid, "opened twice its grid differs"
    assert list(one.names) == list(two.names), "opened twice its names differ"
    splits = set(one.splits.tolist())
    assert splits <= {"train", "val", "test"}, f"its splits are {sorted(splits)}"
