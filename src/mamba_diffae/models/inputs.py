"""What a network is asked with, and what no network should see."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from mamba_diffae.fields import check_coords
from mamba_diffae.models.base import FieldFlow


class Noise(NamedTuple):
    """The noise of a draw: at the queries, shape (B, N, C), and at the anchors, (B, A, C)."""

    queries: Tensor
    anchors: Tensor


class Inputs(NamedTuple):
    """Checked observations: `coords` (B, L, D), `values` (B, L, C), scaled, and `mask` (B, L)."""

    coords: Tensor
    values: Tensor
    mask: Tensor


def check_inputs(
    net: FieldFlow,
    query_coords: Tensor,
    input_coords: Tensor,
    input_values: Tensor,
    input_mask: Tensor | None,
) -> Inputs:
    """Refuse what no network should see, before any work; see `reconstruct`."""
    D, C = net.config.coord_dim, net.config.value_dim
    check_query(net, query_coords, len(input_coords))
    if input_mask is None:
        input_mask = torch.ones(
            input_coords.shape[:-1], dtype=torch.bool, device=input_coords.device
        )
    kind = next(net.parameters()).dtype
    check_tensor("input_coords", input_coords, (len(query_coords), None, D), kind)
    check_tensor("input_values", input_values, (*input_coords.shape[:2], C), kind)
    check_tensor("input_mask", input_mask, tuple(input_coords.shape[:2]), torch.bool)
    if not input_mask.any(dim=1).all():
        blind = (~input_mask.any(dim=1)).nonzero().flatten().tolist()
        raise ValueError(f"Fields {blind[:8]} have no observation at all; give each at least one.")
    check_coords(input_coords[input_mask], "input_coords")
    bad = ~torch.isfinite(input_values[input_mask])
    if bad.any():
        raise ValueError(
            f"input_values: {int(bad.sum())} of {bad.numel()} are NaN or infinite; mark those "
            "points False in input_mask or leave them out."
        )
    coords = torch.where(input_mask[..., None], input_coords, 0.5)
    values = torch.where(input_mask[..., None], input_values, 0.0)
    return Inputs(coords, values, input_mask)


def check_query(net: FieldFlow, query_coords: Tensor, batch: int) -> None:
    """Refuse places to ask at that are no coordinates of this network's, for so many fields."""
    kind = next(net.parameters()).dtype
    check_tensor("query_coords", query_coords, (batch, None, net.config.coord_dim), kind)
    check_coords(query_coords, "query_coords")


def check_tensor(
    name: str, tensor: Tensor, expected: tuple[int | None, ...], kind: torch.dtype
) -> None:
    """Refuse a tensor of another shape (None: any size) or another dtype, by its name."""
    sizes = zip(tensor.shape, expected, strict=False)
    if tensor.ndim != len(expected) or any(e is not None and e != n for n, e in sizes):
        wanted = ", ".join("N" if e is None else str(e) for e in expected)
        raise ValueError(
            f"{name} has shape {tuple(tensor.shape)}; this network and the other arguments need "
            f"({wanted}), fields first."
        )
    if tensor.dtype != kind:
        raise ValueError(
            f"{name} is of {tensor.dtype}; expected {kind}: convert it with {name}.to({kind})."
        )


def check_state(net: FieldFlow, query_coords: Tensor, state: Noise) -> None:
    """Refuse values at the queries or the anchors that do not fit them."""
    B, N, C = *query_coords.shape[:2], net.config.value_dim
    expected = {"queries": (B, N, C), "anchors": (B, len(net.anchors), C)}
    for (name, shape), tensor in zip(expected.items(), state, strict=True):
        check_tensor(f"The state at the {name}", tensor, shape, query_coords.dtype)
        if not torch.isfinite(tensor).all():
            raise ValueError(
                f"The state at the {name} holds NaN or infinite values; the flow needs a number at "
                "every point: leave unknown queries out."
            )
