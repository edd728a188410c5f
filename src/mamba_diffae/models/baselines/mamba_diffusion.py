"""The baseline to beat: the field's first attempt."""

from __future__ import annotations

from typing import ClassVar, final

from mamba_diffae.models.baselines.joint import JointFlow, velocity_head
from mamba_diffae.models.config import BaselineConfig


@final
class MambaDiffusion(JointFlow):
    """The field's first attempt, `directions=("none",)`, or its multi-directional version.

    Args:
        config: Sizes and choices; see `BaselineConfig`.
    """

    kind: ClassVar[str] = "mamba-diffusion"

    def __init__(self, config: BaselineConfig) -> None:
        super().__init__(config)
        self.head = velocity_head(config.d_model, config.value_dim)
