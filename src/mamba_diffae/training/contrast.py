"""Is a field known again? What teaches latents of the same field, seen in other cells, to agree."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

TEMPERATURE = 0.05
"""Of the cosines: the lower, the more only the most alike of the other fields count."""


def info_nce(latents: Tensor, draw: Tensor, temperature: float = TEMPERATURE) -> Tensor:
    """How badly each latent picks those of its own field among all others of the batch.

    Columns are standardised over the batch first, so that no one of them decides alone.

    Args:
        latents: Shape (B, F).
        draw: Rows with equal numbers are the same field, shape (B,).
        temperature: What the cosines are divided by.

    Returns:
        Cross-entropy of each row, shape (B,); 0 where no other row is of the same field.

    Reference:
        van den Oord et al. (2018), arXiv 1807.03748, eq. 4; in the form of Chen et al. (2020),
        arXiv 2002.05709, eq. 1.
    """
    itself = torch.eye(len(draw), dtype=torch.bool, device=draw.device)
    same = (draw[:, None] == draw) & ~itself
    if not same.any():
        return latents.new_zeros(len(draw))
    centred = latents - latents.mean(dim=0)
    deviation = centred.square().mean(dim=0).sqrt()
    unit = F.normalize(centred / (deviation + 1e-6), dim=1)
    cosine = (unit @ unit.T / temperature).masked_fill(itself, -torch.inf)
    surprise = -cosine.log_softmax(dim=1).masked_fill(~same, 0)
    return surprise.sum(dim=1) / same.sum(dim=1).clamp(min=1)
