"""Bad arguments: a ValueError that names the argument, what it was, what was expected, the mend."""

import re

import pytest
import torch
from scan_cases import cast, draw

from mamba_diffae.scan import ScanError, backends, selective_scan


def refused(*messages, backend="reference", validate=False, **changed):
    inputs = cast(draw(2, 7, 5, 3, K=2, shared=False), torch.float32) | changed
    with pytest.raises(ScanError, match="selective_scan") as caught:
        selective_scan(**inputs, backend=backend, validate=validate)
    for message in messages:
        assert re.search(re.escape(message), str(caught.value)), str(caught.value)


def test_ranks():
    refused("x has shape (2, 7) of rank 2", "(B, L, D)", "transpose", x=torch.ones(2, 7))
    refused("A has shape (5,) of rank 1", "(D, N) or (K, D, N)", A=-torch.ones(5))
    refused("order has shape (7,)", "(K, L) or (B, K, L)", order=torch.arange(7))


@pytest.mark.parametrize(
    ("name", "shape", "expected"),
    [
        ("dt", (2, 5, 7), "(B, L, D) = (2, 7, 5) or (B, K, L, D) = (2, 2, 7, 5)"),
        ("A", (3, 5), "(D, N) = (5, 5)"),
        ("B", (2, 7, 4), "(B, L, N) = (2, 7, 3)"),
        ("C", (2, 3, 7, 3), "(B, K, L, N) = (2, 2, 7, 3)"),
        ("D", (4,), "(D) = (5,)"),
        ("step", (2, 6), "(B, L) = (2, 7)"),
        ("order", (2, 2, 6), "(B, K, L) = (2, 2, 7)"),
        ("order", (3, 2, 7), "(B, K, L) = (2, 2, 7)"),
    ],
)
def test_sizes(name, shape, expected):
    wrong = torch.ones(shape) if name != "order" else torch.zeros(shape, dtype=torch.long)
    if name == "A":
        refused("has shape", **{name: wrong})
    else:
        refused(f"{name} has shape {shape}", expected, **{name: wrong})


def test_directions_need_an_order():
    inputs = draw(2, 7, 5, 3, K=2, shared=False, order=None)
    with pytest.raises(ValueError, match="Without `order` there is one direction"):
        selective_scan(**inputs)


@pytest.mark.parametrize("order", [torch.stack([torch.arange(7)] * 2), torch.zeros(2, 2, 7).long()])
def test_a_state_belongs_to_one_direction(order):
    one = {2: "order=order[k : k + 1]", 3: "order=order[:, k : k + 1]"}[order.ndim]
    message = f"order has shape {tuple(order.shape)}, K = 2 directions", "expected K = 1", one
    refused(*message, order=order, return_last_state=True)
    refused(*message, "add the outputs", order=order, initial_state=torch.ones(2, 5, 3))


def test_shapes_of_a_state():
    expected = "(B, D, N) = (2, 5, 3)", "return_last_state"
    refused("initial_state has shape (2, 3, 5)", *expected, initial_state=torch.ones(2, 3, 5))
    refused("initial_state has shape (5, 3)", *expected, initial_state=torch.ones(5, 3))
    refused("initial_state of shape", "torch.int64", initial_state=torch.ones(2, 5, 3).long())


@pytest.mark.parametrize("groups", [2, 0, -1, 2.5, None])
def test_groups_divide_the_channels(groups):
    refused(f"groups is {groups!r}", "D = 5 channels", "divides D", groups=groups)


def test_shapes_of_grouped_weights():
    weights = torch.ones(2, 7, 5, 3)
    expected = "(B, L, G, N) = (2, 7, 5, 3) or (B, K, L, G, N) = (2, 2, 7, 5, 3) or (D, N) = (5, 3)"
    refused("B has shape (2, 7, 3)", expected, B=torch.ones(2, 7, 3), C=weights, groups=5)
    refused("C has shape (2, 7, 1, 3)", "G is there with groups > 1", C=torch.ones(2, 7, 1, 3))


def test_shapes_of_constant_weights():
    refused("B has shape (7, 3)", "(D, N) = (5, 3)", "the same at all points", B=torch.ones(7, 3))


def test_too_many_states_and_no_channels():
    refused("1 <= N <= 256", A=-torch.ones(5, 257))
    refused("expected D >= 1", x=torch.ones(2, 7, 0))


@pytest.mark.parametrize("name", ["x", "dt", "A", "B", "C", "D", "step"])
def test_integers_are_no_values(name):
    inputs = draw(2, 7, 5, 3, K=2, shared=False)
    refused(f"{name} of shape", "torch.int64", f"{name}.float()", **{name: inputs[name].long()})


def test_orders_are_integers():
    order = torch.zeros(2, 7)
    refused("order of shape (2, 7) has dtype torch.float32", "order.long()", order=order)


def test_devices():
    refused(
        "D of shape (5,) is on meta", "expected the device of x, cpu", D=torch.ones(5).to("meta")
    )


def test_tensors_are_expected():
    refused("D is a float, expected a torch.Tensor", D=1.0)


def test_permutations_when_asked():
    order = torch.stack([torch.arange(7), torch.arange(7).flip(0)])
    inputs = cast(draw(2, 7, 5, 3, K=2, order=order), torch.float32)
    selective_scan(**inputs, backend="reference", validate=True)
    order[1, 3] = 0
    refused("no permutation of the 7 points at [1]", "argsort", order=order, validate=True)
    per_field = order.expand(2, 2, 7).clone()
    per_field[0, 1] = torch.arange(7)
    refused("at [1, 1]", order=per_field, validate=True)


def test_backends(monkeypatch):
    refused("backend is 'cuda'", "'triton'", backend="cuda")
    double = torch.ones(2, 7, 5, dtype=torch.float64)
    refused("cannot serve this call", "float32 is fast", backend="cpu", x=double)
    monkeypatch.setattr(backends, "_interpreting", lambda: False)
    refused("cannot serve this call", "runs on cuda tensors", backend="triton")


def test_auto_falls_back_with_one_warning(monkeypatch, recwarn):
    backends._warn_once.cache_clear()
    monkeypatch.setattr(backends, "_installed", lambda package: package != "numba")
    inputs = cast(draw(1, 3, 2, 2), torch.float32)
    expected = selective_scan(**inputs, backend="reference")
    for _ in range(3):
        assert torch.equal(selective_scan(**inputs), expected)
    assert [str(warning.message) for warning in recwarn] == [
        "selective_scan runs on its slow reference backend: the package 'numba' is not installed."
    ]
    backends._warn_once.cache_clear()
