"""The tab "Take away", without a browser: where there is nothing, it shows none."""

import pytest

from mamba_diffae.studio.take_away_tab import TakeAway


def seen(tab: TakeAway) -> set[bool]:
    """Whether headings, lines and buttons to copy them are seen."""
    return {item.visible for lines in (tab.python, tab.shell) for item in lines.items}


def test_with_nothing_observed_there_are_no_lines_until_something_is(session, asked):
    told = []
    session.show_message = told.append
    tab = TakeAway(session)
    session.open_tab(3)
    assert seen(tab) == {True}
    session.edit(session.edits.remove(frozenset(range(1024))))
    assert "Nothing is observed" in told[-1]
    assert seen(tab) == {False}
    assert tab.files.objects == []
    session.edit(session.edits.add(frozenset({1})))
    assert seen(tab) == {True}


@pytest.mark.parametrize("error", [ValueError("The observations lie outside."), MemoryError()])
def test_what_cannot_be_made_leaves_no_lines_and_no_word_of_it(session, monkeypatch, error):
    def fail(*given, **more):
        raise error

    told = []
    session.show_message = told.append
    monkeypatch.setattr(session.model, "predict", fail)
    tab = TakeAway(session)
    session.open_tab(3)
    assert session.worker.wait(250)
    assert (str(error) or "MemoryError") in told[-1]
    assert seen(tab) == {False}
    assert tab.files.objects == []
