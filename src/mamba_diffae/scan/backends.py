"""Which backend serves a call: chosen by device and dtype, loaded only when first used."""

import importlib
import importlib.util
import os
import warnings
from functools import cache
from types import ModuleType

import torch

from mamba_diffae.scan.checks import ScanError

MODULES = {"reference": "reference", "cpu": "cpu", "triton": "gpu"}
# Every how many steps the forward pass keeps a state for the backward pass; None: never.
STATE_SPACING = {"reference": None, "cpu": 32, "triton": 32}


def check_name(backend: str) -> None:
    """Refuse an unknown backend with a ScanError."""
    if backend != "auto" and backend not in MODULES:
        raise ScanError(
            f"selective_scan: backend is {backend!r}, expected one of "
            f"{', '.join(map(repr, ('auto', *MODULES)))}. Leave it out to choose by device."
        )


def choose(backend: str, device: str, dtype: torch.dtype) -> str:
    """The backend that serves `device` ("cpu", "cuda", ...) in the compute `dtype`.

    Raises:
        ScanError: If the backend asked for by name cannot.
    """
    if backend == "reference":
        return backend
    wanted = backend if backend != "auto" else {"cpu": "cpu", "cuda": "triton"}.get(device)
    if wanted is None:
        reason = f"no fast kernel exists for device type {device!r}"
    else:
        reason = _obstacle(wanted, device, dtype)
    if wanted is not None and reason is None:
        return wanted
    if backend == "auto":
        _warn_once(f"selective_scan runs on its slow reference backend: {reason}.")
        return "reference"
    raise ScanError(
        f"selective_scan: backend {backend!r} cannot serve this call: {reason}. "
        "Use backend='auto' or 'reference'."
    )


def kept_states(backend: str, length: int) -> int:
    """How many states of a sequence the backend's forward pass keeps."""
    spacing = STATE_SPACING[backend]
    return 0 if spacing is None else (length + spacing - 1) // spacing


def load(backend: str) -> ModuleType:
    """The backend's module, with `forward` and `backward`."""
    return importlib.import_module(f"mamba_diffae.scan.{MODULES[backend]}")


def _obstacle(backend: str, device: str, dtype: torch.dtype) -> str | None:
    package = {"cpu": "numba", "triton": "triton"}[backend]
    if dtype == torch.float64:
        return "an input is float64, which only the reference computes (float32 is fast)"
    if not _installed(package):
        return f"the package {package!r} is not installed"
    if backend == "cpu" and os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0"):
        return "Numba's compiler is switched off (NUMBA_DISABLE_JIT)"
    if backend == "cpu" and (fault := _numba_fault()) is not None:
        return f"Numba does not start ({fault})"
    if backend == "triton" and device == "cpu" and _interpreting():
        return None
    serves = {"cpu": "cpu", "triton": "cuda"}[backend]
    return None if device == serves else f"it runs on {serves} tensors, these are on {device}"


def _interpreting() -> bool:
    """Whether Triton runs kernels on CPU tensors in its interpreter (for tests)."""
    return os.environ.get("TRITON_INTERPRET", "0") == "1"


@cache
def _installed(package: str) -> bool:
    return importlib.util.find_spec(package) is not None


@cache
def _numba_fault() -> str | None:
    """What keeps Numba from starting, such as NUMBA_NUM_THREADS=0; None if it does."""
    try:
        importlib.import_module("numba")
    except Exception as error:  # of many kinds
        return f"{type(error).__name__}: {error}"
    return None


@cache
def _warn_once(message: str) -> None:
    warnings.warn(message, stacklevel=2)
