"""What no network should see: refused before any work."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from mamba_diffae.fields import CoordinateError, Observations, ShapeError, ValuesError
from mamba_diffae.models.base import FieldFlow, State

_ROUNDING = 1e-4
"""How far beyond the region a coordinate in single precision may lie, of the longest axis."""


def check_observations(
    net: FieldFlow, query_coords: Tensor, observations: Observations
) -> Observations:
    """Observations that suit a network and the places to ask at.

    Args:
        net: Which network.
        query_coords: Shape (B, N, D), inside coordinates.
        observations: Of B fields, inside coordinates and scaled values.

    Returns:
        The same; absent points stand at a place of the region, with values, supports and covariates
        of 0.

    Raises:
        ValueError: If shapes or types disagree, places leave the region, anything is not finite, a
            support or noise is negative, or a field has no observation.
    """
    D, C = net.config.coord_dim, net.config.value_dim
    check_query(net, query_coords, len(observations))
    kind = next(net.parameters()).dtype
    check_tensor("coords", observations.coords, (len(query_coords), None, D), kind)
    check_tensor("values", observations.values, (*observations.coords.shape[:2], C), kind)
    present = observations.present
    if not present.any(dim=1).all():
        blind = (~present.any(dim=1)).nonzero().flatten().tolist()
        raise ValuesError(f"Fields {blind[:8]} have no observation at all; give each at least one.")
    check_region(net, observations.coords[present], "coords")
    bad = ~torch.isfinite(observations.values)
    if bad.any():
        raise ValuesError(
            f"values: {int(bad.sum())} of {bad.numel()} are NaN or infinite; mark those points "
            "False in the mask or leave them out."
        )
    middle = observations.coords.new_tensor(net.config.geometry.extent) / 2
    parts = _beside_values(net, observations)
    places = torch.where(present[..., None], observations.coords, middle)
    return replace(observations, coords=places, **parts)


def _beside_values(net: FieldFlow, observations: Observations) -> dict[str, Tensor]:
    """Support, noise and covariates, those that are given, 0 at absent points."""
    kind, present = next(net.parameters()).dtype, observations.present[..., None]
    parts = {"support": observations.support, "noise": observations.noise}
    if net.config.covariate_dim:
        parts["covariates"] = observations.covariates
        _check_background(net, observations)
    found = {name: torch.where(present, x, 0) for name, x in parts.items() if x is not None}
    config = net.config
    widths = {"support": config.coord_dim, "noise": config.value_dim}
    widths["covariates"] = config.covariate_dim
    for name, x in found.items():
        check_tensor(name, x, (*observations.coords.shape[:2], widths[name]), kind)
        bad = ~torch.isfinite(x) if name == "covariates" else ~(torch.isfinite(x) & (x >= 0))
        if bad.any():
            raise ValuesError(
                f"{name}: {int(bad.sum())} of {bad.numel()} are NaN, infinite or negative, such as "
                f"{float(x[bad][0]):g}; expected finite numbers"
                f"{'' if name == 'covariates' else ', 0 or more'}."
            )
    return found


def _check_background(net: FieldFlow, observations: Observations) -> None:
    """Refuse covariates of whole fields that are others than the network's."""
    if observations.background is None:
        return
    kind, config, values = next(net.parameters()).dtype, net.config, observations.background.values
    expected = (len(observations), *config.native_shape, config.covariate_dim)
    check_tensor("background", values, expected, kind)
    if not values.isfinite().all():
        raise ValuesError(
            f"background: {int((~values.isfinite()).sum())} of {values.numel()} covariates are NaN "
            "or infinite; expected finite numbers."
        )


def check_query(net: FieldFlow, query_coords: Tensor, batch: int) -> None:
    """Refuse places to ask at that are no coordinates of this network's, for so many fields."""
    kind = next(net.parameters()).dtype
    check_tensor("query_coords", query_coords, (batch, None, net.config.coord_dim), kind)
    if not query_coords.shape[1]:
        raise ShapeError("query_coords: there are no points at all; give at least one.")
    check_region(net, query_coords, "query_coords")


def check_region(net: FieldFlow, coords: Tensor, what: str) -> None:
    """Refuse coordinates outside a network's region.

    Raises:
        CoordinateError: It says how many, the first of them, and the region.
    """
    extent = coords.new_tensor(net.config.geometry.extent)
    # NaN fails both comparisons, so it is caught as well.
    inside = (coords >= -_ROUNDING) & (coords <= extent + _ROUNDING)
    if not inside.all():
        bad = float(coords.ravel()[int((inside.ravel() * 1).argmin())])
        region = ", ".join(f"0 to {a:g}" for a in net.config.geometry.extent)
        raise CoordinateError(
            f"{what}: {int((~inside).sum())} coordinates are outside the region ({region}), such "
            f"as {bad:g}; inside coordinates are distances from its corner over its longest side."
        )


def check_tensor(
    name: str, tensor: Tensor, expected: tuple[int | None, ...], kind: torch.dtype
) -> None:
    """Refuse a tensor of another shape (None: any size) or another dtype, by its name."""
    sizes = zip(tensor.shape, expected, strict=False)
    if tensor.ndim != len(expected) or any(e is not None and e != n for n, e in sizes):
        wanted = ", ".join("N" if e is None else str(e) for e in expected)
        raise ShapeError(
            f"{name} has shape {tuple(tensor.shape)}; this network and the other arguments need "
            f"({wanted}), fields first."
        )
    if tensor.dtype != kind:
        raise ShapeError(
            f"{name} is of {tensor.dtype}; expected {kind}: convert it with {name}.to({kind})."
        )


def check_state(net: FieldFlow, query_coords: Tensor, state: State) -> None:
    """Refuse values at the queries or the anchors that do not fit them."""
    B, N, C = *query_coords.shape[:2], net.config.value_dim
    expected = {"queries": (B, N, C), "anchors": (B, len(net.anchors), C)}
    for (name, shape), tensor in zip(expected.items(), state, strict=True):
        check_tensor(f"The state at the {name}", tensor, shape, query_coords.dtype)
        if not torch.isfinite(tensor).all():
            raise ValuesError(
                f"The state at the {name} holds NaN or infinite values; the flow needs a number at "
                "every point: leave unknown queries out."
            )
