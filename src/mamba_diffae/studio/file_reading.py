"""How a file of a person's own was read: in a sentence, and as lines of Python that read it so."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import final

from mamba_diffae.benchmark.opened_model import OpenedModel
from mamba_diffae.fields import FieldData, Shape
from mamba_diffae.fields.cf.writing import NETCDF
from mamba_diffae.sources.array_files import SUFFIXES as ARRAYS
from mamba_diffae.sources.decoding import SUFFIXES as PICTURES
from mamba_diffae.sources.decoding import read_shape

_MDA = "import mamba_diffae as mda"


def how_read(opened: OpenedModel, file: Path, data: FieldData) -> str:
    """What was done to fields as they were read; "" if nothing.

    Args:
        opened: The model that took them.
        file: That holds them.
        data: As the model takes them.
    """
    kind, grid = file.suffix.lower(), opened.estimator.grid
    if kind in PICTURES:
        pixels = read_shape(file, file.name)
        size = f"{_times(pixels)} pixels (rows × columns)"
        cut = math.prod(pixels) > math.prod(data.shape) and _aspect(pixels) != _aspect(data.shape)
        part = "The central part of the picture" if cut else "The picture"
        if min(n / m for n, m in zip(pixels, data.shape, strict=True)) >= 1.01:
            return f"{part} of {size} is averaged to {_times(data.shape)}."
        return f"{part} of {size} is shown." if cut else ""
    bare = kind in ARRAYS and data.grid.axes == grid.regrid(data.shape).axes
    if not bare or _aspect(data.shape) == _aspect(grid.shape):
        return ""
    return (
        f"The array of {_times(data.shape)} cells has no coordinates: it is laid over the whole "
        f"region of the model, whose fields have {_times(grid.shape)} cells."
    )


def _aspect(shape: Shape) -> float:
    return shape[0] / shape[1]


def _times(shape: Shape) -> str:
    return " × ".join(map(str, shape))


@final
@dataclass(frozen=True)
class FileLines:
    """Lines of Python that read a file as a page shows it.

    Attributes:
        imports: Those that the lines need, `mamba_diffae as mda` among them.
        data: The fields, where `model` is the model.
    """

    imports: tuple[str, ...]
    data: str

    @classmethod
    def of(cls, file: str, data: FieldData, model: str) -> FileLines:
        """Of a file.

        Args:
            file: Its name.
            data: Its fields, as the model takes them.
            model: Name of the model.
        """
        kind = Path(file).suffix.lower()
        if kind in NETCDF:
            options = f"variable={[v.name for v in data.variables]}"
            if data.covariates is not None:
                options += f", covariates={list(data.covariates.names)}"
            return cls((_MDA,), f"mda.open_field({file!r}, {options})")
        if kind in PICTURES:
            shown = f"open_picture({file!r}, {data.shape})[None]"
            made = f"mda.FieldData(model.variables, model.grid.regrid({data.shape}), {shown})"
            return cls((_MDA, "from mamba_diffae.sources import open_picture"), made)
        if kind == ".npy":
            cells = ", ".join(map(str, (*data.shape, data.n_variables)))
            values = f"np.load({file!r}).reshape(-1, {cells})"
            axes = f"model.grid.regrid({data.shape})"
            made = f"from_array({values}, variables=model.variables, axes={axes})"
            imports = "import numpy as np\n", _MDA, "from mamba_diffae.sources import from_array"
            return cls(imports, made)
        return cls(  # what a .npz file says of its axes, and whether it holds one field
            (
                "from pathlib import Path\n",
                _MDA,
                "from mamba_diffae.benchmark.opened_model import OpenedModel",
            ),
            f"OpenedModel.open({model!r}, 'auto').input(Path({file!r}))",
        )
