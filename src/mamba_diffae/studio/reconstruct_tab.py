"""The tab "Reconstruct"."""

from __future__ import annotations

from typing import Any

import panel as pn

from mamba_diffae.studio.figures import FieldMap
from mamba_diffae.studio.session import Session


def reconstruct_tab(session: Session) -> Any:
    """The field, what is observed of it, and what the model makes of that."""
    mean = FieldMap("Mean")

    def shown(found: Any) -> None:
        mean.show(found.mean[0], found.grid, session.model.variables)

    def ask(what: str = "model") -> None:
        seen, size, model = session.observations(), session.size, session.model
        session.worker.run("mean", lambda: model.predict(seen, size), shown)

    share = pn.widgets.FloatSlider(name="Share", start=0.01, end=1, value=0.2)
    share.param.watch(lambda event: session.observe(fraction=event.new), "value")
    session.on_change(ask)
    ask()
    return pn.Row(share, mean.view)
