"""The simple methods by name: those of the package, and those of others."""

from __future__ import annotations

import inspect
from importlib import import_module

from mamba_diffae.evaluation.baselines.base import Baseline
from mamba_diffae.registry import Registry

_HOME = "mamba_diffae.evaluation.baselines"
BASELINES: Registry[type[Baseline]] = Registry(
    "baseline",
    "mamba_diffae.baselines",
    {
        "nearest": f"{_HOME}.nearest:Nearest",
        "inverse-distance": f"{_HOME}.inverse_distance:InverseDistance",
        "linear": f"{_HOME}.linear:Linear",
        "thin-plate-spline": f"{_HOME}.thin_plate_spline:ThinPlateSpline",
        "kriging": f"{_HOME}.kriging:Kriging",
        "gappy-pod": f"{_HOME}.gappy_pod:GappyPOD",
    },
)
"""Classes by key, in display order; other packages add theirs as entry points of this group."""


def classical_baselines(*, with_std: bool = True) -> list[Baseline]:
    """The methods of this package in display order, not fitted.

    Args:
        with_std: Whether kriging and gappy POD compute their standard deviation too, which takes
            longer.
    """
    from mamba_diffae.evaluation.baselines.gappy_pod import GappyPOD
    from mamba_diffae.evaluation.baselines.inverse_distance import InverseDistance
    from mamba_diffae.evaluation.baselines.kriging import Kriging
    from mamba_diffae.evaluation.baselines.linear import Linear
    from mamba_diffae.evaluation.baselines.nearest import Nearest
    from mamba_diffae.evaluation.baselines.thin_plate_spline import ThinPlateSpline

    interpolators = [Nearest(), InverseDistance(), Linear(), ThinPlateSpline()]
    return [*interpolators, Kriging(with_std), GappyPOD(with_std=with_std)]


def find_baseline(name: str) -> Baseline:
    """A method, not fitted, by its key or by the path of its class.

    >>> find_baseline("inverse-distance").name
    'inverse distance'

    Args:
        name: A key of `BASELINES`, or "package.module:Class", which is imported.

    Raises:
        ValueError: If there is no such method, or the class is no `Baseline` that can be made
            without arguments.
    """
    part = _imported(name) if ":" in name else BASELINES.get(name)
    if not (inspect.isclass(part) and issubclass(part, Baseline)) or inspect.isabstract(part):
        raise ValueError(
            f"The baseline {name!r} is no class that implements `predict` of "
            "mamba_diffae.evaluation.Baseline; derive it from there."
        )
    try:
        return part()
    except TypeError as error:
        raise ValueError(
            f"The baseline {name!r} cannot be made without arguments ({error}); give each of them "
            "a default."
        ) from error


def _imported(path: str) -> object:
    module, _, attribute = path.partition(":")
    try:
        return getattr(import_module(module), attribute)
    except ImportError as error:
        raise ValueError(
            f"The baseline {path!r} cannot be imported ({error}); expected package.module:Class, "
            "of a package that is installed or on PYTHONPATH."
        ) from error
    except AttributeError as error:
        raise ValueError(f"The module {module!r} has no class {attribute!r}.") from error
