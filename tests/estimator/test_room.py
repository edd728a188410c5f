"""An answer that would not fit into memory is refused with its size, before any is taken."""

import numpy as np
import pytest

from mamba_diffae import render
from mamba_diffae.estimator.drawing import Drawing
from mamba_diffae.estimator.room import check_room
from mamba_diffae.fields import FieldError, Grid
from mamba_diffae.sources import memory


def test_an_answer_beyond_the_memory_is_refused_with_its_size(model, seen, monkeypatch) -> None:
    monkeypatch.setattr(memory, "_free", lambda: iter([2_000_000_000]))
    with pytest.raises(FieldError, match=r"at 2,400,000,000 cells .* GB .*2\.0 GB are free"):
        model.predict(seen, (40_000, 60_000))
    with pytest.raises(FieldError, match=r"fewer cells, draws or fields at once, or let render"):
        model.predict(seen, n_draws=1_000_000)
    with pytest.raises(
        FieldError, match=r"expected .* cells along the longest axis \(1 or more, 100,"
    ):
        model.predict(seen, 10**30)
    assert np.isfinite(model.predict(seen, 8).mean).all()


def test_so_it_is_beside_land_whose_cells_are_not_even_counted_out(monkeypatch) -> None:
    land = np.arange(96).reshape(8, 12) < 90
    monkeypatch.setattr(memory, "_free", lambda: iter([2_000_000_000]))
    with pytest.raises(FieldError, match=r"at 666,667,000,000 cells needs about"):
        check_room(1_000_000, Grid(Grid.default((8, 12)).axes, land), 2)


@pytest.mark.parametrize("count", [2, np.int16(2), np.uint8(2)])
def test_draws_are_counted_by_numbers_of_any_type(count) -> None:
    assert Drawing(count, 2**62).count == 2


def test_where_nothing_is_known_of_memory_nothing_is_refused(model, seen, monkeypatch) -> None:
    monkeypatch.setattr(memory, "_free", lambda: iter(()))
    assert memory.free_memory() is None
    assert np.isfinite(model.predict(seen, 8).mean).all()


def test_a_file_whose_rows_do_not_fit_is_refused_and_not_begun(
    model, seen, monkeypatch, tmp_path
) -> None:
    monkeypatch.setattr(memory, "_free", lambda: iter([2_000_000_000]))
    with pytest.raises(FieldError, match=r"A part of the answer, .* ask for fewer cells or draws"):
        render(model, seen, 8, tmp_path / "out.nc", 100_000_000, show_progress=False)
    assert not list(tmp_path.iterdir())
