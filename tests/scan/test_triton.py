"""The Triton kernel: on a card where there is one, else in Triton's interpreter on the CPU."""

import os
import subprocess
import sys

import pytest
import torch
from scan_cases import assert_close, cast, draw, results
from torch import Tensor

from mamba_diffae.scan import selective_scan

pytest.importorskip("triton", reason="Triton is not installed")
import triton.language as tl
from triton.runtime.interpreter import InterpretedFunction

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"

runs_here = pytest.mark.skipif(
    DEVICE == "cpu" and not isinstance(tl.sum, InterpretedFunction),
    reason="no CUDA device, and Triton was imported before TRITON_INTERPRET=1 was set",
)


def moved(inputs, device=DEVICE):
    return {n: v.to(device) if isinstance(v, Tensor) else v for n, v in inputs.items()}


def compare(inputs, tolerance=2e-6, **options):
    inputs = cast(inputs, torch.float32)
    dy = torch.randn(inputs["x"].shape, generator=torch.Generator().manual_seed(1))
    expected = results(cast(inputs, torch.float64), dy, backend="reference", **options)
    got = results(moved(inputs), dy.to(DEVICE), backend="triton", **options)
    assert_close(moved(got, "cpu"), expected, tolerance)


@runs_here
@pytest.mark.parametrize(
    ("batch", "length", "channels", "states"),
    [
        (1, 1, 1, 1),
        (2, 3, 3, 5),  # odd N, channels that are no power of two
        (1, 34, 2, 2),  # beyond the first kept state
        (1, 2, 70, 16),  # two blocks of channels
        (1, 2, 3, 256),  # the largest N
    ],
)
@pytest.mark.parametrize("shared", [False, True])
def test_shapes(batch, length, channels, states, shared):
    compare(draw(batch, length, channels, states, K=2, shared=shared), step_input=shared)


@runs_here
def test_without_options_and_with_zero_steps():
    inputs = draw(2, 5, 3, 4, D=None, step=None, order=None)
    inputs["dt"][:, 1::2] = 0
    compare(inputs)


@runs_here
def test_a_state_that_is_given_and_returned():
    state = torch.randn(2, 3, 2, dtype=torch.float64)
    inputs = cast(draw(2, 4, 3, 2, initial_state=state), torch.float32)
    on_device = moved(inputs)
    got = selective_scan(**on_device, return_last_state=True, backend="triton")
    expected = selective_scan(**inputs, return_last_state=True, backend="reference")
    for result, value in zip(got, expected, strict=True):
        torch.testing.assert_close(result.cpu(), value)


@runs_here
def test_one_order_for_all_fields_one_direction_after_the_other():
    inputs = draw(2, 5, 3, 4, K=3, order=torch.rand(3, 5).argsort(-1))
    torch.use_deterministic_algorithms(True)
    try:
        compare(inputs)
    finally:
        torch.use_deterministic_algorithms(False)


@runs_here
def test_bfloat16_is_float32_inside():
    inputs = cast(draw(1, 5, 3, 4), torch.bfloat16)
    dy = torch.randn(1, 5, 3, dtype=torch.bfloat16)
    got = results(moved(inputs), dy.to(DEVICE), backend="triton")
    assert all(value.dtype == torch.bfloat16 for value in got.values())
    exact = results(cast(inputs, torch.float32), dy, backend="reference")
    assert_close(moved(got, "cpu"), exact, torch.finfo(torch.bfloat16).eps)


@pytest.mark.skipif(DEVICE == "cpu", reason="no CUDA device")
def test_long_sequences_on_the_card():
    compare(draw(2, 4096, 64, 16, K=4), 5e-6)


COMPILE = """
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from mamba_diffae.scan import triton_kernels

fixed = {"STEP_INPUT": True, "SPACING": 32, "DIRECTIONS": 1, "N_TILE": 16, "BLOCK": 64}
sizes = "L D N K dt_b dt_k A_k B_b B_k C_b C_k step_b step_k order_b".split()
for kernel, more in ((triton_kernels.forward, {"KEEP": True}), (triton_kernels.backward, {})):
    constants = fixed | more
    kinds = dict.fromkeys(constants, "constexpr") | dict.fromkeys(sizes, "i32") | {"order": "*i64"}
    signature = {name: kinds.get(name, "*fp32") for name in kernel.arg_names}
    target = GPUTarget("cuda", 90, 32)
    source = ASTSource(kernel, signature, constants)
    triton.compile(source, target=target, options={"num_warps": 1})
"""


@pytest.mark.skipif(sys.platform != "linux", reason="Triton compiles on Linux")
def test_the_kernels_compile_for_a_card_that_is_not_here(tmp_path):
    environment = os.environ | {"TRITON_INTERPRET": "0", "TRITON_CACHE_DIR": str(tmp_path)}
    subprocess.run([sys.executable, "-c", COMPILE], env=environment, check=True, timeout=120)
