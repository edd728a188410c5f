"""The scan under `torch.func` and `torch.vmap`: against a loop over the samples."""

import pytest
import torch
from scan_cases import cast, draw
from torch.autograd import forward_ad

from mamba_diffae.scan import selective_scan
from mamba_diffae.scan.op import _scan

BACKENDS = ["reference", "cpu"]
SAMPLES = 5
POINTS = ("x", "dt", "B", "C", "step", "order")
NAMES = ("x", "dt", "A", "B", "C", "D", "step", "order")
SIZES = {"length": 40, "channels": 5, "states": 3, "K": 2}


def draw_samples(mapped, batch=2):
    """For each name a stack of SAMPLES tensors if it is `mapped`, else one; and the in_dims."""
    drawn = [cast(draw(batch, **SIZES, seed=seed), torch.float32) for seed in range(SAMPLES)]
    tensors = tuple(
        torch.stack([one[name] for one in drawn]) if name in mapped else drawn[0][name]
        for name in NAMES
    )
    return tensors, tuple(0 if name in mapped else None for name in NAMES)


def sample(tensors, in_dims, i):
    return tuple(
        z if dim is None else z.select(dim, i) for z, dim in zip(tensors, in_dims, strict=True)
    )


def scan(backend, **options):
    def run(*tensors):
        return selective_scan(**dict(zip(NAMES, tensors, strict=True)), backend=backend, **options)

    return run


def loss(backend, **options):
    def run(*tensors):
        return scan(backend, **options)(*tensors).square().mean()

    return run


def loop(function, tensors, in_dims):
    """The function of every sample, results stacked."""
    results = [function(*sample(tensors, in_dims, i)) for i in range(SAMPLES)]
    if isinstance(results[0], tuple):
        return tuple(map(torch.stack, zip(*results, strict=True)))
    return torch.stack(results)


@pytest.mark.parametrize(
    "mapped",
    [POINTS, ("x",), ("order",), ("dt", "C"), ("B", "step"), ("A",), ("x", "D"), NAMES],
    ids="-".join,
)
@pytest.mark.parametrize("backend", BACKENDS)
def test_vmap(backend, mapped):
    tensors, in_dims = draw_samples(mapped)
    got = torch.vmap(scan(backend), in_dims)(*tensors)
    torch.testing.assert_close(got, loop(scan(backend), tensors, in_dims))


def test_vmap_over_another_axis_and_in_two_levels():
    tensors, in_dims = draw_samples(("x",))
    expected = loop(scan("cpu"), tensors, in_dims)
    x, *others = tensors
    last = torch.vmap(scan("cpu"), (3, *in_dims[1:]), out_dims=3)(x.movedim(0, 3), *others)
    torch.testing.assert_close(last.movedim(3, 0), expected)
    inner = torch.vmap(scan("cpu"), in_dims)
    twice = torch.vmap(inner, (0, *(None,) * 7))(torch.stack([x, 2 * x]), *others)
    torch.testing.assert_close(twice[0], expected)
    torch.testing.assert_close(twice[1], 2 * expected)


def test_vmap_with_an_order_for_all_fields():
    order = torch.stack([torch.stack([torch.randperm(7) for _ in "ab"]) for _ in range(SAMPLES)])
    inputs = cast(draw(2, 7, 5, 3, K=2, order=None), torch.float32)
    got = torch.vmap(lambda z: selective_scan(**inputs, order=z))(order)
    expected = torch.stack([selective_scan(**inputs, order=z) for z in order])
    torch.testing.assert_close(got, expected)
    both = torch.vmap(lambda x: selective_scan(**(inputs | {"x": x}), order=order[0]))
    torch.testing.assert_close(both(inputs["x"][None])[0], selective_scan(**inputs, order=order[0]))


@pytest.mark.parametrize("step_input", [False, True])
@pytest.mark.parametrize("mapped", [POINTS, ("x",), NAMES], ids="-".join)
@pytest.mark.parametrize("backend", BACKENDS)
def test_gradients_of_each_sample(backend, mapped, step_input):
    tensors, in_dims = draw_samples(mapped, batch=1)
    grad = torch.func.grad(loss(backend, step_input=step_input), argnums=tuple(range(7)))
    got = torch.vmap(grad, in_dims)(*tensors)
    torch.testing.assert_close(got, loop(grad, tensors, in_dims), rtol=1e-4, atol=1e-6)


def leaf_gradients(backend, tensors):
    leaves = [z.detach().clone().requires_grad_() for z in tensors[:7]]
    return torch.autograd.grad(loss(backend)(*leaves, tensors[7]), leaves)


@pytest.mark.parametrize("backend", BACKENDS)
def test_grad_is_autograd(backend):
    tensors, _ = draw_samples(())
    got = torch.func.grad(loss(backend), argnums=tuple(range(7)))(*tensors)
    torch.testing.assert_close(got, leaf_gradients(backend, tensors), rtol=0, atol=0)
    _, pull_back = torch.func.vjp(lambda *z: loss(backend)(*z, tensors[7]), *tensors[:7])
    torch.testing.assert_close(pull_back(torch.ones(())), got, rtol=0, atol=0)


@pytest.mark.parametrize("mapped", [POINTS, NAMES], ids="-".join)
@pytest.mark.parametrize("backend", BACKENDS)
def test_gradients_through_vmap(backend, mapped):
    """The states for the backward pass are kept, though a sample shows no wish for a gradient."""
    tensors, in_dims = draw_samples(mapped)

    def total(*tensors):
        return torch.vmap(loss(backend), in_dims)(*tensors).sum()

    def by_hand(*tensors):
        return sum(loss(backend)(*sample(tensors, in_dims, i)) for i in range(SAMPLES))

    places = tuple(range(7))
    expected = torch.func.grad(by_hand, argnums=places)(*tensors)
    got = torch.func.grad(total, argnums=places)(*tensors)
    torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-6)
    leaves = [z.detach().clone().requires_grad_() for z in tensors[:7]]
    plain = torch.autograd.grad(total(*leaves, tensors[7]), leaves)
    torch.testing.assert_close(plain, expected, rtol=1e-4, atol=1e-6)


def test_jacobian():
    inputs = draw(1, 4, 2, 3, K=2)
    x = inputs.pop("x")
    jacobian = torch.func.jacrev(lambda x: selective_scan(x, **inputs, backend="reference"))(x)
    expected = torch.autograd.functional.jacobian(
        lambda x: selective_scan(x, **inputs, backend="reference"), x
    )
    torch.testing.assert_close(jacobian, expected)


@pytest.mark.parametrize("kind", ["state", "constant", "groups"])
def test_gradients_of_each_sample_of_composed_scans(kind):
    inputs = cast(draw(1, 9, 4, 3), torch.float32)
    x, A = torch.randn(SAMPLES, 1, 9, 4), inputs.pop("A")
    del inputs["x"]
    extra = {
        "state": {"initial_state": torch.randn(1, 4, 3)},
        "constant": {"B": torch.randn(4, 3), "C": torch.randn(4, 3)},
        "groups": {"B": torch.randn(1, 9, 2, 3), "C": torch.randn(1, 9, 2, 3), "groups": 2},
    }
    given = inputs | extra[kind]

    def run(x, A):
        y, h = selective_scan(x, A=A, **given, return_last_state=True, backend="cpu")
        return y.square().mean() + h.square().mean()

    grad = torch.func.grad(run, argnums=(0, 1))
    got = torch.vmap(grad, (0, None))(x, A)
    torch.testing.assert_close(got, loop(grad, (x, A), (0, None)), rtol=1e-4, atol=1e-6)


def test_vmap_of_the_op_itself():
    """As an exported program calls it."""
    inputs = cast(draw(2, 40, 5, 3), torch.float32)
    others = [inputs[name] for name in ("dt", "A", "B", "C", "D", "step", "order")]
    dt, A, B, C, D, step, order = others
    x = torch.randn(SAMPLES, 2, 40, 5)

    def run(x):
        weights = (z.unsqueeze(1) for z in (B, C))
        tensors = (x, dt.unsqueeze(1), A[None], *weights, D, step.unsqueeze(1), order)
        return _scan(*tensors, False, "cpu", True)

    for got, expected in zip(torch.vmap(run)(x), zip(*map(run, x), strict=True), strict=True):
        torch.testing.assert_close(got, torch.stack(expected))


def test_the_compiler_leaves_transforms_out():
    tensors, in_dims = draw_samples(("x",), batch=1)
    mapped = torch.vmap(scan("cpu"), in_dims)
    of_samples = torch.vmap(torch.func.grad(loss("cpu"), argnums=2), in_dims)
    of_sum = torch.func.grad(lambda *z: mapped(*z).sum(), argnums=(0, 2))
    for function in (mapped, of_samples, of_sum):
        compiled = torch.compile(function, backend="aot_eager")
        torch.testing.assert_close(compiled(*tensors), function(*tensors))


def test_second_derivatives_are_refused():
    inputs = cast(draw(1, 4, 2, 2), torch.float32)
    x = inputs.pop("x")
    grad = torch.func.grad(lambda x: selective_scan(x, **inputs).square().sum())
    with pytest.raises(RuntimeError, match="first derivatives only"):
        torch.func.grad(lambda x: grad(x).sum())(x)


def forward_mode(run, x):
    with forward_ad.dual_level():
        return run(forward_ad.make_dual(x, x))


@pytest.mark.parametrize(
    "transform",
    [
        forward_mode,
        lambda run, x: torch.func.jvp(run, (x,), (x,)),
        lambda run, x: torch.func.jacfwd(run)(x),
        lambda run, x: torch.func.jvp(torch.vmap(run), (x[None],), (x[None],)),
    ],
    ids=["forward_ad", "jvp", "jacfwd", "jvp of vmap"],
)
def test_forward_mode_is_refused(transform):
    """PyTorch alone would return a derivative of zero."""
    inputs = cast(draw(1, 4, 2, 2), torch.float32)
    x = inputs.pop("x")
    with pytest.raises(RuntimeError, match="no forward-mode derivative"):
        transform(lambda x: selective_scan(x, **inputs), x)
