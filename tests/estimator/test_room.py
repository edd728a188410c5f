"""An answer that would not fit into memory is refused with its size, before any is taken."""

import numpy as np
import pytest

from mamba_diffae.fields import FieldError
from mamba_diffae.sources import memory


def test_an_answer_beyond_the_memory_is_refused_with_its_size(model, seen, monkeypatch) -> None:
    monkeypatch.setattr(memory, "_free", lambda: iter([2_000_000_000]))
    with pytest.raises(FieldError, match=r"at 2,400,000,000 cells .* GB .*2\.0 GB are free"):
        model.predict(seen, (40_000, 60_000))
    with pytest.raises(FieldError, match=r"fewer cells, draws or fields at once, or let render"):
        model.predict(seen, n_draws=1_000_000)
    assert np.isfinite(model.predict(seen, 8).mean).all()


def test_where_nothing_is_known_of_memory_nothing_is_refused(model, seen, monkeypatch) -> None:
    monkeypatch.setattr(memory, "_free", lambda: iter(()))
    assert memory.free_memory() is None
    assert np.isfinite(model.predict(seen, 8).mean).all()
