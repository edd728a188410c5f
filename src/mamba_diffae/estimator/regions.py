"""The regions of a large answer: which there are, and what a model says of each."""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import warnings
from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, final

import numpy as np

from mamba_diffae.estimator.drawing import Drawing
from mamba_diffae.estimator.fitted import FittedModel
from mamba_diffae.estimator.inputs import FIELDS_AT_ONCE, ConditioningBatch
from mamba_diffae.estimator.rendering import Rendering
from mamba_diffae.estimator.room import check_rows
from mamba_diffae.estimator.windowed import Conditioned, conditioned
from mamba_diffae.fields import Observations, UnfamiliarFieldsWarning
from mamba_diffae.fields.cf.store import Region
from mamba_diffae.fields.cf.targets import LabelledTargets
from mamba_diffae.fields.inside import check_inside
from mamba_diffae.fields.query import Query, existing

if TYPE_CHECKING:
    from xarray import Dataset


@final
class RenderedRegions:
    """Rows along one axis, of the fields of one batch each.

    Where targets are averages of native cells there is one region for a batch: they are no more
    than the native ones.

    Args:
        model: Network and scaling.
        whole: All that is asked.
        drawing: Which draws.
        count: Fields, B.
        values: That are made at once, at most, unless a row takes more.

    Raises:
        CoordinateError: If the targets leave the native grid.
        FieldError: If one row would not fit into memory.
    """

    def __init__(
        self,
        model: FittedModel,
        whole: LabelledTargets,
        drawing: Drawing,
        count: int,
        values: int,
    ) -> None:
        self.model, self.whole, self.drawing, self.count = model, whole, drawing, count
        self._along = whole.along(count)
        native, grid = model.scaler.grid, whole.grid
        ends = [(axis.centres[0], axis.centres[-1]) for axis in grid.axes]
        check_inside(np.array(list(itertools.product(*ends))), native, "targets")
        self._axis = whole.row_axis or 0
        height = grid.shape[self._axis]
        row = math.prod(grid.shape) // height
        fields = min(count, FIELDS_AT_ONCE)
        numbers = fields * len(model.scaler.variables) * (drawing.count + 2)
        each = row * numbers
        split = whole.row_axis is not None and Query.is_direct(grid, native)
        self.height, self._rows = height, max(1, values // each) if split else height
        check_rows(row * self._rows, numbers)

    @property
    def row_dim(self) -> Hashable:
        """The dimension of the targets along which rows lie one behind the other."""
        return self.whole.axes[self._axis]

    @property
    def sizes(self) -> Mapping[Hashable, int]:
        """Lengths of the whole along the dimensions of regions."""
        sizes: dict[Hashable, int] = {self.row_dim: self.height}
        return sizes if self._along is None else {self._along: self.count, **sizes}

    @property
    def total(self) -> int:
        """Rows of all fields."""
        return self.count * self.height

    def rows(self, name: str) -> int:
        """Rows of a region by its name, those of all its fields."""
        first, end, low, high = map(int, name.split())
        return (end - first) * (high - low)

    def request(self, observations: Observations) -> dict[str, Any]:
        """What tells the answer from all others."""
        total = hashlib.sha256()
        for name, weight in sorted(self.model.network.state_dict().items()):
            total.update(name.encode() + weight.cpu().contiguous().numpy().tobytes())
        seen = observations
        parts = seen.coords, seen.values, seen.mask, seen.support, seen.noise
        beside = None if seen.background is None else seen.background.values
        for given in (*parts, seen.noise_group, seen.covariates, beside):
            total.update(b"-" if given is None else given.cpu().contiguous().numpy().tobytes())
        total.update(json.dumps(self._about(seen), sort_keys=True).encode())
        # The grid rises in the model's longitudes, whatever the targets do.
        for axis, index in zip(self.whole.grid.axes, self.whole.index, strict=True):
            total.update(axis.edges.tobytes() + index.tobytes())
        template = self.whole.template
        for _, given in sorted(template.coords.items(), key=lambda item: str(item[0])):
            x = given.values
            total.update(str(x.tolist()).encode() if x.dtype.hasobject else x.tobytes())
        return {
            "digest": total.hexdigest(),
            "calibration": str(self.model.calibration),
            "targets": template.to_dict(data=False),
            "draws": [self.drawing.asked, self.drawing.seed, *self.drawing.levels],
            "rows": self._rows,
        }

    def _about(self, seen: Observations) -> list[Any]:
        """What observations, background and model say of their numbers: names, units, scaling."""
        known, labels, window = seen.background, seen.labels, self.model.window
        return [
            None if labels is None else (*labels.axes, "|", *labels.variables),
            None if labels is None else (*labels.axis_units, "|", *labels.units),
            None if known is None else (known.grid.to_dict(), *known.names),
            self.model.scaler.to_dict(),
            None if window is None else window.to_dict(),
        ]

    def made(
        self, batches: Iterable[ConditioningBatch], done: Collection[str]
    ) -> Iterator[tuple[str, Dataset | None, Region]]:
        """Name, answer and place of every region that is not done; None: nothing exists there.

        Args:
            batches: What is known of the fields.
            done: Names of regions that are left out.
        """
        height, first = self.height, 0
        way = self.drawing.way(self.model) if self.drawing.count else None
        for batch in batches:
            end = first + len(batch.numbers)
            cuts = [(low, min(low + self._rows, height)) for low in range(0, height, self._rows)]
            names = {f"{first} {end} {low} {high}": (low, high) for low, high in cuts}
            left = {name: cut for name, cut in names.items() if name not in done}
            if left:
                fields = conditioned(self.model, batch, None, self.drawing, way)
                warned = False
                for name, cut in left.items():
                    region = self._region(slice(first, end), slice(*cut))
                    answer = self._answer(fields, way, region, warn=not warned)
                    warned |= answer is not None
                    yield name, answer, region
            first = end

    def _region(self, fields: slice, rows: slice) -> dict[Hashable, slice]:
        region: dict[Hashable, slice] = {self.row_dim: rows}
        return region if self._along is None else {self._along: fields, **region}

    def _answer(
        self, fields: Conditioned, way: Any, region: Region, *, warn: bool
    ) -> Dataset | None:
        """What is told of a region, in the terms of the targets."""
        scaler, here = self.model.scaler, self.whole.part(region)
        places = check_inside(here.grid.centres(), scaler.grid, "targets")
        if not existing(places, scaler.grid).any():
            return None
        rendering = Rendering(here.grid, self.drawing, None, None)
        count = len(fields.keys)
        with warnings.catch_warnings():
            if not warn:
                warnings.simplefilter("ignore", UnfamiliarFieldsWarning)
            told = rendering.predict_conditioned(self.model, [fields], count, way)
        return here.without_serving(here.answer(told, self._along))
