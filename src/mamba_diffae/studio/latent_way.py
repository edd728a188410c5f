"""Two fields, and the way between them through the latent."""

from __future__ import annotations

from functools import partial
from typing import Any, final

import numpy as np
import panel as pn
from bokeh.models import CustomJSTickFormatter

from mamba_diffae.latent import Interpolation
from mamba_diffae.studio.design import group
from mamba_diffae.studio.figures import FieldMap
from mamba_diffae.studio.latent_lines import way_lines
from mamba_diffae.studio.latent_parts import LatentFields, Part, with_gaps
from mamba_diffae.studio.latents import FRAMES, STRIP, WayQuestion
from mamba_diffae.studio.layout import WIDE, most, side_by_side
from mamba_diffae.studio.mosaic import Mosaic
from mamba_diffae.studio.session import Session

_EVERY = (FRAMES - 1) // (STRIP - 1)


@final
class WayPart(Part):
    """The way between two fields: slider and strip.

    Attributes:
        first: Number of the field at its start.
        second: Of the one at its end.
        share: Share of the cells that is observed of both, in %.
        along: Which field on the way is shown.
    """

    name = "Between two fields"
    lead = (
        "<b>Choose two fields and drag the slider between them</b>: each field on the way comes "
        "from a latent on the straight line between theirs, and from nothing else."
    )

    def __init__(self, session: Session, fields: LatentFields) -> None:
        super().__init__(session, fields)
        self.first = pn.widgets.Select(label="First field", **WIDE)
        self.second = pn.widgets.Select(label="Second field", **WIDE)
        self.share = pn.widgets.IntSlider(
            label="Share observed of both, in %", start=1, end=100, value=100, **WIDE
        )
        for widget in (self.first, self.second):
            widget.param.watch(self.changed(self.ask), "value")
        self.share.param.watch(self.changed(self.ask), "value_throttled")
        self.along = pn.widgets.IntSlider(
            label="Along the way",
            start=0,
            end=FRAMES - 1,
            value=FRAMES // 2,
            format=CustomJSTickFormatter(code=f"return (tick / {FRAMES - 1}).toFixed(2)"),
            **WIDE,
        )
        self.along.param.watch(self.changed(self._slide), "value")
        self.controls = [group("Two fields"), self.first, self.second, self.share]
        self.ends = [FieldMap("First field"), FieldMap("Second field")]
        self.between = FieldMap("On the way")
        self.strip = Mosaic(STRIP, session.guarded(self._tapped))
        self._way: Interpolation | None = None
        self._limits = (0.0, 1.0)
        self.results.extend(
            [
                side_by_side("trio", self.ends[0].view, most(self.between.view), self.ends[1].view),
                self.along,
                side_by_side("row-of-pictures", self.strip.view),
            ]
        )

    def refill(self) -> None:
        """See `Part`."""
        names, here = self.names, self.session.snapshot
        last = len(names) - 1
        other = here + 1 if here < last else max(0, here - 1)
        self.set(self.first, options=names, value=here)
        self.set(self.second, options=names, value=other)
        self.set(self.along, value=FRAMES // 2)

    def choose(self, end: int, number: int) -> None:
        """Take a field as the first (0) or the second (1) one."""
        self.set((self.first, self.second)[end], value=number)
        self.is_stale = True

    def ask(self) -> None:
        """See `Part`."""
        self._way = None
        words = "On the way:"
        self.say("Reading the latents of both …")
        model, fields = self.session.model, self.fields.now()

        def work(first: int, second: int, fraction: float) -> Any:
            ends = fields().take([first]), fields().take([second])
            question = WayQuestion(model, *ends, fraction)
            return question, question.way(partial(self.tell_done, words))

        numbers = self.first.value, self.second.value
        bound = partial(work, *numbers, self.share.value / 100)
        self.run("latent way", bound, lambda found: self._show(*found))

    def _show(self, question: WayQuestion, way: Interpolation) -> None:
        ends = [with_gaps(end)[0] for end in (question.first, question.second)]
        self._way, self._limits = way, self.limits(np.stack(ends))
        names = [question.first.names[0], question.second.names[0]]
        for shown, values, name in zip(self.ends, ends, names, strict=True):
            self.show_field(shown, values, self._limits)
            shown.rename("First field" if shown is self.ends[0] else "Second field", name)
        self.strip.lay([f"{a:.2f}" for a in way.alphas[::_EVERY]], self.session.model.grid)
        self.show_strip(self.strip, list(way.values[::_EVERY]), self._limits)
        self.show_bar(self._limits)
        self.say(
            f"{FRAMES} fields, each the mean of its latent alone. The ends of the way are what the "
            "latents of both fields say of them."
        )
        self._slide()

    def _slide(self) -> None:
        if self._way is None:
            return
        at = self.along.value
        self.show_field(self.between, self._way.values[at], self._limits)
        self.between.rename("On the way", f"{self._way.alphas[at]:.2f} from the first")
        number, rest = divmod(at, _EVERY)
        self.strip.mark(None if rest else number)
        ends = self.first.value, self.second.value
        self.show_lines(way_lines(self.origin, *ends, at, self.share.value / 100))

    def _tapped(self, number: int) -> None:
        self.along.value = number * _EVERY
