"""Nothing to scan: no points, or no fields. Outputs are empty, gradients zero, a state stays."""

import pytest
import torch
from scan_cases import cast, draw, results

from mamba_diffae.scan import selective_scan

BACKENDS = ["reference", "cpu", "triton"]
pytestmark = [
    pytest.mark.parametrize("backend", BACKENDS),
    pytest.mark.parametrize(("batch", "length"), [(2, 0), (0, 5), (0, 0)]),
]


@pytest.fixture(autouse=True)
def triton_where_it_is(request):
    if request.getfixturevalue("backend") == "triton":
        pytest.importorskip("triton")
        import triton.language as tl
        from triton.runtime.interpreter import InterpretedFunction

        if not isinstance(tl.sum, InterpretedFunction):
            pytest.skip("these tensors are on the CPU, and Triton does not interpret")


@pytest.mark.parametrize("left_out", [(), ("D", "step", "order")])
@pytest.mark.parametrize("K", [1, 2])
def test_output_and_gradients(backend, batch, length, K, left_out):
    order = {"order": torch.arange(length).expand(K, -1)} if left_out and K > 1 else {}
    drawn = draw(batch, length, 4, 3, K=K, **dict.fromkeys(left_out) | order)
    inputs = cast(drawn, torch.float32)
    got = results(inputs, torch.ones(batch, length, 4), backend=backend)
    assert got["y"].shape == (batch, length, 4)
    for name in got.keys() - {"y"}:
        assert torch.equal(got[name], torch.zeros_like(inputs[name])), name
    with torch.no_grad():
        assert selective_scan(**inputs, backend=backend).shape == (batch, length, 4)


def test_the_state_stays(backend, batch, length):
    inputs = cast(draw(batch, length, 4, 3), torch.float32)
    state = torch.randn(batch, 4, 3)
    options = {"return_last_state": True, "backend": backend}
    y, h = selective_scan(**inputs, initial_state=state, **options)
    assert y.shape == (batch, length, 4)
    assert torch.equal(h, state)
    y, h = selective_scan(**inputs, **options)
    assert torch.equal(h, torch.zeros_like(state))


def test_constant_weights(backend, batch, length):
    inputs = cast(draw(batch, length, 4, 3, B=torch.ones(4, 3)), torch.float32)
    state = torch.randn(batch, 4, 3)
    options = {"return_last_state": True, "backend": backend}
    y, h = selective_scan(**inputs, initial_state=state, **options)
    assert y.shape == (batch, length, 4)
    assert torch.equal(h, state)
