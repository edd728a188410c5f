"""One picture of each field, for panels of many fields."""

from __future__ import annotations

import numpy as np

from mamba_diffae.benchmark.painters import painter_of
from mamba_diffae.benchmark.painting import Shown
from mamba_diffae.fields import FieldData


def pictures_of(data: FieldData) -> list[np.ndarray]:
    """A picture of each field: a photograph in its own colours, else the first variable.

    Returns:
        Of one shape, (h, w, 3) or (h, w, 1), in [0, 1].
    """
    painter = painter_of(data.variables, data.grid)
    return [painter.paint(Shown.of(data, i))[0] for i in range(len(data))]
