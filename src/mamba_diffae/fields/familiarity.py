"""What is said to the user of fields that are unlike those a model was trained on."""

from __future__ import annotations

from typing import final

import numpy as np

THRESHOLD = 0.05
"""P-value below which a field counts as unlike: so is this share of fields of the own kind."""
_MANY = 20
"""Fields from which on it is said how many are expected to be unlike by chance."""


@final
class UnfamiliarFieldsWarning(UserWarning):
    """Observed fields are unlike the training fields.

    The warning changes nothing by itself: what the training fields say counts the less, without a
    step, the less familiar a field is.

    >>> import warnings
    >>> warnings.simplefilter("ignore", category=UnfamiliarFieldsWarning)
    """


def unfamiliar(familiarity: np.ndarray | None, weights: np.ndarray | None = None) -> str | None:
    """A sentence on the fields that are unlike the training fields, or None if there are none.

    >>> unfamiliar(np.array([0.6, 0.001, 0.3]))
    '1 of 3 fields is unlike the training fields (p < 0.05)'

    Args:
        familiarity: P-value of each field, shape (B,), or None where it is not known.
        weights: Share of each component of the prior, the first one kriging, shape (B, K).
    """
    if familiarity is None:
        return None
    unlike = np.asarray(familiarity) < THRESHOLD
    count, total = int(unlike.sum()), len(unlike)
    if not count:
        return None
    chance = f", as {THRESHOLD:.0%} of their own kind are" if total >= _MANY else ""
    if total == 1:
        what = "The field is"
    else:
        what = f"{count} of {total} fields {'is' if count == 1 else 'are'}"
    said = f"{what} unlike the training fields (p < {THRESHOLD:g}{chance})"
    if weights is None:
        return said
    kriging = float(np.asarray(weights)[unlike, 0].mean())
    share = f"weight {kriging:.2f}"
    if kriging < 0.5:
        return f"{said}; kriging has {share} in the answer"
    return f"{said}; the answer leans on kriging ({share})"
