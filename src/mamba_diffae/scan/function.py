"""`selective_scan`: the public function."""

from typing import Literal, overload

from torch import Tensor

from mamba_diffae.scan import backends
from mamba_diffae.scan.checks import check_arguments, check_one_direction, check_permutations
from mamba_diffae.scan.inputs import ScanInputs
from mamba_diffae.scan.transforms import scan_points
from mamba_diffae.scan.weights import scan_groups


@overload
def selective_scan(
    x: Tensor,
    dt: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor | None = None,
    *,
    step: Tensor | None = None,
    step_input: bool = False,
    order: Tensor | None = None,
    initial_state: Tensor | None = None,
    return_last_state: Literal[False] = False,
    groups: int = 1,
    backend: str = "auto",
    validate: bool = False,
) -> Tensor: ...


@overload
def selective_scan(
    x: Tensor,
    dt: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor | None = None,
    *,
    step: Tensor | None = None,
    step_input: bool = False,
    order: Tensor | None = None,
    initial_state: Tensor | None = None,
    return_last_state: Literal[True],
    groups: int = 1,
    backend: str = "auto",
    validate: bool = False,
) -> tuple[Tensor, Tensor]: ...


def selective_scan(
    x: Tensor,
    dt: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor | None = None,
    *,
    step: Tensor | None = None,
    step_input: bool = False,
    order: Tensor | None = None,
    initial_state: Tensor | None = None,
    return_last_state: bool = False,
    groups: int = 1,
    backend: str = "auto",
    validate: bool = False,
) -> Tensor | tuple[Tensor, Tensor]:
    """Selective state-space scan over points, in one or several orders, summed.

    Along each direction k, visiting the points p = order[k, 0], order[k, 1], ...:

        h_p = exp(dt_p step_p A) h + dt_p B_p x_p,    y_p = sum_k C_p · h_p + D x_p.

    All tensors are indexed by point, like x, never by position in the scan. A tensor without the
    K axis is shared by all directions. Without `order` there is one direction, the given sequence.
    A point with dt = 0 leaves the state exactly unchanged and adds nothing to it.

    B and C are told apart by their number of axes: two are constant weights of the channels, the
    same at all points; further ones are weights of points. A constant B or C makes channels of the
    states: x, dt and the output are stored N times. A state costs N points in front or behind.

    Args:
        x: Input, shape (B, L, D), B and L may be 0; float32, bfloat16, float16 or float64 (which
            only the reference computes).
        dt: Step size Δ >= 0, shape (B, L, D) or (B, K, L, D).
        A: State decay rates, normally negative, shape (D, N) or (K, D, N), N from 1 to 256.
        B: Input weights of the states, shape (B, L, N) or (B, K, L, N), with `groups` > 1
            (B, L, G, N) or (B, K, L, G, N); or constant, shape (D, N).
        C: Output weights of the states, shapes as of B, independently of it.
        D: Skip weights, shape (D,); D x is added once, not once per direction.
        step: Gap before each point, in units of dt, shape (B, L) or (B, K, L).
        step_input: Whether `step` scales the input as well. False: points are events, only the
            decay between them sees the gap. True: the sum is a quadrature over the gaps, so dense
            clusters do not outvote sparse regions.
        order: Point indices in visiting order, int32 or int64, shape (K, L) or (B, K, L).
        initial_state: State before the first point visited, shape (B, D, N); without it zero.
            For one direction only, like the next.
        return_last_state: Whether to return the state after the last point visited as well.
        groups: Number G of groups of D / G consecutive channels, each with its own B and C; one
            call of the kernel for each.
        backend: "auto", "reference" (any device), "cpu" (Numba) or "triton" (CUDA).
        validate: Check that every direction of `order` is a permutation (reads its values).

    Returns:
        y, shape (B, L, D), in x's dtype; the sums run in float32 (float64 if any input is). With
        `return_last_state` the pair (y, h) of it and the state, shape (B, D, N), in their dtype.

    Raises:
        ScanError: A ValueError, if kinds, devices or shapes do not fit together, a state is asked
            of several directions, `groups` does not divide D, the backend cannot serve the
            inputs, or (`validate`) `order` is no permutation.

    Reference:
        Gu & Dao (2023), Mamba, Algorithm 2 with B discretised as Δ B.
        https://arxiv.org/abs/2312.00752
    """
    given = {"x": x, "dt": dt, "A": A, "B": B, "C": C, "D": D, "step": step, "order": order}
    check_arguments(given | {"initial_state": initial_state}, groups)
    backends.check_name(backend)
    if validate and order is not None:
        check_permutations(order, x.shape[1])
    inputs = ScanInputs(
        x,
        dt if dt.ndim == 4 else dt.unsqueeze(1),
        A if A.ndim == 3 else A.unsqueeze(0),
        _with_directions(B, groups),
        _with_directions(C, groups),
        D,
        step if step is None or step.ndim == 3 else step.unsqueeze(1),
        order if order is None or order.ndim == 3 else order.unsqueeze(0),
        step_input,
    )
    has_state = return_last_state or initial_state is not None
    if groups == 1 and not has_state and B.ndim > 2 and C.ndim > 2:
        return scan_points(inputs, backend)
    if has_state:
        check_one_direction(order)
    y, last = scan_groups(inputs, groups, initial_state, return_last_state, backend)
    return y if last is None else (y, last)


def _with_directions(weights: Tensor, groups: int) -> Tensor:
    """Weights of points with the axis K; constant ones as they are."""
    complete = weights.ndim == 2 or weights.ndim == (4 if groups == 1 else 5)
    return weights if complete else weights.unsqueeze(1)
