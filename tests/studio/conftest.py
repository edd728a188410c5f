"""One library of models for all tests, and a new session for each."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mamba_diffae.studio.opening import Library
from mamba_diffae.studio.session import Session


@pytest.fixture(scope="session")
def library() -> Library:
    return Library()


@pytest.fixture
def session(library: Library) -> Iterator[Session]:
    made = Session(library)
    made.size, made.draws = 32, 4  # as fast as can be
    yield made
    made.worker.stop()
    made.worker.join()


@pytest.fixture
def asked(session, monkeypatch):
    """The kinds of work that are asked for, none of it done."""
    kinds: list[str] = []
    monkeypatch.setattr(session.worker, "run", lambda kind, *rest, **more: kinds.append(kind))
    return kinds
