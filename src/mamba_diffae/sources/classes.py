"""Pictures of labelled classes as fields."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mamba_diffae.fields import FieldData
from mamba_diffae.sources.pictures import picture_data


def labelled_pictures(
    values: np.ndarray, splits: np.ndarray, labels: np.ndarray, classes: Sequence[str]
) -> FieldData:
    """Pictures named by class and number, such as "cat 00017".

    Args:
        values: Shape (S, h, w, 3), uint8.
        splits: Shape (S,).
        labels: Index of the class of each, shape (S,); a negative one for none.
        classes: Their names; empty where there are no labels.

    Returns:
        Fields, each its own group; attributes are one bool label for each class, shape (S,).
    """
    prefix = [f"{classes[k]} " if 0 <= k < len(classes) else "" for k in labels.tolist()]
    names = [f"{before}{i:05d}" for i, before in enumerate(prefix)]
    attributes = {name: labels == k for k, name in enumerate(classes)}
    return picture_data(values, names=names, splits=splits, attributes=attributes)
