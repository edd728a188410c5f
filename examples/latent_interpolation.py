"""
From one picture to another
===========================

Two pictures are encoded, and what lies between their latents is decoded.

A latent is 512 numbers. On the straight line between two of them lie latents of pictures that
nobody drew: eyes close, hair turns from white to red. Most of a latent is linear in the picture, so
the frames stay near the blend of their ends; how near is printed. All four pairs are unseen
pictures, of which three fifths of the cells were read. About 10 s on one core:

.. code-block:: shell

    python examples/latent_interpolation.py interpolation.png
"""

import matplotlib.pyplot as plt
import numpy as np
from shared import draw_pictures, save, size

import mamba_diffae as mda

# %%
# Model and pictures
# ------------------
#
# The model comes with the package.

PAIRS, FRAMES = [(33, 212), (64, 242), (99, 154), (119, 122)], size(8, gallery=8, test=3)

model = mda.FieldAutoencoder.from_pretrained("emoji-96", device="cpu")
test = mda.open_field("emoji").split("test")
pairs = [test.take(list(pair)) for pair in PAIRS]
observed = [mda.observe(pair, fraction=0.6, seed=0) for pair in pairs]

# %%
# Latents on a line
# -----------------
#
# Each path has its ends: the pictures that the two latents give.

paths = [mda.interpolate(model, obs[0], obs[1], FRAMES) for obs in observed]

# %%
# How far the frames are from the blend of their ends, at most, as a share of the distance between
# the ends.

scores = {}
for pair, path in zip(pairs, paths, strict=True):
    ends = path.values[[0, -1]]
    apart = np.sqrt(np.square(ends[1] - ends[0]).mean())
    blend = (1 - path.alphas)[:, None, None, None] * ends[0]
    blend = blend + path.alphas[:, None, None, None] * ends[1]
    away = np.sqrt(np.square(path.values - blend).mean(axis=(1, 2, 3))).max() / apart
    name = " to ".join(pair.names)
    scores[name] = float(away)
    print(f"{name}: at most {away:.0%} away from the blend")

# %%
# Four paths
# ----------
#
# Last comes the blend of the values of the first pair: both pictures shine through.

figure, axes = plt.subplots(len(PAIRS) + 1, FRAMES, layout="constrained")
figure.set_size_inches(1.3 * FRAMES, 1.32 * (len(PAIRS) + 1))
for row, path in zip(axes, paths, strict=False):
    draw_pictures(row, path.values)
share = paths[0].alphas[:, None, None, None]
draw_pictures(axes[-1], (1 - share) * pairs[0].values[0] + share * pairs[0].values[1])
figure.suptitle("latents on straight lines; last row: the values of the first pair, blended")
save(figure)
