"""Parts of a latent in closed form, their registry, and how they share a latent."""

from __future__ import annotations

from typing import final

from torch import Tensor, nn

from mamba_diffae.fields import Observations
from mamba_diffae.models.codes.base import LatentCode
from mamba_diffae.models.config import AutoencoderConfig
from mamba_diffae.priors import PriorPosterior
from mamba_diffae.registry import Registry

CODES: Registry[type[LatentCode]] = Registry(
    "code",
    "mamba_diffae.codes",
    {
        "pca": "mamba_diffae.models.codes.pca:PrincipalCode",
        "histogram": "mamba_diffae.models.codes.histogram:HistogramCode",
    },
)

__all__ = ["CODES", "LatentCode", "LatentCodes"]


@final
class LatentCodes(nn.Module):
    """The codes of a latent: at its start those from which the field is decoded, the others last.

    See docs/concepts.md, eq. (15).

    Args:
        config: Names the codes; a code without a share of its own takes what the others leave.

    Raises:
        ValueError: If a name is unknown, or the shares are more than the latent.

    Attributes:
        parts: Where in a latent each code stands, by name.
        decoded_dim: Numbers at the start of a latent from which the field comes.
    """

    def __init__(self, config: AutoencoderConfig) -> None:
        super().__init__()
        self.latent_dim, self.value_dim = config.latent_dim, config.value_dim
        self.cells = 0 if config.prior == "none" else config.prior_config.cells
        kinds = {name: CODES.get(name) for name in config.codes}
        dims = code_dims(config.latent_dim, kinds)
        order = sorted(kinds, key=lambda name: not kinds[name].decodes)
        self.codes = nn.ModuleDict({_key(n): kinds[n](dims[n], config) for n in order})
        told = sum(dims[name] for name in order if not kinds[name].decodes)
        self.decoded_dim = config.latent_dim - told
        self.parts: dict[str, slice] = {}
        starts = {True: 0, False: self.decoded_dim}
        for name in order:
            start = starts[kinds[name].decodes]
            self.parts[name] = slice(start, start + dims[name])
            starts[kinds[name].decodes] += dims[name]

    def fit(self, fields: Tensor, known: Tensor) -> None:
        """See `LatentCode.fit`."""
        for code in self.codes.values():
            code.fit(fields, known)  # pyright: ignore[reportCallIssue]

    def encode(self, observations: Observations, posterior: PriorPosterior) -> Tensor:
        """All codes as one latent, shape (B, latent_dim); zeros where there is none."""
        latent = observations.values.new_zeros(len(observations), self.latent_dim)
        for part, code in zip(self.parts.values(), self.codes.values(), strict=True):
            latent[:, part] = code.encode(observations, posterior)  # pyright: ignore[reportCallIssue]
        return latent

    def decode(self, latent: Tensor) -> Tensor:
        """The field that a latent holds in closed form, on the prior's lattice, (B, P, C).

        Zero where no code decodes; of no cell where there is no prior.
        """
        parts = (
            code.decode(latent[:, part])  # pyright: ignore[reportCallIssue]
            for part, code in zip(self.parts.values(), self.codes.values(), strict=True)
            if code.decodes
        )
        return sum(parts, latent.new_zeros(len(latent), self.cells, self.value_dim))


def _key(name: str) -> str:
    """A name as torch allows it for a module: without dots, and none of its own attributes."""
    key = name.replace(".", "/")
    return f"{key}/" if hasattr(nn.ModuleDict, key) else key


def code_dims(latent_dim: int, kinds: dict[str, type[LatentCode]]) -> dict[str, int]:
    """Numbers of each code: its share of the latent, or an equal part of what is left."""
    dims = {n: int(latent_dim * k.share) for n, k in kinds.items() if k.share is not None}
    rest = [name for name in kinds if name not in dims]
    left = latent_dim - sum(dims.values())
    if left < 0:
        raise ValueError(
            f"The codes {', '.join(kinds)} take {latent_dim - left} of {latent_dim} numbers of the "
            "latent; give codes whose shares are 1 at most in all."
        )
    return dims | {name: left // len(rest) for name in rest}
