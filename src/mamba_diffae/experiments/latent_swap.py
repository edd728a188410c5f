"""Is the latent heard? Every picture is decoded from another one's latent, with its own points."""

from __future__ import annotations

import numpy as np

from mamba_diffae.estimator import FieldAutoencoder
from mamba_diffae.evaluation import psnr
from mamba_diffae.experiments.result import Table
from mamba_diffae.experiments.verdicts import Row
from mamba_diffae.fields import FieldBatch, GridField
from mamba_diffae.models.config import Context

READ: tuple[Context, ...] = ("latent+points", "latent")


def swap_table(model: FieldAutoencoder, pictures: GridField, seen: FieldBatch) -> Table:
    """How far the mean moves, in both contexts.

    Args:
        model: With a latent.
        pictures: Complete fields of distinct bases, two at least.
        seen: What was observed of them.
    """
    latents = model.encode(seen)
    return Table(
        "Latents swapped between pictures",
        f"{len(pictures)} pictures of distinct bases. Moved: root mean square of the change of the "
        "mean, over that of truth − mean; with points, each picture keeps its own.",
        ["reads", "moved", "PSNR, own latent", "PSNR, another's"],
        [_swapped(model, pictures, seen, latents, context) for context in READ],
    )


def _swapped(
    model: FieldAutoencoder,
    pictures: GridField,
    seen: FieldBatch,
    latents: np.ndarray,
    context: Context,
) -> Row:
    unit, truth = pictures.scaling.unit, pictures.at(pictures.size)
    own, other = (
        model.predict(seen, pictures, latents=z, context=context).mean
        for z in (latents, np.roll(latents, 1, axis=0))
    )
    moved = np.sqrt(np.square(other - own).mean() / np.square(truth - own).mean())
    scores = (float(psnr(unit(mean), unit(truth)).mean()) for mean in (own, other))
    return [context, float(moved), *scores]


def swap_finding(table: Table) -> str:
    """What a stranger's latent does."""
    (_, beside, own, other), (_, alone, _, _) = table.rows
    return (
        f"Another picture's latent moves the mean by {beside:.2f} of its error where the points "
        f"are read too (PSNR {own:.2f} to {other:.2f} dB), and by {alone:.2f} where the latent is "
        "all there is."
    )
