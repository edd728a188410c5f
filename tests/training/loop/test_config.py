"""The schedule: a warm-up, a cosine, and a budget of time."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mamba_diffae.training import TrainingConfig


@given(st.integers(4, 5000), st.integers(0, 5000), st.floats(0, 1))
def test_the_learning_rate_rises_to_its_peak_then_falls_to_its_end(steps, warmup, final) -> None:
    config = TrainingConfig(
        steps=steps, warmup_steps=warmup, learning_rate=2.0, final_fraction=final
    )
    rates = [config.learning_rate_at(step, 1e9) for step in range(steps)]
    top = max(0, min(warmup, steps // 2) - 1)
    rising, falling = rates[: top + 1], rates[top + 1 :]
    assert all(a <= b + 1e-12 for a, b in pairwise(rising))
    assert all(a >= b - 1e-12 for a, b in pairwise(falling))
    assert rates[-1] == pytest.approx(2.0 * final)
    assert 0 <= min(rates) <= max(rates) <= 2.0 + 1e-12
    if 0 < warmup <= steps / 2:
        assert rates[0] == pytest.approx(2.0 / warmup)
        assert rates[warmup - 1] == pytest.approx(2.0)


@given(st.integers(0, 1000), st.floats(0, 100))
def test_progress_is_the_larger_share_of_steps_and_time(step, seconds) -> None:
    config = TrainingConfig(steps=1000, minutes=1)
    assert config.progress(step, seconds) == pytest.approx(min(1, max(step / 1000, seconds / 60)))
    assert TrainingConfig(steps=1000).progress(step, seconds) == step / 1000


def test_half_of_the_time_gives_the_rate_of_half_of_the_steps() -> None:
    config = TrainingConfig(steps=1000, minutes=1, warmup_steps=50)
    assert config.learning_rate_at(7, 30.0) == pytest.approx(config.learning_rate_at(499, 0.0))


def test_the_average_forgets_its_start_quickly() -> None:
    config = TrainingConfig(ema_decay=0.99)
    assert config.ema_decay_at(0) == 0.1
    assert config.ema_decay_at(90) == 0.91
    assert config.ema_decay_at(10_000) == 0.99


@pytest.mark.parametrize(
    ("key", "value"),
    [("steps", 0), ("learning_rate", float("nan")), ("optimizer", "sgd"), ("learning_rat", 1e-3)],
)
def test_wrong_settings_are_named(key, value) -> None:
    with pytest.raises(ValueError, match=key):
        TrainingConfig.model_validate({key: value})
