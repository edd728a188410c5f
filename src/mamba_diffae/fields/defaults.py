"""Defaults of torch and NumPy that others may have changed: the package computes under its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from types import FunctionType
from typing import TypeVar

import numpy as np
import torch

T = TypeVar("T")


@contextmanager
def own_defaults() -> Iterator[None]:
    """Compute as after a plain import, whatever a user or another library has set before.

    That is torch's default type (float32) and device (CPU), gradients on and automatic casts off,
    and NumPy's answer to overflows (a warning); all of it is put back at the end.

    >>> torch.set_default_dtype(torch.float64)
    >>> with own_defaults():
    ...     torch.ones(1).dtype
    torch.float32
    >>> torch.ones(1).dtype
    torch.float64
    >>> torch.set_default_dtype(torch.float32)
    """
    dtype, device = torch.get_default_dtype(), torch.get_default_device()
    torch.set_default_dtype(torch.float32)
    try:
        with (
            nullcontext() if device.type == "cpu" else torch.device("cpu"),
            torch.enable_grad(),
            torch.autocast("cpu", enabled=False),
            torch.autocast("cuda", enabled=False),
            np.errstate(divide="warn", over="warn", under="ignore", invalid="warn"),
        ):
            yield
    finally:
        torch.set_default_dtype(dtype)


def under_own_defaults(kind: type[T]) -> type[T]:
    """Let the public methods of a class run under `own_defaults`; properties stay as they are."""
    for name, member in list(vars(kind).items()):
        if name.startswith("_"):
            continue
        if isinstance(member, FunctionType):
            setattr(kind, name, own_defaults()(member))
        elif isinstance(member, classmethod):
            setattr(kind, name, classmethod(own_defaults()(member.__func__)))
    return kind
