"""The rules of `torch.vmap` for the scan: samples folded into the batch, or one call for each."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

Rule = Callable[..., tuple[tuple[Tensor, ...], tuple[int, ...]]]

A, D, ORDER = 2, 5, 7  # places of the tensors without a batch axis of their own, and of order
TENSORS = 8  # x, dt, A, B, C, D, step and order come first


def folded_scan(scan: Callable) -> Rule:
    """The rule of the forward op: one call, unless A or D differ between the samples."""
    loop = looped(scan)

    def rule(info: Any, in_dims: tuple[int | None, ...], *args: Any) -> Any:
        tensors, options = args[:TENSORS], args[TENSORS:]
        if in_dims[A] is not None or in_dims[D] is not None:
            return loop(info, in_dims, *tensors, *options)
        samples, batch = info.batch_size, _batch(tensors[0], in_dims[0])
        folded = [
            tensor
            if tensor is None or place in (A, D)
            else _folded(tensor, in_dims[place], samples, batch, shared=place == ORDER)
            for place, tensor in enumerate(tensors)
        ]
        results = scan(*folded, *options)
        return tuple(z.unflatten(0, (samples, batch)) for z in results), (0,) * len(results)

    return rule


def looped(op: Callable) -> Rule:
    """The rule of any op: one call for each sample, results stacked along a first axis."""

    def rule(info: Any, in_dims: tuple[int | None, ...], *args: Any) -> Any:
        calls = [
            op(
                *(
                    z if dim is None else z.select(dim, i)
                    for z, dim in zip(args, in_dims, strict=True)
                )
            )
            for i in range(info.batch_size)
        ]
        results = tuple(torch.stack(samples) for samples in zip(*calls, strict=True))
        return results, (0,) * len(results)

    return rule


def _batch(x: Tensor, dim: int | None) -> int:
    """Size of the batch axis that a sample has."""
    return x.shape[0] if dim is None else x.movedim(dim, 0).shape[1]


def _folded(tensor: Tensor, dim: int | None, samples: int, batch: int, *, shared: bool) -> Tensor:
    """The tensor with a batch axis of samples * batch; `shared` may keep an axis of size 1."""
    if dim is None:
        if shared and tensor.shape[0] == 1:
            return tensor
        tensor, dim = tensor.unsqueeze(0), 0
    tensor = tensor.movedim(dim, 0)
    return tensor.expand(samples, batch, *tensor.shape[2:]).flatten(0, 1)
