"""
Pictures from nothing
=====================

New latents are drawn, decoded, and compared with what the model learned from: are they new?

`sample` draws latents by a flow, the phase "latent" of a training. The packaged model is small
and has none, so a simpler law stands in for it: a Gaussian around neighbours in the latent space.
Beside each new picture stands the training picture most like it. About 40 s on one core:

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
# What latents there are
# ----------------------
#
# Some training pictures are encoded, from a fifth of their cells each.

EACH = size(4, gallery=10, test=60)  # of so many training pictures one
COUNT, NEAR = 24, 6

model = mda.FieldAutoencoder.from_pretrained("emoji-96", device="cpu")
data = mda.open_field("emoji")
train = data.split("train")
known = train.take(range(0, len(train), EACH))
seen = mda.observe(known, fraction=0.2, seed=0)
latents = model.encode(seen)

# %%
# New ones
# --------
#
# One picture in the middle, the latents of its neighbours around it: a new latent comes from the
# Gaussian with their mean and covariance. One Gaussian of all latents would mix a face and a lorry.

rng = np.random.default_rng(0)
_, near = NearestNeighbors(n_neighbors=NEAR).fit(latents).kneighbors(latents)
groups = latents[near[rng.permutation(len(latents))[:COUNT]]]
centres = groups.mean(axis=1)
weights = rng.standard_normal((COUNT, NEAR)) / np.sqrt(NEAR)
new = centres + np.einsum("ik,ikf->if", weights, groups - centres[:, None])
made = model.decode(new.astype(np.float32))

# %%
# Are they new?
# -------------
#
# Test pictures are as far from the training pictures as new ones should be.

found = novelty(made.mean, data, mirrored=model.mirrored)
print("\n".join(found.sentences()))
scores = {"new": float(np.median(found.new)), "unseen": float(np.median(found.unseen))}

# %%
# New pictures, and the training picture most like each
# -----------------------------------------------------

rows, columns = 3, COUNT // 3
figure, axes = plt.subplots(2 * rows, columns, figsize=(columns * 1.3, rows * 2.7))
figure.subplots_adjust(0.01, 0.01, 0.99, 0.93, 0.05, 0.05)
draw_pictures(axes[::2].ravel(), made.mean)
nearest = train.take(found.index)
draw_pictures(axes[1::2].ravel(), nearest.values)
figure.suptitle("new pictures, and below each the training picture most like it")
save(figure)
