"""What the shell and a study know of each other: the request, and the study by its functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, final

from mamba_diffae.benchmark.page import Page
from mamba_diffae.estimator import FieldAutoencoder
from mamba_diffae.fields import FieldData

Scale = Literal["quick", "standard", "full"]
OnProgress = Callable[[str], None]
"""Told what has been done."""


@final
@dataclass(frozen=True, eq=False)
class Request:
    """What is asked of a study.

    Attributes:
        folder: Its own folder, which exists; what it caches there it finds again when resumed.
        truth: Fields with splits.
        source: Where they come from, as `mamba-diffae fit` takes it.
        scale: "quick" (seconds, to try it out), "standard" (a machine of two cores) or "full".
        seed: Of trainings, observations and draws.
        device: "auto", "cpu" or "cuda".
        model: The model to score, for studies that are given one; None: there is none.
        elapsed: Seconds that each phase of its training took, where they are known.
        equal_pictures: Whether to compare at equally many pictures seen as well.
        prior: Name of the prior that is tried; None: the study's own choice.
    """

    folder: Path
    truth: FieldData
    source: str
    scale: Scale = "standard"
    seed: int = 0
    device: str = "auto"
    model: FieldAutoencoder | None = None
    elapsed: Mapping[str, float] = field(default_factory=dict)
    equal_pictures: bool = False
    prior: str | None = None

    @property
    def given_model(self) -> FieldAutoencoder:
        """The model to score.

        Raises:
            ValueError: If none was given.
        """
        if self.model is None:
            raise ValueError("This study scores a trained model, and none was given; name one.")
        return self.model


@final
@dataclass(frozen=True)
class Study:
    """A study by what the shell must know of it.

    Attributes:
        run: From the request to the typed result, telling what is done.
        page: From that result to what is shown of it: tables and sentences.
        judges_model: Whether it is given a trained model.
        compares_pictures: Whether it reads `Request.equal_pictures`.
        tries_prior: Whether it reads `Request.prior`.
        takes_model: Whether it may be given a trained model, and does without one.
    """

    run: Callable[[Request, OnProgress], Any]
    page: Callable[[Any], Page]
    judges_model: bool = False
    compares_pictures: bool = False
    tries_prior: bool = False
    takes_model: bool = False
