"""What the page uses of Panel will go on to be there."""

import warnings

from mamba_diffae.studio.page import TABS, build_page


def test_the_page_is_made_of_nothing_that_panel_is_going_to_drop(session, monkeypatch):
    monkeypatch.setattr(session.worker, "run", lambda *given, **more: None)
    with warnings.catch_warnings():
        for kind in (FutureWarning, DeprecationWarning, PendingDeprecationWarning):
            warnings.filterwarnings("error", category=kind, module=r"mamba_diffae\.")
        page = build_page(session)
        tabs = page[1]
        for name, _ in TABS:
            tabs.value = name
    assert session.active == len(TABS) - 1
