"""Attributes of a field that are turned."""

from __future__ import annotations

from functools import partial
from html import escape
from typing import Any, final

import numpy as np
import panel as pn

from mamba_diffae.latent import Directions
from mamba_diffae.latent.editing import AttributeChange
from mamba_diffae.models.serialization import DIRECTIONS
from mamba_diffae.studio.design import group
from mamba_diffae.studio.figures import FieldMap
from mamba_diffae.studio.latent_lines import edit_lines
from mamba_diffae.studio.latent_parts import LatentFields, Part, with_gaps
from mamba_diffae.studio.latents import EDITS, EditQuestion, directions_of
from mamba_diffae.studio.layout import WIDE, most, side_by_side, text
from mamba_diffae.studio.mosaic import Mosaic
from mamba_diffae.studio.session import Session

_TOLD = 6
"""Attributes of which it is told how far they changed."""


@final
class EditPart(Part):
    """A field with less or more of an attribute.

    Attributes:
        field: Number of the field.
        attribute: What is turned.
        amount: How far.
        share: Share of the cells that is observed, in %.
        keeps: Whether what is observed stays.
        learn: Has the attributes of a model learned that does not have them yet.
    """

    name = "Attributes"
    lead = (
        "<b>Choose an attribute and turn it</b> with the slider: 1 takes the latent as far as "
        "fields with and without it lie apart, less than 0 takes it away."
    )

    def __init__(self, session: Session, fields: LatentFields) -> None:
        super().__init__(session, fields)
        self.field = pn.widgets.Select(label="Field", **WIDE)
        self.attribute = pn.widgets.Select(label="Attribute (training fields with it)", **WIDE)
        self.amount = pn.widgets.FloatSlider(
            label="Amount", start=-3, end=3, step=0.25, value=1.5, **WIDE
        )
        self.share = pn.widgets.IntSlider(
            label="Share observed, in %", start=1, end=100, value=20, **WIDE
        )
        free_or_not = {"Turn all": False, "Keep what is observed": True}
        self.keeps = pn.widgets.RadioButtonGroup(options=free_or_not, value=False, **WIDE)
        self.learn = pn.widgets.Button(label="Learn the attributes", visible=False, **WIDE)
        for widget in (self.field, self.attribute, self.keeps, self.amount):
            widget.param.watch(self.changed(self.ask), "value")
        self.share.param.watch(self.changed(self.ask), "value_throttled")
        self.learn.on_click(lambda event: self._learn())
        self.controls = [
            group("Field"),
            self.field,
            self.share,
            group("What is turned"),
            self.attribute,
            self.amount,
            self.keeps,
            self.learn,
        ]
        self.truth, self.before, self.after = (
            FieldMap(name) for name in ("Field", "Unchanged", "Turned")
        )
        self.strip = Mosaic(EDITS, session.guarded(self._tapped))
        self.changes = text("", "row-of-pictures")
        self._directions: Directions | None = None
        self._edits: dict[int, np.ndarray] = {}
        self.results.extend(
            [
                side_by_side("trio", self.truth.view, self.before.view, most(self.after.view)),
                side_by_side("row-of-pictures", self.strip.view),
                self.changes,
            ]
        )

    def refill(self) -> None:
        """See `Part`."""
        self._directions = None
        self.set(self.attribute, options={}, value=None)
        self.set(self.field, options=self.names, value=self.session.snapshot)

    def ask(self) -> None:
        """See `Part`."""
        session = self.session
        session.worker.cancel("latent strip")
        if self._directions is not None:
            self._turn(self._directions)
            return
        opened = session.opened
        kept = opened.run is None or (opened.run.path / DIRECTIONS).is_file()
        self.learn.visible = not kept and opened.source is not None
        if self.learn.visible:
            self.begin(
                "The attributes of this model are not learned yet: all its training fields are "
                "read once, several a second. “Learn the attributes” begins that."
            )
        else:
            self._learn()

    def _learn(self) -> None:
        session = self.session
        self.begin("Finding the attributes; the field with less and with more of one follows …")
        tell = partial(self.tell_done, "Reading the training fields:")
        opened, shown = session.opened, session.data

        def work() -> Directions:
            source = opened.source if opened.estimator.fitted.window is None else None
            data = shown if source is None else session.library.fields(source)
            if source is not None and data.shape != opened.estimator.grid.shape:
                data = data.at(opened.estimator.grid.shape)
            return directions_of(opened, data, tell)

        self.run("latent attributes", work, self._learned)

    def _learned(self, directions: Directions) -> None:
        self._directions, self.learn.visible = directions, False
        words = {f"{name.replace('_', ' ')} ({n})": name for name, n in directions.counts.items()}
        first = "beard" if "beard" in directions.counts else next(iter(directions.counts))
        self.set(self.attribute, options=words, value=first)
        self.begin("Turning …")
        self._turn(directions)

    def _turn(self, directions: Directions) -> None:
        """Ask for the field as it is turned, then for the strip."""
        number, asked = self.field.value, (self.attribute.value, float(self.amount.value))
        self.say("Turning …")
        model, fields = self.session.model, self.fields.now()

        def work(field: int, fraction: float, keeps: bool) -> Any:
            one = fields().take([field])
            question = EditQuestion(model, one, directions, *asked, fraction=fraction, keeps=keeps)
            return question, question.edited(question.amount)

        bound = partial(work, number, self.share.value / 100, self.keeps.value)
        self.run("latent edit", bound, lambda found: self._show(number, *found))

    def _show(self, number: int, question: EditQuestion, turned: np.ndarray) -> None:
        truth = with_gaps(question.field)[0]
        limits = self.limits(truth)
        self.show_field(self.truth, truth, limits)
        self.show_field(self.after, turned, limits)
        self.truth.rename("Field", question.field.names[0])
        words = question.attribute.replace("_", " ")
        self.after.rename("Turned", f"{words} {_signed(question.amount)}")
        self.show_bar(limits)
        self.show_lines(edit_lines(self.origin, number, question))
        self.changes.object, self._edits = "", {}
        kept = "What is observed stays; only what it leaves open is turned."
        free = "From the latent alone, so everything may change."
        self.say(kept if question.keeps else free)
        self.strip.lay([_signed(x) for x in question.amounts], question.model.grid)
        show = partial(self._show_step, limits)
        self.run("latent strip", question.strip, show)

    def _show_step(self, limits: tuple[float, float], step: tuple[str, Any]) -> None:
        kind, found = step
        if kind == "changes":
            self.changes.object = _told(found)
            return
        number, values = found
        self._edits[number] = values
        self.show_strip(self.strip, [self._edits[i] for i in sorted(self._edits)], limits)
        if number == EDITS // 2:
            self.show_field(self.before, values, limits)
            self.before.rename("Unchanged", "as it is reconstructed")

    def _tapped(self, number: int) -> None:
        amounts = np.linspace(-self.amount.value, self.amount.value, EDITS)
        self.amount.value = float(np.round(amounts[number] / 0.25) * 0.25)


def _signed(number: float) -> str:
    """A number with its sign, as it is printed."""
    return f"{number:+g}".replace("-", "−") if number else "0"


def _told(changes: list[AttributeChange]) -> str:
    """The attributes that changed most, the one that was turned first."""
    rows = [
        f"<b>{escape(change.name.replace('_', ' '))}</b> {_signed(round(change.change, 1))}"
        for change in changes[:_TOLD]
    ]
    return (
        '<p class="note">What changed with it, as the log odds of each attribute once the field is '
        f"read again: {' · '.join(rows)}</p>"
    )
