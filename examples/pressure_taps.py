"""
Pressure taps and the lift
==========================

Twelve pressure taps on an aerofoil in gusts, some of them failing: the lift and its interval.

The contour is a periodic axis. Pressure is that of potential flow around a thick Joukowski aerofoil
with a rounded trailing edge; gusts change angle of attack and speed, the circulation lags behind,
and a separation bubble wanders on the upper side. The model learns whole contours as these taps
read them. The lift is a weighted sum of the pressure, so its interval follows from draws. Beside it
stand kriging, and lines between the taps. About 40 s on one core:

.. code-block:: shell

    python examples/pressure_taps.py pressure_taps.png
"""

import matplotlib.pyplot as plt
import numpy as np
from shared import PHASES, save, size, small_model

import mamba_diffae as mda
from mamba_diffae.evaluation import Kriging, Linear
from mamba_diffae.sources import from_array

# %%
# Gusts
# -----
#
# The conformal map z = ζ + 1/ζ makes the aerofoil of a circle; the angle on that circle is the
# axis. Along it stand coefficients :math:`c_p = 1 - |u|^2`.

GUSTS, STEPS = size(600, gallery=300, test=60), size(80, gallery=40, test=2)
EDGES = np.linspace(0, 360, 97)
ANGLE = (EDGES[:-1] + EDGES[1:]) / 2
TAPS = np.array([1, 9, 18, 28, 34, 40, 44, 48, 52, 57, 66, 82])  # the cells in which they are
NOISE, CENTRE = 0.03, complex(-0.09, 0.08)
RADIUS = 1.08 * abs(1 - CENTRE)


def circle(degrees: np.ndarray) -> np.ndarray:
    """The circle ζ of which z = ζ + 1/ζ makes the aerofoil."""
    return CENTRE + RADIUS * np.exp(1j * np.deg2rad(degrees))


def pressure(count: int, rng: np.random.Generator) -> np.ndarray:
    """Coefficients of so many gusts, shape (count, 96)."""
    zeta, alpha = circle(ANGLE), np.deg2rad(rng.normal(3, 3, (count, 1)))
    lag, speed = rng.uniform(0.85, 1, (count, 1)), rng.normal(1, 0.03, (count, 1))
    circulation = lag * 2 * RADIUS * np.sin(alpha + np.arcsin(CENTRE.imag / RADIUS))
    u = np.exp(-1j * alpha) - RADIUS**2 * np.exp(1j * alpha) / (zeta - CENTRE) ** 2
    u = (u + 1j * circulation / (zeta - CENTRE)) / (1 - 1 / zeta**2)
    where, depth = rng.uniform(60, 140, (count, 1)), rng.uniform(0, 0.4, (count, 1))
    return 1 - speed**2 * np.abs(u) ** 2 - depth * np.exp(-(((ANGLE - where) / 10) ** 2))


rng, axis = np.random.default_rng(0), {"axes": {"contour": EDGES}, "periodic": ["contour"]}
data = from_array(pressure(GUSTS, rng), variables="cp", units={"contour": "degrees"}, **axis)

# %%
# A model of these taps
# ---------------------
#
# With ``layout`` whole contours are learned as the taps read them, some of which may be missing.

model = small_model(STEPS)
model.fit(data, phases=PHASES, layout=ANGLE[TAPS, None])

# %%
# Readings with an error, a sixth of them missing
# -----------------------------------------------

test, train = data.split("test"), data.split("train")
read = test.values[:, TAPS, 0] + rng.normal(0, NOISE, (len(test), len(TAPS)))
read[rng.random(read.shape) < 1 / 6] = np.nan  # taps that fail
places = [mda.Observations.from_points(ANGLE[TAPS], row, noise=NOISE) for row in read]
seen = mda.Observations.stack(places)
field = model.predict(seen, n_draws=40)
told = {"model": field}
told |= {m.name: m.fit(train).predict(seen, data.grid) for m in (Kriging(), Linear())}

# %%
# The lift and its interval
# -------------------------
#
# The lift is ∮ :math:`c_p` dx over the chord: a weighted sum over the cells. Every draw has one;
# their spread is the interval.

z = circle(EDGES) + 1 / circle(EDGES)
weights = np.diff(z.real)[:, None] / np.ptp(z.real)
true = (test.values * weights).sum(axis=(1, 2))
lift = {name: each.functional(weights) for name, each in told.items()}
scores = {name: float(np.sqrt(np.mean((f.mean - true) ** 2))) for name, f in lift.items()}
print("RMSE of the lift coefficient:", ", ".join(f"{k} {v:.3f}" for k, v in scores.items()))
lift_of_model = lift["model"]
low, high = lift_of_model.interval(0.9)
scores["coverage"] = float(np.mean((low <= true) & (true <= high)))
print(f"The interval of 90 % of the lift holds {scores['coverage']:.0%} of {len(true)}.")

# %%
# The gust with the fewest taps, and the lift of all
# --------------------------------------------------

figure, (left, right) = plt.subplots(1, 2, figsize=(12, 5), layout="constrained")
b = int(np.argmin(seen.counts))
left.fill_between(ANGLE, *(end[b, :, 0] for end in field.interval(0.9)), alpha=0.3)
for (name, each), style in zip(told.items(), ("-", "--", ":"), strict=True):
    left.plot(ANGLE, each.mean[b, :, 0], style, label=name)
left.plot(ANGLE, test.values[b, :, 0], "k", lw=1, label="truth")
left.plot(ANGLE[TAPS], read[b], "ko", label="taps that work")
left.set_xticks([0, 90, 180, 270, 360], ["0: tail", "90: top", "180: nose", "270: bottom", "360"])
left.set(xlabel="contour [°]", ylabel="pressure coefficient, downwards; shaded: 90 %")
left.set_title("one gust")
left.invert_yaxis()
left.legend(frameon=False)

bars = np.maximum([lift_of_model.mean - low, high - lift_of_model.mean], 0)
right.errorbar(true, lift_of_model.mean - true, bars, fmt="o", ms=4, lw=1, label="model, 90 %")
right.plot(true, lift["linear"].mean - true, "C2x", label="linear")
right.axhline(0, color="k", lw=0.8)
right.set(xlabel="true lift coefficient", ylabel="error of the lift coefficient")
right.set_title("the lift of every gust")
right.legend(frameon=False)
save(figure)
