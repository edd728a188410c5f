"""Work in threads: the latest wins, errors are told, what is quick waits for nothing slow."""

import threading
import time

from mamba_diffae.studio.worker import Worker


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
    worker.run("quick", lambda: 1, lambda one: shown.set(), lane="quick")
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
