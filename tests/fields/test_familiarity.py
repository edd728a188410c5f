"""What is said of fields that are unlike the training fields."""

import numpy as np

from mamba_diffae.fields import unfamiliar

LEANS = "; the answer leans on kriging (weight 0.97)"


def shares(*kriging: float) -> np.ndarray:
    return np.array([[k, 1 - k] for k in kriging])


def test_nothing_is_said_where_nothing_is_unlike_or_known() -> None:
    assert unfamiliar(None) is None
    assert unfamiliar(np.array([0.05, 0.8]), shares(1, 1)) is None


def test_unlike_fields_are_counted_and_their_weights_averaged() -> None:
    p = np.array([0.04, 0.9, 0.001, 0.0, *[0.5] * 4])
    said = unfamiliar(p, shares(0.98, 0.1, 0.97, 0.96, *[0.2] * 4))
    assert said == f"3 of 8 fields are unlike the training fields (p < 0.05){LEANS}"
    said = unfamiliar(p[1:3], shares(0.1, 0.97))
    assert said == f"1 of 2 fields is unlike the training fields (p < 0.05){LEANS}"
    said = unfamiliar(p[:1], shares(0.2))
    assert said == (
        "The field is unlike the training fields (p < 0.05); kriging has weight 0.20 in the answer"
    )


def test_of_many_fields_some_are_unlike_by_chance() -> None:
    said = unfamiliar(np.linspace(0, 1, 40))
    assert said == (
        "2 of 40 fields are unlike the training fields (p < 0.05, as 5% of their own kind are)"
    )
