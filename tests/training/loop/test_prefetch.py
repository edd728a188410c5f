"""Prefetched batches are those that are asked for, in any order, also after one has failed."""

import threading

import pytest
import toy

from mamba_diffae.training.loop.prefetch import prefetch


def test_the_batches_are_the_same_in_any_order() -> None:
    with prefetch(toy.batches) as ready:
        for number in (0, 1, 2, 7, 3, 3, 2, 8, 9, 0):
            ours, plain = ready(number), toy.batches(number)
            assert ours.describe() == plain.describe()
            assert ours.x.equal(plain.x)
            assert ours.y.equal(plain.y)


def test_the_next_is_made_while_this_one_is_used() -> None:
    made = {number: threading.Event() for number in range(3)}
    makers: list[threading.Thread] = []

    def watched(number: int) -> toy.ToyBatch:
        makers.append(threading.current_thread())
        made[number].set()
        return toy.batches(number)

    with prefetch(watched) as ready:
        ready(0)
        assert made[1].wait(timeout=10)
        ready(1)
        assert made[2].wait(timeout=10)
    assert makers[0] is threading.main_thread()
    assert makers[1] is makers[2] is not threading.main_thread()
    assert not makers[1].is_alive()
    assert len(makers) == 3  # none was made twice


def test_an_error_is_told_where_its_batch_is_asked_and_others_still_come() -> None:
    def broken(number: int) -> toy.ToyBatch:
        if number in (2, 5):
            raise OSError(f"field {number} cannot be read")
        return toy.batches(number)

    with prefetch(broken) as ready:
        assert [ready(n).first for n in (0, 1)] == [0, 4]
        for number in (2, 2, 5):
            with pytest.raises(OSError, match=f"field {number} cannot be read"):
                ready(number)
        assert [ready(n).first for n in (3, 4, 6)] == [12, 16, 24]
    # One that nobody asked for any more fails unheard.
    with prefetch(broken) as ready:
        assert ready(4).first == 16


def test_an_error_outside_stops_it() -> None:
    def endless() -> None:
        with prefetch(toy.batches) as ready:
            ready(0)
            raise KeyboardInterrupt

    before = threading.active_count()
    with pytest.raises(KeyboardInterrupt):
        endless()
    assert threading.active_count() == before
