"""
More or less of an attribute
============================

A direction in the latent space is moved along, and the picture with it.

Directions come with the packaged model: one for every attribute that some training pictures have
and others have not. Amount 1 goes as far as the means of both lie apart. From the latent alone the
whole picture may move; with the points, what was observed stays as it is. About 10 s on one core:

.. code-block:: shell

    python examples/latent_edit.py edit.png
"""

import matplotlib.pyplot as plt
from shared import draw_pictures, save

import mamba_diffae as mda
from mamba_diffae.latent import attribute_changes, changed_fraction, learn_directions
from mamba_diffae.models.serialization import weights_folder

# %%
# Directions
# ----------
#
# They stand beside the weights; of a model of your own `learn_directions` learns them from its
# training pictures.

model = mda.FieldAutoencoder.from_pretrained("emoji-96", device="cpu")
data = mda.open_field("emoji")
directions = learn_directions(model, data, shipped=weights_folder("emoji-96"))
print(
    f"{len(directions.counts)} attributes:", ", ".join(list(directions.counts)[-18:]), "and others"
)

# %%
# One unseen picture, edited
# --------------------------
#
# Three fifths of its cells were read.

NAMES = ("skin_tone", "beard", "white_hair", "bald", "curly_hair")
AMOUNTS = (-0.5, 0.0, 0.25, 0.5, 0.75)

picture = data.split("test").take([242])
seen = mda.observe(picture, fraction=0.6, seed=0)
edited = {
    name: [
        mda.edit(model, seen, directions.move(name), amount, condition_on_points=False)[0]
        for amount in AMOUNTS
    ]
    for name in NAMES
}

# %%
# What else moved
# ---------------
#
# The edited picture is encoded again, and every direction is asked for its log odds. Attributes
# that come together in the training pictures move together.

before, after, move = edited["beard"][1], edited["beard"][-1], directions.move("beard")
changes = attribute_changes(model, directions, before, after, 0.75 * move)
for change in sorted(changes, key=lambda each: -abs(each.change))[:5]:
    print(f"{change.name}: log odds {change.before:.1f} to {change.after:.1f}")

# %%
# With the points little is left to edit: they say nearly all.

kept = mda.edit(model, seen, move, 0.75)
plain = model.predict(seen)
scores = {
    "latent alone": changed_fraction(before / 255, after / 255),
    "with the points": changed_fraction(plain.mean / 255, kept / 255),
}
for name, share in scores.items():
    print(f"{name}: {share:.0%} of the cells change visibly")

# %%
# Less, none, more
# ----------------

figure, axes = plt.subplots(len(NAMES), len(AMOUNTS), figsize=(7.5, 8), layout="constrained")
for row, (name, pictures) in zip(axes, edited.items(), strict=True):
    draw_pictures(row, pictures)
    row[0].text(-8, 48, name.replace("_", " "), rotation=90, va="center", ha="right")
for ax, amount in zip(axes[0], AMOUNTS, strict=True):
    ax.set_title(f"{amount:+g}" if amount else "unedited", fontsize=10)
figure.suptitle("one picture, edited along five directions")
save(figure)
