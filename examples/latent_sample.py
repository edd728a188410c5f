"""
Pictures from nothing
=====================

New latents are drawn, decoded, and compared with what the model learned from: are they new?

The packaged model has a flow that draws latents of any kind; what it gives has the colours and
outlines of the training pictures, seldom their details. A Gaussian of a few neighbouring latents
stays nearer to what is known, details included. Below each of its pictures stands the training
picture most like it. About 40 s on one core:

.. code-block:: shell

    python examples/latent_sample.py sample.png
"""

import matplotlib.pyplot as plt
import numpy as np
from shared import draw_pictures, save, size
from sklearn.neighbors import NearestNeighbors

import mamba_diffae as mda
from mamba_diffae.evaluation import novelty

# %%
# Drawn by the flow
# -----------------
#
# Noise becomes a latent, and the latent a picture: here its mean, not a draw.

COUNT = 16

model = mda.FieldAutoencoder.from_pretrained("emoji-96", device="cpu")
made = mda.sample(model, COUNT, seed=0, mean=True)

# %%
# Drawn between neighbours
# ------------------------
#
# Some training pictures are encoded, from a fifth of their cells each. One is taken, the latents of
# its neighbours around it: a new latent comes from the Gaussian with their mean and covariance. One
# Gaussian of all latents would mix a face and a lorry.

EACH = size(4, gallery=10, test=60)  # of so many training pictures one
NEAR = 6

data = mda.open_field("emoji")
train = data.split("train")
seen = mda.observe(train.take(range(0, len(train), EACH)), fraction=0.2, seed=0)
latents = model.encode(seen)

rng = np.random.default_rng(0)
_, near = NearestNeighbors(n_neighbors=NEAR).fit(latents).kneighbors(latents)
groups = latents[near[rng.permutation(len(latents))[:COUNT]]]
centres = groups.mean(axis=1)
weights = rng.standard_normal((COUNT, NEAR)) / np.sqrt(NEAR)
new = centres + np.einsum("ik,ikf->if", weights, groups - centres[:, None])
between = model.decode(new.astype(np.float32))

# %%
# Are they new?
# -------------
#
# Test pictures are as far from the training pictures as new ones should be.

by_flow = novelty(made.values, data, mirrored=model.mirrored)
by_neighbours = novelty(between.mean, data, mirrored=model.mirrored)
scores = {}
for name, found in {"flow": by_flow, "neighbours": by_neighbours}.items():
    print(f"By the {name}:", "\n".join(found.sentences()))
    scores[name] = float(np.median(found.new))

# %%
# Both, and the training picture most like each of the second
# -----------------------------------------------------------

columns = COUNT // 2
figure, axes = plt.subplots(6, columns, figsize=(columns * 1.3, 8.4))
figure.subplots_adjust(0.01, 0.01, 0.99, 0.94, 0.05, 0.05)
draw_pictures(axes[:2].ravel(), made.values)
draw_pictures(axes[2::2].ravel(), between.mean)
draw_pictures(axes[3::2].ravel(), train.take(by_neighbours.index).values)
figure.suptitle(
    "two rows by the flow; then by neighbours, and below each the training picture most like it"
)
save(figure)
