"""Work in threads: the latest wins, errors are told, what is quick waits for nothing slow."""

import tempfile
import threading
import time
import warnings

import pytest

from mamba_diffae.studio.worker import _TURNS, Worker, pause, tell_pages_of_warnings


def test_results_are_shown_in_order():
    worker, shown = Worker(), []
    worker.run("steps", lambda: (n for n in range(3)), shown.append)
    assert worker.wait(10)
    assert shown == [0, 1, 2]
    worker.stop()
    worker.join()


def test_newer_work_takes_the_place_of_what_waits_and_runs():
    worker, shown, begun, go = Worker(), [], threading.Event(), threading.Event()

    def long():
        for n in range(100):
            begun.set()
            go.wait(10)
            yield "old", n

    worker.run("map", long, shown.append)
    assert begun.wait(10)
    for n in range(5):
        worker.run("map", lambda n=n: ("new", n), shown.append)
    go.set()
    assert worker.wait(10)
    assert shown == [("new", 4)]
    worker.stop()


def test_of_another_kind_all_is_done():
    worker, shown = Worker(), []
    for kind in "abc":
        worker.run(kind, lambda kind=kind: kind, shown.append)
    assert worker.wait(10)
    assert sorted(shown) == ["a", "b", "c"]
    worker.stop()


def test_what_is_quick_does_not_wait_for_what_is_slow():
    worker, go, shown = Worker(), threading.Event(), threading.Event()
    worker.run("slow", lambda: go.wait(10), lambda done: None)
    worker.run("quick", lambda: 1, lambda one: shown.set(), queue="quick")
    assert shown.wait(10)
    go.set()
    assert worker.wait(10)
    worker.stop()


def test_an_error_is_told_and_the_next_work_is_done():
    told, shown = [], []
    worker = Worker(on_error=told.append)
    worker.run("bad", lambda: 1 / 0, shown.append)
    worker.run("unshown", lambda: 1, lambda one: [][one])
    worker.run("good", lambda: 2, shown.append)
    assert worker.wait(10)
    assert [type(error) for error in told] == [ZeroDivisionError, IndexError]
    assert shown == [2]
    worker.stop()


def test_nothing_is_shown_of_work_that_is_not_wanted_any_more():
    worker, shown, told, begun, go = Worker(), [], [], threading.Event(), threading.Event()
    worker.on_error = told.append

    def fails():
        begun.set()
        go.wait(10)
        raise ValueError("late")

    worker.run("map", fails, shown.append)
    assert begun.wait(10)
    worker.cancel("map")
    go.set()
    assert worker.wait(10)
    assert (shown, told) == ([], [])
    worker.stop()


def test_after_stop_no_thread_is_left():
    before = threading.active_count()
    worker = Worker()
    worker.run("map", lambda: (time.sleep(0.01) for _ in range(1000)), lambda step: None)
    worker.stop()
    worker.join()
    worker.run("map", lambda: 1, lambda one: None)
    assert threading.active_count() <= before  # those of tests before may end meanwhile


def test_what_waits_and_is_wanted_no_more_is_not_begun():
    worker, begun, go, done = Worker(), threading.Event(), threading.Event(), []

    def first():
        begun.set()
        go.wait(10)

    worker.run("first", first, lambda none: None)
    assert begun.wait(10)
    worker.run("second", lambda: done.append("second"), lambda none: None)
    worker.run("third", lambda: done.append("third"), lambda none: None)
    worker.cancel("second")
    go.set()
    assert worker.wait(10)
    assert done == ["third"]
    worker.stop()


def until_waiting(count):
    """Wait until so many threads wait for their turn."""
    end = time.monotonic() + 10
    while _TURNS["slow"].waiting < count:
        assert time.monotonic() < end
        time.sleep(0.001)


def test_pages_take_turns_in_the_order_in_which_they_came():
    pages, done, begun, go = [Worker() for _ in range(3)], [], threading.Event(), threading.Event()

    def steps(name):
        for _ in range(3):
            begun.set()
            go.wait(10)
            done.append(name)
            yield

    pages[0].run("draws", lambda: steps("a"), lambda none: None)
    assert begun.wait(10)
    for number, (page, name) in enumerate(zip(pages[1:], "bc", strict=True)):
        page.run("draws", lambda name=name: steps(name), lambda none: None)
        until_waiting(number + 1)
    go.set()
    assert all(page.wait(10) for page in pages)
    assert sorted(done) == [*"aaabbbccc"]
    assert done != [*"aaabbbccc"]  # nobody does all before others begin


def test_long_work_lets_others_take_their_turn():
    pages, done, begun, go = [Worker(), Worker()], [], threading.Event(), threading.Event()

    def long():
        begun.set()
        go.wait(10)
        pause()
        done.append("goes on")

    pages[0].run("attributes", long, lambda none: None)
    assert begun.wait(10)
    pages[1].run("draws", lambda: done.append("draws"), lambda none: None)
    until_waiting(1)
    go.set()
    assert all(page.wait(10) for page in pages)
    assert done == ["draws", "goes on"]
    pause()  # outside of a worker it does nothing


@pytest.mark.parametrize("end", [Worker.stop, lambda worker: worker.cancel("attributes")])
def test_long_work_that_nobody_waits_for_ends(end):
    told, begun, go, passed = [], threading.Event(), threading.Event(), []
    worker = Worker(on_error=told.append)

    def long():
        try:
            begun.set()
            go.wait(10)
            pause()
            passed.append("pause")
        except Exception:
            passed.append("handler")

    worker.run("attributes", long, passed.append)
    assert begun.wait(10)
    end(worker)
    go.set()
    worker.stop()
    worker.join()
    assert (passed, told) == ([], [])


def test_what_is_put_off_takes_no_turn_and_ends_with_newer_work():
    first, second, shown = Worker(), Worker(), []
    first.run("rest", lambda: "late", shown.append, after=30)
    second.run("rest", lambda: "other", shown.append)
    assert second.wait(10)
    first.run("rest", lambda: "newer", shown.append)
    assert first.wait(10)
    assert shown == ["other", "newer"]


def test_a_page_is_told_of_what_its_own_work_warns_of(monkeypatch):
    logged, told, other = [], [], []
    monkeypatch.setattr(
        warnings, "showwarning", lambda message, *where, **more: logged.append(str(message))
    )

    def asks():
        warnings.warn("far outside", stacklevel=1)
        yield 1
        warnings.warn("not calibrated", stacklevel=1)
        yield 2

    with warnings.catch_warnings():
        tell_pages_of_warnings()
        pages = [Worker(on_warnings=lambda *given, to=to: to.append(given)) for to in (told, other)]
        pages[0].run("mean", asks, str)
        assert pages[0].wait(10)
        pages[0].run("mean", lambda: 3, str)
        uploaded = f"{tempfile.gettempdir()}/mamba-diffae-x1/sea.nc: read so"
        pages[0].run("file", lambda: warnings.warn(uploaded, stacklevel=1), str, queue="opening")
        assert pages[0].wait(10)
        warnings.warn("of the command", stacklevel=1)
    both = ("far outside", "not calibrated")
    assert [texts for kind, texts in told if kind == "mean"] == [both[:1], both, ()]
    assert [texts for kind, texts in told if kind == "file"] == [()]
    assert (logged, other) == (["sea.nc: read so", "of the command"], [])
