"""
A map of latents
================

Unseen pictures, each at its latent: what looks alike lies together.

Of every picture a fifth of the cells is read, and encoded into 512 numbers; t-SNE lays them out on
a plane. Neighbours in the latent space are alike in what they show, though nobody told the model
what that is. About 25 s on one core:

.. code-block:: shell

    python examples/latent_map.py map.png
"""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.offsetbox import AnnotationBbox, OffsetImage
from shared import save, size
from sklearn.manifold import TSNE
from sklearn.neighbors import NearestNeighbors

import mamba_diffae as mda

# %%
# Latents of unseen pictures
# --------------------------

EACH = size(1, gallery=2, test=10)  # of so many pictures one is shown

model = mda.FieldAutoencoder.from_pretrained("emoji-96", device="cpu")
test = mda.open_field("emoji").split("test")
shown = test.take(range(0, len(test), EACH))
seen = mda.observe(shown, fraction=0.2, seed=0)
latents = model.encode(seen)

# %%
# Is the neighbour of the same kind?
# ----------------------------------
#
# Coordinates are standardised, so that each counts alike. By chance two pictures are of one kind as
# often as the kinds are frequent.

standard = (latents - latents.mean(axis=0)) / np.maximum(latents.std(axis=0), 1e-6)
_, near = NearestNeighbors(n_neighbors=2).fit(standard).kneighbors(standard)
names = [name for name in shown.attributes if name.startswith("is_")]
kinds = np.stack([shown.attributes[name] for name in names], axis=1).astype(float)
same = kinds @ kinds.T > 0
labelled = kinds.any(axis=1)
scores = {
    "neighbours": float(same[np.arange(len(same)), near[:, 1]][labelled].mean()),
    "by chance": float(same[labelled][:, labelled].mean()),
}
print(
    f"{scores['neighbours']:.0%} of the nearest neighbours are of the same kind, "
    f"{scores['by chance']:.0%} by chance."
)

# %%
# The map
# -------

places = TSNE(perplexity=min(20, len(shown) // 4), init="pca", random_state=0).fit_transform(
    standard
)
figure, ax = plt.subplots(figsize=(10, 10), layout="constrained")
for place, picture in zip(places, shown.values, strict=True):
    # What is white around a picture would hide its neighbours.
    alpha = np.where(picture.min(axis=-1, keepdims=True) > 250, 0, 255)
    image = OffsetImage(np.concatenate([picture, alpha], axis=-1).astype(np.uint8), zoom=0.42)
    ax.add_artist(AnnotationBbox(image, place, frameon=False))
ax.set(xlim=(places[:, 0].min() - 2, places[:, 0].max() + 2))
ax.set(ylim=(places[:, 1].min() - 2, places[:, 1].max() + 2))
ax.set_title("unseen pictures at their latents, by t-SNE", fontsize=10)
ax.set_axis_off()
save(figure)
