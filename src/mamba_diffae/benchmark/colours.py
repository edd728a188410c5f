"""Colours of a value: one perceptually uniform map, as numbers."""

from __future__ import annotations

import numpy as np

NEUTRAL = (0.70, 0.74, 0.80)
"""Red, green and blue where there is no value: land, gaps, cells that were not observed."""
# Least squares fit, of degree 6 in the value, to the map viridis (Smith & van der Walt 2015, CC0):
# no further than 0.02 from it, and lighter throughout.
_VIRIDIS = np.array(
    [
        [0.274, 0.006, 0.333],
        [0.108, 1.396, 1.387],
        [-0.327, 0.215, 0.092],
        [-4.600, -5.758, -19.292],
        [6.204, 14.154, 56.656],
        [4.752, -13.749, -65.321],
        [-5.432, 4.642, 26.272],
    ]
)


def colour_map(values: np.ndarray) -> np.ndarray:
    """Colours from dark blue (0) to bright yellow (1).

    Args:
        values: Any shape (...), clipped to [0, 1].

    Returns:
        Red, green and blue in [0, 1], shape (..., 3), float32.
    """
    x = np.clip(np.asarray(values, np.float64), 0, 1)
    colours = np.polynomial.polynomial.polyval(x, _VIRIDIS)
    return np.clip(np.moveaxis(colours, 0, -1), 0, 1).astype(np.float32)
