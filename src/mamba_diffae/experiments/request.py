"""What an experiment is given, whichever it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, final

from mamba_diffae.estimator import FieldAutoencoder
from mamba_diffae.experiments.result import Result
from mamba_diffae.fields import GridField

Scale = Literal["quick", "standard", "full"]
OnProgress = Callable[[str], None]
"""Told what has been done."""


@final
@dataclass(frozen=True, eq=False)
class Request:
    """What is asked of an experiment.

    Attributes:
        folder: Its own folder, which exists; what it keeps there it finds again when resumed.
        truth: Complete fields with splits.
        source: Where they come from, as `mamba-diffae fit` takes it.
        scale: "quick" (seconds, to try it out), "standard" (a machine of two cores) or "full".
        seed: Of trainings, observations and draws.
        device: "auto", "cpu" or "cuda".
        model: The model to judge, for experiments that are given one.
        elapsed: Seconds that each phase of its training took, where they are known.
        equal_pictures: Whether to compare at equally many pictures seen as well.
    """

    folder: Path
    truth: GridField
    source: str
    scale: Scale = "standard"
    seed: int = 0
    device: str = "auto"
    model: FieldAutoencoder | None = None
    elapsed: Mapping[str, float] = field(default_factory=dict)
    equal_pictures: bool = False


@final
@dataclass(frozen=True)
class Experiment:
    """An experiment by what the shell must know of it.

    Attributes:
        run: From the request to the result, telling what is done.
        judges_model: Whether it is given a trained model.
        compares_pictures: Whether it heeds `Request.equal_pictures`.
    """

    run: Callable[[Request, OnProgress], Result]
    judges_model: bool = False
    compares_pictures: bool = False
