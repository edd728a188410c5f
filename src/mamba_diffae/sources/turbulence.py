"""Generated turbulence: the vorticity of a two-dimensional flow that decays freely."""

from __future__ import annotations

import math
from typing import ClassVar, final

import numpy as np

from mamba_diffae.fields import Axis, FieldData, Grid, Variable
from mamba_diffae.sources.generated import GeneratedSource
from mamba_diffae.sources.splits import split_in_order

CELLS = 64
"""Along each axis."""
PER_RUN = 8
"""Snapshots that are kept of each run."""
FIRST, BETWEEN = 10.0, 4.0
"""Times of the first snapshot and between two, in s; at 0 the vorticity has a deviation of 1/s."""
_STEP = 0.1
_AT_ONCE = 10
"""Runs that are computed together: so many fit into a processor's cache."""
_PEAK = 6.0
"""Waves along the side at which the energy begins."""
_DISSIPATION = 2.0
"""Rate at which the finest waves decay, in 1/s."""
_SEED = 4_131_996


@final
class TurbulenceSource(GeneratedSource):
    """Vorticity at 64 × 64 on a periodic square, by independent runs of a simulation."""

    kind: ClassVar[str] = "turbulence"
    form: ClassVar[str] = "'turbulence'"

    def generate(self, count: int, variant: str) -> FieldData:
        """Simulate as many runs as it takes.

        The incompressible equations in vorticity form, on a square of 2π m, dealiased
        (pseudo-spectral, 2/3 rule), in Runge-Kutta steps of third order; the hyperviscosity goes
        with the eighth power of the wavenumber. A run starts from a random field of one scale and
        decays: vortices merge, filaments stretch. Each run is a group, named by run and time;
        the first 60 % of the runs are for training, the last 24 % for test.

        Reference:
            McWilliams (1984). https://doi.org/10.1017/S0022112084001750
        """
        runs = max(3, math.ceil(count / PER_RUN))
        groups = np.sort(np.arange(count) % runs)
        position = np.arange(count) - np.searchsorted(groups, groups)
        numbers = np.split(np.arange(runs), range(_AT_ONCE, runs, _AT_ONCE))
        series = np.concatenate([simulate(part, int(position.max()) + 1) for part in numbers])
        values, splits = series[groups, position, ..., None], split_in_order(groups)
        times = FIRST + BETWEEN * position
        axes = (Axis.regular(n, 0.0, 2 * math.pi, CELLS, "m", periodic=True) for n in "yx")
        return FieldData(
            [Variable.of_values("vorticity", values[splits == "train"].ravel(), "s-1")],
            Grid(tuple(axes)),
            values,
            names=[f"run {run:02d} at {t:g} s" for run, t in zip(groups, times, strict=True)],
            groups=groups,
            splits=splits,
        )


def simulate(runs: np.ndarray, snapshots: int) -> np.ndarray:
    """Vorticity in the course of several runs.

    Args:
        runs: Their numbers, which seed them, shape (R,).
        snapshots: How many are kept of each, T.

    Returns:
        Shape (R, T, 64, 64), in 1/s, float32.
    """
    flow = _Flow()
    omega, kept = flow.start(runs), []
    for k in range(snapshots):
        for _ in range(round((BETWEEN if k else FIRST) / _STEP)):
            omega = flow.step(omega)
        kept.append(flow.values(omega).astype(np.float32))
    return np.stack(kept, axis=1)


@final
class _Flow:
    """The spectral equations; states are Fourier coefficients (R, 64, 33) of the vorticity ω.

    In single precision, which is four times as fast.
    """

    def __init__(self) -> None:
        ky = np.fft.fftfreq(CELLS, 1 / CELLS)[:, None]
        kx = np.fft.rfftfreq(CELLS, 1 / CELLS)[None, :]
        k = np.hypot(ky, kx)
        with np.errstate(divide="ignore"):
            inverse = np.where(k > 0, 1 / np.square(k), 0)
        kept = (abs(ky) < CELLS / 3) & (abs(kx) < CELLS / 3)
        # u = -∂ψ/∂y and v = ∂ψ/∂x of the stream function, ω = Δψ; then the gradient of ω.
        factors = np.broadcast_arrays(1j * ky * inverse, -1j * kx * inverse, 1j * kx, 1j * ky)
        self.to_velocity_and_gradient = np.stack(factors).astype(np.complex64)
        self.kept, self.k = kept.astype(np.float32), k
        decay = np.exp(-_STEP / 2 * _DISSIPATION * (k / (CELLS / 3)) ** 8)
        self.decay = decay.astype(np.float32)

    def start(self, runs: np.ndarray) -> np.ndarray:
        """A random vorticity of deviation 1 for each run."""
        noise = [np.random.default_rng([_SEED, run]).normal(size=(CELLS, CELLS)) for run in runs]
        shape = np.sqrt(self.k) * np.exp(-np.square(self.k / _PEAK)) * (self.k > 0)
        omega = np.fft.rfft2(np.stack(noise)) * shape * self.kept
        omega /= self.values(omega).std(axis=(1, 2))[:, None, None]
        return omega.astype(np.complex64)

    def values(self, omega: np.ndarray) -> np.ndarray:
        """From coefficients to values, shape (..., 64, 64)."""
        return np.fft.irfft2(omega, s=(CELLS, CELLS))

    def advection(self, omega: np.ndarray) -> np.ndarray:
        """-(u · ∇) ω."""
        u, v, dx, dy = self.values(self.to_velocity_and_gradient[:, None] * omega)
        return np.fft.rfft2(-u * dx - v * dy) * self.kept

    def step(self, omega: np.ndarray) -> np.ndarray:
        """One step in time of third order (Shu & Osher), between two halves of the dissipation."""
        start = omega * self.decay
        one = start + _STEP * self.advection(start)
        two = 0.75 * start + 0.25 * (one + _STEP * self.advection(one))
        end = (start + 2 * (two + _STEP * self.advection(two))) / 3
        return end * self.decay
