"""One scan in the canonical layout, also under `torch.func`: grad, vjp, jacrev, vmap.

A custom op with registered autograd is refused by `torch.func.grad`, in PyTorch 2.13 still
(https://github.com/pytorch/pytorch/issues/168393). An `autograd.Function` around it is not; it is
used while such a transform is active.
"""

# An autograd.Function names the arguments of its own forward pass and returns what that returns.
# pyright: reportIncompatibleMethodOverride=false

from functools import partial
from typing import Any, final

import torch
from torch import Tensor
from torch._C._functorch import is_batchedtensor
from torch.autograd import forward_ad

from mamba_diffae.scan import batching, op
from mamba_diffae.scan.inputs import ScanInputs


def scan_points(inputs: ScanInputs, backend: str) -> Tensor:
    """Output y (B, L, D) of the inputs in canonical layout, differentiable, in x's dtype."""
    if _is_eager(inputs):
        return op.run(inputs, backend, keep_states=False)[0]
    y, _ = _run(*inputs, backend, False)
    return y


def _is_eager(inputs: ScanInputs) -> bool:
    """Whether plain tensors are asked for, without gradients, and nothing traces the call.

    The first call of a custom op loads the compiler: more than a second of each new process.
    """
    if torch.is_grad_enabled() or forward_ad._current_level >= 0:
        return False
    if torch.compiler.is_compiling() or torch._C._get_tracing_state() is not None:
        return False
    if torch._C._are_functorch_transforms_active() or torch._C._len_torch_dispatch_stack():
        return False
    return all(type(z) in (Tensor, torch.nn.Parameter) for z in inputs if isinstance(z, Tensor))


def _run(*args: Any) -> tuple[Tensor, Tensor]:
    """The op, keeping states if gradients are wanted; a Function around it in a transform."""
    *arguments, keep_states = args
    if forward_ad._current_level >= 0:
        _refuse_tangents(arguments)
    keep_states = keep_states or (
        torch.is_grad_enabled()
        and any(isinstance(z, Tensor) and z.requires_grad for z in arguments)
    )
    if torch._C._are_functorch_transforms_active():
        return _apply(TransformedScan, *arguments, keep_states)
    return op._scan(*arguments, keep_states)


def _refuse_tangents(arguments: list[Any]) -> None:
    """Forward mode would lose the tangents in an op that has none, without a word."""
    # vmap hides the tangents of a batched tensor; they show when its rule calls again.
    tensors = (z for z in arguments if isinstance(z, Tensor) and not is_batchedtensor(z))
    if any(forward_ad.unpack_dual(z).tangent is not None for z in tensors):
        raise RuntimeError(
            "selective_scan has no forward-mode derivative; forward_ad, torch.func.jvp, jacfwd or "
            "hessian asked for one. Use reverse mode: backward, or torch.func.grad, vjp or jacrev."
        )


def _apply(function: type[torch.autograd.Function], *args: Any) -> Any:
    """Apply a Function; the compiler, which fails inside of these, is told to leave it out."""
    # Only then: as a decorator `disable` would load the compiler with this module.
    if torch.compiler.is_compiling():
        return torch.compiler.disable(function.apply)(*args)
    return function.apply(*args)


@final
class TransformedScan(torch.autograd.Function):
    """The scan under a transform of `torch.func`."""

    @staticmethod
    def forward(*args: Any) -> tuple[Tensor, Tensor]:
        """Output and the states kept, as the op returns them."""
        return op._scan(*args)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
        """Keep what the backward pass reads."""
        op.save_for_backward(ctx, inputs, output)

    @staticmethod
    def backward(ctx: Any, dy: Tensor | None, _: Tensor | None) -> tuple[Tensor | None, ...]:
        """The gradient of every argument."""
        return op.gradients(ctx, dy, partial(_apply, TransformedBackward))

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None, ...], *args: Any) -> Any:
        """All samples in one call where A and D are shared, else a call for each."""
        # A sample does not show that its gradient is wanted, the samples together do: `_run` asks.
        return batching.folded_scan(_run)(info, in_dims, *args)


@final
class TransformedBackward(torch.autograd.Function):
    """The backward pass of `TransformedScan`."""

    @staticmethod
    def forward(*args: Any) -> tuple[Tensor, ...]:
        """Gradients for x, dt, A, B, C, D and step, empty where not given."""
        return op._scan_backward(*args)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
        """Keep nothing."""

    @staticmethod
    def backward(ctx: Any, *dy: Any) -> None:
        """Refused: the scan has first derivatives only."""
        op.refuse_second_derivative(ctx, *dy)

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None, ...], *args: Any) -> Any:
        """A call for each sample: the gradients of A and D would be summed otherwise."""
        return batching.looped(partial(_apply, TransformedBackward))(info, in_dims, *args)


# For the ops called by themselves, as an exported program does.
op._scan.register_vmap(batching.folded_scan(op._scan))
op._scan_backward.register_vmap(batching.looped(op._scan_backward))
