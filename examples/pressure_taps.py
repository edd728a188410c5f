"""Twelve pressure taps on an aerofoil in gusts, some of them failing: the lift and its interval.

    python examples/pressure_taps.py pressure_taps.png

The contour is a periodic axis. Pressure is that of potential flow around a thick Joukowski aerofoil
with a rounded trailing edge; gusts change angle of attack and speed, the circulation lags behind,
and a separation bubble wanders on the upper side. The model learns whole contours as these taps
read them. The lift is a weighted sum of the pressure, so its interval follows from draws. Beside it
stand kriging, and lines between the taps. About 40 s on one core.
"""

from __future__ import annotations

import sys

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from shared import PHASES, small_model

import mamba_diffae as mda
from mamba_diffae.evaluation import Kriging, Linear
from mamba_diffae.sources import from_array

EDGES = np.linspace(0, 360, 97)
ANGLE = (EDGES[:-1] + EDGES[1:]) / 2
TAPS = np.array([1, 9, 18, 28, 34, 40, 44, 48, 52, 57, 66, 82])
"""Cells of the contour in which they are."""
NOISE, CENTRE = 0.03, complex(-0.09, 0.08)
RADIUS = 1.08 * abs(1 - CENTRE)


def circle(degrees: np.ndarray) -> np.ndarray:
    """The circle ζ of which z = ζ + 1/ζ makes the aerofoil; its angle is the axis."""
    return CENTRE + RADIUS * np.exp(1j * np.deg2rad(degrees))


def pressure(count: int, rng: np.random.Generator) -> np.ndarray:
    """Coefficients c_p = 1 - |u|² of so many gusts, shape (count, 96)."""
    zeta, alpha = circle(ANGLE), np.deg2rad(rng.normal(3, 3, (count, 1)))
    lag, speed = rng.uniform(0.85, 1, (count, 1)), rng.normal(1, 0.03, (count, 1))
    circulation = lag * 2 * RADIUS * np.sin(alpha + np.arcsin(CENTRE.imag / RADIUS))
    u = np.exp(-1j * alpha) - RADIUS**2 * np.exp(1j * alpha) / (zeta - CENTRE) ** 2
    u = (u + 1j * circulation / (zeta - CENTRE)) / (1 - 1 / zeta**2)
    where, depth = rng.uniform(60, 140, (count, 1)), rng.uniform(0, 0.4, (count, 1))
    return 1 - speed**2 * np.abs(u) ** 2 - depth * np.exp(-(((ANGLE - where) / 10) ** 2))


def main(out: str = "pressure_taps.png", gusts: int = 600, steps: int = 80) -> dict[str, float]:
    """Lift of the test gusts by the model, by kriging and by lines between the taps."""
    rng, axis = np.random.default_rng(0), {"axes": {"contour": EDGES}, "periodic": ["contour"]}
    data = from_array(pressure(gusts, rng), variables="cp", units={"contour": "degrees"}, **axis)
    model = small_model(steps).fit(data, phases=PHASES, layout=ANGLE[TAPS, None])
    test, train = data.split("test"), data.split("train")
    read = test.values[:, TAPS, 0] + rng.normal(0, NOISE, (len(test), len(TAPS)))
    read[rng.random(read.shape) < 1 / 6] = np.nan  # taps that fail
    places = [mda.Observations.from_points(ANGLE[TAPS], row, noise=NOISE) for row in read]
    seen = mda.Observations.stack(places)
    told = {"model": model.predict(seen, n_draws=40)}
    told |= {m.name: m.fit(train).predict(seen, data.grid) for m in (Kriging(), Linear())}

    z = circle(EDGES) + 1 / circle(EDGES)
    weights = np.diff(z.real)[:, None] / np.ptp(z.real)  # lift = ∮ c_p dx / chord
    true = (test.values * weights).sum(axis=(1, 2))
    lift = {name: field.functional(weights) for name, field in told.items()}
    found = {name: float(np.sqrt(np.mean((f.mean - true) ** 2))) for name, f in lift.items()}
    print("RMSE of the lift coefficient:", ", ".join(f"{k} {v:.3f}" for k, v in found.items()))
    low, high = lift["model"].interval(0.9)
    found["coverage"] = float(np.mean((low <= true) & (true <= high)))
    print(f"The interval of 90 % of the lift holds {found['coverage']:.0%} of {len(true)}.")
    figure, (left, right) = plt.subplots(1, 2, figsize=(12, 5), layout="constrained")
    b = int(np.argmin(seen.counts))  # the gust with the fewest taps
    draw_contour(left, test.values[b, :, 0], read[b], {k: f.mean[b, :, 0] for k, f in told.items()})
    left.fill_between(ANGLE, *(end[b, :, 0] for end in told["model"].interval(0.9)), alpha=0.3)
    bars = np.maximum([lift["model"].mean - low, high - lift["model"].mean], 0)
    right.errorbar(true, lift["model"].mean - true, bars, fmt="o", ms=4, lw=1, label="model, 90 %")
    right.plot(true, lift["linear"].mean - true, "C2x", label="linear")
    right.axhline(0, color="k", lw=0.8)
    right.set(xlabel="true lift coefficient", ylabel="error of the lift coefficient")
    right.legend(frameon=False)
    figure.savefig(out, dpi=150)
    return found


def draw_contour(
    ax: Axes, truth: np.ndarray, read: np.ndarray, means: dict[str, np.ndarray]
) -> None:
    """Pressure over the contour by all methods."""
    for (name, mean), style in zip(means.items(), ("-", "--", ":"), strict=True):
        ax.plot(ANGLE, mean, style, label=name)
    ax.plot(ANGLE, truth, "k", lw=1, label="truth")
    ax.plot(ANGLE[TAPS], read, "ko", label="taps that work")
    ax.set_xticks([0, 90, 180, 270, 360], ["0: tail", "90: top", "180: nose", "270: bottom", "360"])
    ax.set(xlabel="contour [°]", ylabel="pressure coefficient, downwards; shaded: 90 %")
    ax.invert_yaxis()
    ax.legend(frameon=False)


if __name__ == "__main__":
    main(*sys.argv[1:2])
