"""Selective scans over the observations in several orders."""

from __future__ import annotations

from typing import final, get_args

from torch import Tensor, nn

from mamba_diffae.fields import Observations
from mamba_diffae.models.config import AutoencoderConfig
from mamba_diffae.models.encoders.base import EncoderOptionError
from mamba_diffae.models.encoders.pooled import PooledEncoder
from mamba_diffae.nn.mamba import Discretisation, MultiDirectionalMambaBlock, Paths
from mamba_diffae.nn.scan_order import check_directions


@final
class MambaEncoder(PooledEncoder):
    """Mamba blocks over the observations, along `config.directions`.

    Args:
        config: Sizes.
        discretisation: Of the scans; see `MultiDirectionalMambaBlock`.

    Raises:
        EncoderOptionError: If there is no such discretisation.
    """

    def __init__(
        self, config: AutoencoderConfig, discretisation: Discretisation = "exponential-euler"
    ) -> None:
        super().__init__(config)
        if discretisation not in get_args(Discretisation):
            known = " or ".join(map(repr, get_args(Discretisation)))
            raise EncoderOptionError("mamba", "discretisation", discretisation, known)
        check_directions(config.directions, config.coord_dim)
        self.blocks = nn.ModuleList(
            MultiDirectionalMambaBlock(
                config.d_model,
                config.d_state,
                len(config.directions),
                discretisation=discretisation,
            )
            for _ in range(config.encoder_blocks)
        )

    def mix(self, tokens: Tensor, observations: Observations) -> Tensor:
        """See `PooledEncoder.mix`."""
        config = self.config
        if not self.blocks:
            return tokens
        paths = Paths.through(
            observations.coords,
            observations.present,
            config.directions,
            config.step,
            config.length_scale,
            config.geometry,
            observations.values,
        )
        for block in self.blocks:
            tokens = block(tokens, paths)
        return tokens
