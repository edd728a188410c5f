"""Pictures of p-values: which share of the fields lies below each, own and foreign."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mamba_diffae.benchmark import ImageGrid
from mamba_diffae.benchmark.painters import painter_of
from mamba_diffae.benchmark.painting import Beside, Picture, Shown
from mamba_diffae.fields import Axis, Grid, Observations, Variable
from mamba_diffae.fields.familiarity import THRESHOLD
from mamba_diffae.fields.transform import Affine
from studies.familiarity.outcome import Outcome

_DECADES, _CELLS = 3, 300
"""Powers of ten of p below 1 that are shown, and places at which the share is drawn."""
_SHARE = Variable("share", transform=Affine(0.0, 1.0))


def distribution_grid(outcomes: Sequence[Outcome]) -> ImageGrid:
    """A row for each family, a column for each number of observations.

    Args:
        outcomes: Of one method.
    """
    families = list(dict.fromkeys(o.family for o in outcomes))
    amounts = list(dict.fromkeys(o.observed for o in outcomes))
    drawn = {(o.family, o.observed): distribution(o.familiarity) for o in outcomes}
    own = {o.family for o in outcomes if o.own}
    return ImageGrid(
        f"p-values, {outcomes[0].method}",
        f"Across: the logarithm of p to base 10, from {-_DECADES} to 0; upwards: the share of the "
        "fields whose p is at most that. Grey: what a p-value promises of fields of the own kind; "
        f"the dot is its {100 * THRESHOLD:g} % at the threshold of the warning, left of "
        "which fields are warned of.",
        amounts,
        [f"{family} (own)" if family in own else family for family in families],
        [[drawn.get((family, amount)) for amount in amounts] for family in families],
    )


def distribution(familiarity: np.ndarray) -> Picture:
    """The share of p-values (S,) up to each, over the logarithm of p."""
    grid = Grid((Axis("log10 p", np.linspace(-_DECADES, 0, _CELLS + 1)),))
    p = 10 ** grid.axes[0].centres
    share = np.searchsorted(np.sort(familiarity), p, side="right") / len(familiarity)
    promised, found = Shown(p[:, None], grid), Shown(share[:, None], grid)
    dot = Observations.from_points([np.log10(THRESHOLD)], [THRESHOLD])
    return painter_of([_SHARE], grid).paint(found, Beside(truth=promised, seen=dot))[0]
