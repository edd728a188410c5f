"""The surface of least bending energy."""

from __future__ import annotations

from typing import ClassVar, final

import numpy as np

from mamba_diffae.evaluation.baselines.nearest import nearest_values
from mamba_diffae.evaluation.baselines.per_field import Interpolator, Samples, check_count
from mamba_diffae.evaluation.baselines.space import Places


@final
class ThinPlateSpline(Interpolator):
    """The surface of least bending energy through all observations.

    Where it is not unique (too few places, or all on one line or plane) the nearest observation is
    taken. It takes at most `DENSE_LIMIT` observations of a field.

    Reference:
        Duchon (1977). https://doi.org/10.1007/BFb0086566
    """

    name: ClassVar[str] = "thin-plate spline"

    def interpolate(self, samples: Samples, targets: Places) -> np.ndarray:
        """See `Interpolator.interpolate`."""
        from scipy.interpolate import RBFInterpolator

        check_count(samples, self.name)
        x = samples.places.embedded
        if np.linalg.matrix_rank(np.insert(x, 0, 1, axis=1)) <= x.shape[1]:
            return nearest_values(samples, targets)
        try:
            surface = RBFInterpolator(x, samples.values, kernel="thin_plate_spline")
        except np.linalg.LinAlgError:
            return nearest_values(samples, targets)
        return surface(targets.embedded)
