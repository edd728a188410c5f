"""Smooth random fields as an array file, for `--source`.

    python -m studies.observation_patterns.smooth_fields runs/smooth.npz

Periodic Gaussian fields whose spectrum falls off as 1 / (1 + (k / k0)^2)^3, with k in waves over an
axis: of one variable, no two alike.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from mamba_diffae.fields import Shape
from mamba_diffae.fields.atomic import atomic_file

SHAPE, COUNT, WAVES = (64, 64), 1200, 4.0
"""Cells along each axis, fields, and k0."""


def smooth_fields(
    count: int = COUNT, shape: Shape = SHAPE, waves: float = WAVES, seed: int = 0
) -> np.ndarray:
    """Random fields of zero mean and a variance of one on average, shape (count, *shape), float32.

    Args:
        count: How many.
        shape: Cells along each axis.
        waves: k0, from where the spectrum falls.
        seed: Same seed, same fields.
    """
    rng = np.random.default_rng(seed)
    axes = tuple(range(1, len(shape) + 1))
    k = np.meshgrid(*(np.fft.fftfreq(n, 1 / n) for n in shape), indexing="ij")
    amplitude = (1 + np.square(k).sum(axis=0) / waves**2) ** -1.5
    amplitude.flat[0] = 0
    noise = np.fft.fftn(rng.standard_normal((count, *shape)), axes=axes)
    fields = np.fft.ifftn(noise * amplitude, axes=axes).real
    return (fields / np.sqrt(np.square(amplitude).mean())).astype(np.float32)


def main() -> None:
    """Write the fields."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("out", type=Path, help="file to write (.npz)")
    parser.add_argument("--count", type=int, default=COUNT)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    given.out.parent.mkdir(parents=True, exist_ok=True)
    values = smooth_fields(given.count, seed=given.seed)
    with atomic_file(given.out) as temporary, temporary.open("wb") as file:
        np.savez(file, values=values, variables=["value"], periodic=["y", "x"])


if __name__ == "__main__":
    main()
