"""Eight fields from nothing."""

from __future__ import annotations

from functools import partial
from typing import final

import panel as pn

from mamba_diffae.latent import Generated
from mamba_diffae.studio.design import group
from mamba_diffae.studio.latent_lines import sample_lines
from mamba_diffae.studio.latent_parts import LatentFields, Part
from mamba_diffae.studio.latents import MADE, SampleQuestion
from mamba_diffae.studio.layout import WIDE
from mamba_diffae.studio.mosaic import Mosaic
from mamba_diffae.studio.seed_input import MOST_SEED, SeedInput
from mamba_diffae.studio.session import Session


@final
class SamplePart(Part):
    """Fields that nobody has observed.

    Attributes:
        seed: Of the latents and of the fields.
        kind: Draws, or the means of the latents.
        another: Takes the next seed.
    """

    name = "From nothing"
    lead = (
        "<b>Press “Eight others”</b>: latents are drawn, and a field from each. The same seed "
        "makes the same fields."
    )

    def __init__(self, session: Session, fields: LatentFields) -> None:
        super().__init__(session, fields)
        self.seed = SeedInput(session, lambda seed: self.ask(), **WIDE)
        self.kind = pn.widgets.RadioButtonGroup(
            options={"Draws": False, "Means": True}, value=False, **WIDE
        )
        self.another = pn.widgets.Button(label="Eight others", **WIDE)
        self.kind.param.watch(self.changed(self.ask), "value")
        self.another.on_click(lambda event: self._next())
        self.controls = [group("Fields from nothing"), self.another, self.seed.widget, self.kind]
        self.grid = Mosaic(MADE // 2)
        self.results.append(self.grid.view)

    def refill(self) -> None:
        """See `Part`."""
        self.seed.set(0)

    def ask(self) -> None:
        """See `Part`."""
        self.say(f"Drawing {MADE} latents; a field from each of them follows …")
        question = SampleQuestion(self.session.model, self.seed.seed, self.kind.value)
        made = partial(question.made, partial(self.tell_done, "Drawing fields:"))
        self.run("latent samples", made, partial(self._show, question))

    def _show(self, question: SampleQuestion, made: Generated) -> None:
        limits = self.limits(made.values)
        self.grid.lay([str(i + 1) for i in range(MADE)], question.model.grid)
        self.show_strip(self.grid, list(made.values), limits)
        self.show_bar(limits)
        kind = "the mean of a latent" if question.mean else "drawn from a latent"
        self.say(f"{MADE} fields of seed {question.seed}, each {kind} that was drawn itself.")
        self.show_lines(sample_lines(self.origin, question.seed, question.mean))

    def _next(self) -> None:
        self.seed.take((self.seed.seed + 1) % (MOST_SEED + 1))
