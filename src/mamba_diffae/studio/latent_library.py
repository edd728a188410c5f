"""The map of a library: its fields where their latents lie."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, final

import numpy as np
import panel as pn
from bokeh.models import ColumnDataSource, HoverTool, LinearColorMapper, Range1d

from mamba_diffae.studio.design import group
from mamba_diffae.studio.figures import (
    MARK,
    VALUES,
    FieldMap,
    is_picture,
    plain_figure,
    when_tapped,
)
from mamba_diffae.studio.latent_lines import map_lines
from mamba_diffae.studio.latent_map import LAYOUTS, LatentMap
from mamba_diffae.studio.latent_parts import MAPS, LatentFields, Part, with_gaps
from mamba_diffae.studio.layout import WIDE, side_by_side
from mamba_diffae.studio.mosaic import small_picture
from mamba_diffae.studio.session import Session

_CROWD = 0.8
"""Width of a small picture as a share of the map's, times the root of their number."""
_WIDEST = 0.12
"""That share, at most."""
_ASPECT = 1.25


@final
class LibraryPart(Part):
    """A map of fields, and the one that is chosen on it.

    Attributes:
        layout: How the latents are laid out.
        chosen: Number of the field that is chosen.
        plane: The map.
    """

    name = "Map"
    lead = (
        "<b>Click a small picture</b>: the map has the fields where their latents lie, so that "
        "like is beside like. Beside it stand the field, and what its latent alone says of it."
    )

    def __init__(
        self, session: Session, fields: LatentFields, take: Callable[[int, int], None]
    ) -> None:
        super().__init__(session, fields)
        self.layout = pn.widgets.Select(label="Laid out by", options=list(LAYOUTS), **WIDE)
        self.chosen = pn.widgets.Select(label="Field", **WIDE)
        self.layout.param.watch(self.changed(self._lay), "value")
        self.chosen.param.watch(self.changed(self._choose), "value")
        first, second, show = (
            pn.widgets.Button(label=name, **WIDE)
            for name in ("Take as first field", "Take as second field", "Reconstruct it")
        )
        first.on_click(lambda event: take(0, self.chosen.value))
        second.on_click(lambda event: take(1, self.chosen.value))
        show.on_click(lambda event: session.show(self.chosen.value))
        self.controls = [
            group("Map"),
            self.layout,
            group("Chosen field"),
            self.chosen,
            first,
            second,
            show,
        ]
        self.plane = Plane(session.guarded(self._tapped))
        self.field, self.told = FieldMap("Field"), FieldMap("From its latent alone")
        beside = pn.Column(self.field.view, self.told.view, **WIDE)
        self.results.append(side_by_side("library", self.plane.view, beside))
        self._map: LatentMap | None = None

    def refill(self) -> None:
        """See `Part`."""
        self._map = None
        self.set(self.chosen, options=self.names, value=self.session.snapshot)

    def ask(self) -> None:
        """See `Part`."""
        model, source, fields = self.session.model, self.session.source, self.fields.now()
        self.begin("Reading the latents of the fields; the map of them follows …")

        def work() -> LatentMap:
            return MAPS.of(model, source, fields())

        self.run("latent map", work, self._begin)

    def _begin(self, found: LatentMap) -> None:
        names = dict(list(self.names.items())[: len(found.data)])
        value = min(self.chosen.value or 0, len(found.data) - 1)
        self.set(self.chosen, options=names, value=value)
        self._go_on(found)

    def _go_on(self, found: LatentMap) -> None:
        """Encode some more, one step each, so that other work comes between."""
        if found.is_done:
            self._map = found
            self.begin("Laying the fields out by their latents …")
            self._lay()
            return
        self.begin(
            f"Reading the latents of {len(found.data)} fields, once: {found.done} are done. The "
            "other parts of the page can be used meanwhile."
        )

        def step() -> LatentMap:
            found.step()
            return found

        self.run("latent map", step, self._go_on)

    def _lay(self) -> None:
        """Lay the latents out in the plane."""
        found, layout = self._map, self.layout.value
        if found is None:
            return
        work = partial(found.places, layout)
        self.run("latent places", work, partial(self._show, found))

    def _show(self, found: LatentMap, places: np.ndarray) -> None:
        data = found.thumbnails
        limits = self.limits(with_gaps(data))
        self.plane.show(places, data, self.variable, limits)
        self.show_bar(limits)
        distances = (
            "neighbours are alike, longer distances mean little"
            if self.layout.value == "t-SNE"
            else "the two directions in which the latents vary most"
        )
        self.say(f"{len(found.data)} fields by their latents: {distances}.")
        self._choose()

    def _choose(self) -> None:
        """Show the chosen field, and what its latent says of it."""
        found, number = self._map, self.chosen.value
        if found is None or number is None:
            return
        self.plane.mark(number)
        model = self.session.model
        work = lambda: model.decode(found.latents[number : number + 1]).mean[0]  # noqa: E731
        self.run("latent chosen", work, partial(self._show_chosen, found, number), queue="quick")

    def _show_chosen(self, found: LatentMap, number: int, told: np.ndarray) -> None:
        truth = with_gaps(found.data.take([number]))[0]
        limits = self.limits(truth)
        self.show_field(self.field, truth, limits)
        self.field.rename("Field", found.data.names[number])
        self.show_field(self.told, told, limits)
        self.told.rename("From its latent alone", "its mean")
        self.show_lines(map_lines(self.origin, self.layout.value, len(found.data), number))

    def _tapped(self, number: int) -> None:
        self.chosen.value = number


@final
class Plane:
    """Small pictures at places of a plane.

    Attributes:
        places: Of the pictures, shape (S, 2).
        view: To be laid out.

    Args:
        on_tap: Called with the number of the picture nearest to a tap.
    """

    def __init__(self, on_tap: Callable[[int], None]) -> None:
        self.places, self._size = np.zeros((0, 2)), (1.0, 1.0)
        self.figure = plain_figure(
            x_range=Range1d(start=0, end=1), y_range=Range1d(start=0, end=1), aspect_ratio=_ASPECT
        )
        self.figure.min_border = 0
        self.figure.axis.visible = self.figure.grid.visible = False
        self._mapper = LinearColorMapper(palette=VALUES, low=0, high=1, nan_color=(0, 0, 0, 0))
        empty: dict[str, Any] = {name: [] for name in ("image", "x", "y", "dw", "dh")}
        self._colours, self._values = ColumnDataSource(empty), ColumnDataSource(empty)
        box: dict[str, Any] = {name: name for name in empty}
        self.figure.image(**box, source=self._values, color_mapper=self._mapper)
        self.figure.image_rgba(**box, source=self._colours)
        self._names = ColumnDataSource({"x": [], "y": [], "name": []})
        points = self.figure.scatter("x", "y", source=self._names, size=18, alpha=0)
        self.figure.add_tools(HoverTool(renderers=[points], tooltips=[("", "@name")]))
        self._marked = ColumnDataSource({"x": [], "y": [], "w": [], "h": []})
        self.figure.rect(
            "x", "y", "w", "h", source=self._marked, fill_color=None, line_color=MARK, line_width=3
        )
        when_tapped(self.figure, lambda event: self._tapped(event, on_tap))
        pane = pn.pane.Bokeh(self.figure, sizing_mode="scale_width", margin=0)
        self.view: Any = pn.Column(pane, css_classes=["map"], **WIDE)

    def show(self, places: np.ndarray, data: Any, chosen: int, limits: tuple[float, float]) -> None:
        """Show fields at places.

        Args:
            places: Shape (S, 2).
            data: S fields of a few cells.
            chosen: Variable that is shown of others than pictures.
            limits: Ends of the colours.
        """
        low, high = places.min(axis=0), places.max(axis=0)
        share = min(_WIDEST, _CROWD / np.sqrt(len(places)))
        span = np.where(high > low, high - low, 1.0) * (1 + 2 * share)
        middle = (low + high) / 2
        for axis, centre, wide in zip(
            (self.figure.x_range, self.figure.y_range), middle, span, strict=True
        ):
            axis.update(start=float(centre - wide / 2), end=float(centre + wide / 2))
        width = float(share * span[0])
        height = float(share * _ASPECT * span[1] * data.shape[0] / data.shape[1])
        self.places, self._size = places, (width, height)
        corners = places - np.array([width, height]) / 2
        sides = {"dw": [width] * len(places), "dh": [height] * len(places)}
        box = {"x": list(corners[:, 0]), "y": list(corners[:, 1]), **sides}
        upwards = data.grid.axes[0].is_latitude
        fields = [field if upwards else field[::-1] for field in data.values]
        if is_picture(data.variables, data.grid):
            images = [small_picture(field, data.variables) for field in fields]
            self._colours.data = {"image": images, **box}
        else:
            self._mapper.update(low=limits[0], high=limits[1])
            images = [np.ascontiguousarray(f[..., chosen], dtype=np.float32) for f in fields]
            self._values.data = {"image": images, **box}
        x, y = map(list, places.T)
        self._names.data = {"x": x, "y": y, "name": list(data.names)}

    def mark(self, number: int) -> None:
        """Frame one of the pictures."""
        x, y = map(float, self.places[number])
        self._marked.data = {"x": [x], "y": [y], "w": [self._size[0]], "h": [self._size[1]]}

    def _tapped(self, event: Any, on_tap: Callable[[int], None]) -> None:
        if not len(self.places):
            return
        apart = np.abs(self.places - (event.x, event.y)) / self._size
        nearest = int(apart.max(axis=1).argmin())
        if apart[nearest].max() <= 1.5:
            on_tap(nearest)
