"""What a user would pick instead of `selective_scan`, at the same width, ready to be timed.

Each peer is made from a size and returns a call without arguments and the tensors to differentiate.
"""

import importlib
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from mamba_diffae.scan import selective_scan

HEAD = 64  # channels of an attention or SSD head
CHUNK = 64  # of the chunked SSD

Pair = tuple[Tensor, Tensor]


class Size(NamedTuple):
    """A field of L points and D channels, B of them, with N states a channel."""

    batch: int
    length: int
    channels: int
    states: int = 16

    def __str__(self) -> str:
        return f"{self.batch}, {self.length}, {self.channels}"


class Call(NamedTuple):
    """A forward pass to be timed, and what its gradient is taken for."""

    forward: Callable[[], Tensor]
    leaves: tuple[Tensor, ...]


def scan_inputs(size: Size, device: str) -> tuple[Tensor, ...]:
    """x, dt, A, B, C and D as Mamba starts with: dt from 1e-3 to 0.1, A from -1 to -N."""
    generator = torch.Generator().manual_seed(0)
    batch, length, channels, states = size
    x = torch.randn(batch, length, channels, generator=generator)
    dt = torch.exp(torch.empty_like(x).uniform_(-6.9, -2.3, generator=generator))
    A = -torch.arange(1.0, states + 1).expand(channels, states).contiguous()
    B, C = (torch.randn(batch, length, states, generator=generator) for _ in "BC")
    tensors = (x, dt, A, B, C, torch.ones(channels))
    return tuple(tensor.to(device).requires_grad_() for tensor in tensors)


def ours(size: Size, device: str) -> Call:
    leaves = scan_inputs(size, device)
    return Call(lambda: selective_scan(*leaves), leaves)


def directions(size: Size, device: str, K: int = 4) -> Call:
    """K orders in one call, each with its own B and C; dt and A are shared."""
    x, dt, A, B, C, D = scan_inputs(size, device)
    order = torch.rand(K, size.length, generator=torch.Generator().manual_seed(0)).argsort(-1)
    order = order.to(device)
    B, C = (z.detach().unsqueeze(1).repeat(1, K, 1, 1).requires_grad_() for z in (B, C))
    leaves = (x, dt, A, B, C, D)
    return Call(lambda: selective_scan(*leaves, order=order), leaves)


def chunked_ssd(size: Size, device: str) -> Call:
    """Mamba-2's state-space duality in torch: one decay a head, Dao & Gu (2024), listing 1."""
    x, dt, _, B, C, _ = scan_inputs(size, device)
    heads = max(1, size.channels // HEAD)
    rate = -torch.ones(heads, device=device, requires_grad=True)
    dt = dt.detach()[..., :heads].contiguous().requires_grad_()

    def forward() -> Tensor:
        chunks = (size.batch, size.length // CHUNK, CHUNK)
        X = (x.unflatten(-1, (heads, -1)) * dt.unsqueeze(-1)).reshape(*chunks, heads, -1)
        Bc, Cc = B.reshape(*chunks, -1), C.reshape(*chunks, -1)
        log_decay = (dt * rate).reshape(*chunks, heads).permute(0, 3, 1, 2)  # (B, H, chunk, Q)
        total = log_decay.cumsum(-1)
        within = torch.exp(_segment_sums(log_decay))
        y = torch.einsum("bcln,bcsn,bhcls,bcshp->bclhp", Cc, Bc, within, X)
        to_end = torch.exp(total[..., -1:] - total)
        states = torch.einsum("bcln,bhcl,bclhp->bchpn", Bc, to_end, X)
        between = torch.exp(_segment_sums(F.pad(total[..., -1], (1, 0))))
        states = torch.cat([torch.zeros_like(states[:, :1]), states], 1)
        entering = torch.einsum("bhzc,bchpn->bzhpn", between, states)[:, :-1]
        y = y + torch.einsum("bcln,bchpn,bhcl->bclhp", Cc, entering, torch.exp(total))
        return y.reshape(x.shape)

    return Call(forward, (x, dt, rate, B, C))


def _segment_sums(values: Tensor) -> Tensor:
    """Sums of values over j < k <= i, shape (..., i, j), -inf above the diagonal."""
    length = values.shape[-1]
    ones = torch.ones(length, length, dtype=torch.bool, device=values.device)
    spread = values.unsqueeze(-1).expand(*values.shape, length).masked_fill(~ones.tril(-1), 0)
    return spread.cumsum(-2).masked_fill(~ones.tril(), -torch.inf)


def attention(size: Size, device: str) -> Call:
    """Softmax attention over all points, without its projections."""
    heads = max(1, size.channels // HEAD)
    shape = (size.batch, heads, size.length, size.channels // heads)
    q, k, v = (torch.randn(shape, device=device, requires_grad=True) for _ in "qkv")
    return Call(lambda: F.scaled_dot_product_attention(q, k, v), (q, k, v))


def dense_lti(size: Size, device: str) -> Call:
    """A time-invariant state of N numbers as a matrix of decays between all pairs of points."""
    x, _, A, _, _, D = scan_inputs(size, device)
    rate = A.detach()[0].clone().requires_grad_()
    W_B = torch.randn(size.channels, size.states, device=device, requires_grad=True)
    W_C = torch.randn(size.states, size.channels, device=device, requires_grad=True)
    points = torch.arange(size.length, device=device)
    gap = (points[:, None] - points[None]).clamp(min=0) / size.length
    causal = (points[:, None] >= points[None]).unsqueeze(-1)

    def forward() -> Tensor:
        decay = torch.exp(gap.unsqueeze(-1) * rate) * causal  # (L, L, N)
        h = torch.einsum("ijn,bjn->bin", decay, x @ W_B) / size.length
        return h @ W_C + D * x

    return Call(forward, (x, rate, W_B, W_C, D))


def mambapy(size: Size, device: str) -> Call:
    block = importlib.import_module("mambapy.mamba").MambaBlock

    leaves = scan_inputs(size, device)
    return Call(lambda: block.selective_scan(None, *leaves), leaves)


def torch_associative_scan(size: Size, device: str) -> Call:
    """The same recurrence by PyTorch's prototype of a parallel scan, eager."""
    scan = importlib.import_module("torch._higher_order_ops.associative_scan").associative_scan

    def combine(first: Pair, second: Pair) -> Pair:
        return first[0] * second[0], second[0] * first[1] + second[1]

    x, dt, A, B, C, D = leaves = scan_inputs(size, device)

    def forward() -> Tensor:
        decay = torch.exp(dt.unsqueeze(-1) * A)
        u = (dt * x).unsqueeze(-1) * B.unsqueeze(-2)
        # "pointwise", the other mode, is for CUDA alone.
        _, h = scan(combine, (decay, u), dim=1, combine_mode="generic")
        return (h * C.unsqueeze(-2)).sum(-1) + D * x

    return Call(forward, leaves)


def torch_scan(size: Size, device: str) -> Call:
    """The same recurrence point by point, by PyTorch's prototype of a scan, eager."""
    scan = importlib.import_module("torch._higher_order_ops.scan").scan
    x, dt, A, B, C, D = leaves = scan_inputs(size, device)

    def visit(h: Tensor, point: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
        x_t, dt_t, B_t, C_t = point
        u = (dt_t * x_t).unsqueeze(-1) * B_t.unsqueeze(-2)
        h = torch.exp(dt_t.unsqueeze(-1) * A) * h + u
        return h, (h * C_t.unsqueeze(-2)).sum(-1)

    def forward() -> Tensor:
        _, y = scan(visit, x.new_zeros(size.batch, *A.shape), (x, dt, B, C), dim=1)
        return y + D * x

    return Call(forward, leaves)


def transformers_mixer(size: Size, device: str) -> Call:
    """The mixer of `transformers`, projections and convolution too; on a CPU its slow path."""
    mamba = importlib.import_module("transformers.models.mamba.modeling_mamba")

    config = mamba.MambaConfig(hidden_size=size.channels // 2, state_size=size.states, expand=2)
    mixer = mamba.MambaMixer(config, layer_idx=0).to(device)
    x = torch.randn(size.batch, size.length, size.channels // 2, device=device, requires_grad=True)
    return Call(lambda: mixer(x), (x, *mixer.parameters()))


def transformers_mixer_2(size: Size, device: str) -> Call:
    """The Mamba-2 mixer of `transformers`: one decay a head, in chunks; all of the layer too."""
    mamba = importlib.import_module("transformers.models.mamba2.modeling_mamba2")

    config = mamba.Mamba2Config(
        hidden_size=size.channels // 2,
        state_size=size.states,
        expand=2,
        num_heads=size.channels // HEAD,
        head_dim=HEAD,
        n_groups=1,
        chunk_size=CHUNK,
    )
    mixer = mamba.Mamba2Mixer(config, layer_idx=0).to(device)
    x = torch.randn(size.batch, size.length, size.channels // 2, device=device, requires_grad=True)
    return Call(lambda: mixer(x), (x, *mixer.parameters()))


def mamba_ssm(size: Size, device: str) -> Call:
    """The authors' CUDA kernel, which wants its tensors channel-first."""
    scan = importlib.import_module("mamba_ssm.ops.selective_scan_interface").selective_scan_fn

    x, dt, A, B, C, D = (tensor.detach() for tensor in scan_inputs(size, device))
    x, dt, B, C = (tensor.transpose(1, 2).contiguous() for tensor in (x, dt, B, C))
    leaves = tuple(tensor.requires_grad_() for tensor in (x, dt, A, B, C, D))
    return Call(lambda: scan(*leaves), leaves)


class Peer(NamedTuple):
    """A way to make a call, where it exists and up to which length it is worth the wait."""

    make: Callable[[Size, str], Call]
    longest: int = 1 << 30
    module: str = "torch"
    device: str = ""

    def obstacle(self, size: Size, device: str) -> str | None:
        """Why the peer is left out at a size, None if it is not."""
        if not device.startswith(self.device):
            return f"it runs on {self.device} only"
        if size.length > self.longest:
            return f"longer than {self.longest} points it is not worth the wait"
        try:
            importlib.import_module(self.module)
        except ImportError as error:
            return f"not installed: {error}"
        call = self.make(Size(1, CHUNK, size.channels, size.states), device)
        try:
            torch.autograd.grad(call.forward().sum(), call.leaves)
        except (RuntimeError, NotImplementedError, TypeError) as error:
            return f"it fails: {str(error).splitlines()[0]}"
        return None


PEERS = {
    "chunked SSD": Peer(chunked_ssd),
    "SDPA": Peer(attention, longest=4096),
    "dense LTI": Peer(dense_lti, longest=1024),
    "mambapy": Peer(mambapy, longest=4096, module="mambapy.mamba"),
    "torch associative_scan": Peer(
        torch_associative_scan, longest=1024, module="torch._higher_order_ops.associative_scan"
    ),
    "torch scan": Peer(torch_scan, longest=256, module="torch._higher_order_ops.scan"),
    "transformers Mamba": Peer(
        transformers_mixer, longest=256, module="transformers.models.mamba.modeling_mamba"
    ),
    "transformers Mamba-2": Peer(
        transformers_mixer_2, longest=1024, module="transformers.models.mamba2.modeling_mamba2"
    ),
    "mamba-ssm": Peer(mamba_ssm, module="mamba_ssm", device="cuda"),
}
