"""The quick test of the idea: the baseline with a bottleneck for every token before the head."""

from __future__ import annotations

from typing import ClassVar, final

from torch import nn

from mamba_diffae.models.baselines.joint import JointFlow, velocity_head
from mamba_diffae.models.config import BaselineConfig


@final
class MinimalLatentMamba(JointFlow):
    """`MambaDiffusion` whose features pass a narrow layer.

    Args:
        config: Sizes and choices; `bottleneck` is the narrow width.
    """

    kind: ClassVar[str] = "minimal-latent"

    def __init__(self, config: BaselineConfig) -> None:
        super().__init__(config)
        d = config.d_model
        self.head = nn.Sequential(
            nn.Linear(d, config.bottleneck),
            nn.GELU(),
            nn.Linear(config.bottleneck, d),
            velocity_head(d, config.value_dim),
        )
