"""The networks that are compared at equal cost, and the commands that train them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, final

from mamba_diffae.benchmark.network_methods import NetworkName, Reading
from mamba_diffae.benchmark.wording import in_short
from mamba_diffae.evaluation import Method
from mamba_diffae.fields import Shape
from mamba_diffae.models.presets import preset_config
from mamba_diffae.models.registry import ARCHITECTURES
from mamba_diffae.training import Run, TrainingConfig
from studies.common.training_job import Recipe

Phase = Literal["autoencoder", "flow"]
_PHASE_LABELS: Mapping[Phase, str] = {"autoencoder": "phase 1", "flow": "phase 2"}

PHASE_SHARES: Mapping[str, float] = {"autoencoder": 0.75, "flow": 0.25}
"""How two phases of an autoencoder share what is given to it; the flow is what baselines learn."""
_MANY_STEPS = 100_000
"""More than any budget of time allows, so that time alone decides."""
_WARMUP = 0.02
"""Share of the training over which the learning rate rises."""


@final
@dataclass(frozen=True)
class Candidate:
    """A network that is compared.

    Attributes:
        key: Tells it from all others, also in names of files.
        label: As tables name it.
        architecture: "autoencoder", "mamba-diffusion" or "minimal-latent".
        settings: What is set otherwise than in the preset, as --set takes it.
        native_size: Native cells along the longest axis, to which the fields are averaged; None:
            the source's own.
        phases: That are trained, of those that its network has.
        rate: Learning rate of the first of them, in rates of the preset.
    """

    key: str
    label: str
    architecture: str
    settings: tuple[str, ...] = ()
    native_size: int | None = None
    phases: tuple[str, ...] = tuple(PHASE_SHARES)
    rate: float = 1.0


_FOUR = "model.directions=[row,column,diagonal,antidiagonal]"
# A preset's rates are those of an autoencoder that starts from its prior. What starts from nothing
# learns better at higher ones, with `small`, in dB of the validation fields: the first baseline, in
# two and a half minutes of a core, 16.8 at once the rate, 18.9 at twice, 19.5 at four times; an
# autoencoder without prior, in two minutes, 19.5 at once and 19.8 at three times.
_SCRATCH, _NO_PRIOR = 4.0, 3.0
BASELINE = Candidate("mamba-diffusion", "mamba-diffusion", "mamba-diffusion", rate=_SCRATCH)
FOUR_DIRECTIONS = Candidate(
    "mamba-diffusion-in-4-directions",
    "mamba-diffusion in 4 directions",
    "mamba-diffusion",
    (_FOUR,),
    rate=_SCRATCH,
)
MINIMAL = Candidate("minimal-latent", "minimal-latent", "minimal-latent", rate=_SCRATCH)
SCAN = Candidate(
    "autoencoder-with-scan-decoder",
    "autoencoder with scan decoder",
    "autoencoder",
    ("model.decoder=scanning",),
)
ANCHORED = Candidate("autoencoder", "autoencoder", "autoencoder")
PHASE_1 = replace(
    ANCHORED,
    key="autoencoder-phase-1-alone",
    label="autoencoder, phase 1 alone",
    phases=("autoencoder",),
)
NO_PRIOR = Candidate(
    "autoencoder-without-prior",
    "autoencoder without prior",
    "autoencoder",
    ("data.exemplars=0",),
    rate=_NO_PRIOR,
)
CANDIDATES = (BASELINE, FOUR_DIRECTIONS, MINIMAL, SCAN, ANCHORED, NO_PRIOR)


def at_coarse_only(shape: Shape) -> tuple[Candidate, ...]:
    """Baseline and autoencoder, trained at a coarse shape only and asked at finer ones."""
    size, label = max(shape), in_short(shape)
    return tuple(
        replace(
            c, key=f"{c.key}-at-{size}", label=f"{c.label} trained at {label}", native_size=size
        )
        for c in (BASELINE, ANCHORED)
    )


@final
@dataclass(frozen=True)
class Cost:
    """What a training may cost: either of the two.

    Attributes:
        minutes: Processor time of all phases together.
        steps: Updates of all phases together.
        shares: How phases share it; one that has none counts 1.
    """

    minutes: float | None = None
    steps: int | None = None
    shares: Mapping[str, float] = field(default_factory=lambda: PHASE_SHARES, hash=False)

    def settings(self, phases: Sequence[str]) -> list[str]:
        """As --set takes them, for each phase its share."""
        shares = {phase: self.shares.get(phase, 1.0) for phase in phases}
        total = sum(shares.values())
        return [
            setting
            for phase, share in shares.items()
            for setting in self._settings(phase, share / total)
        ]

    def _settings(self, phase: str, share: float) -> list[str]:
        steps = _MANY_STEPS if self.steps is None else max(1, round(share * self.steps))
        settings = [f"{phase}.steps={steps}", f"{phase}.warmup_steps={round(_WARMUP * steps)}"]
        if self.minutes is None:
            return settings
        return [*settings, f"{phase}.minutes={share * self.minutes:g}", f"{phase}.clock=processor"]


@final
@dataclass(frozen=True)
class Job:
    """One training of a candidate.

    Attributes:
        candidate: What is trained.
        seed: Of the training.
        cost: What it may cost.
        equal_fields: Whether the cost is that of as many fields as another training saw.
        after: The phase at whose end the network is scored; None: the last.
    """

    candidate: Candidate
    seed: int
    cost: Cost
    equal_fields: bool = False
    after: Phase | None = None

    @property
    def network(self) -> NetworkName:
        """What the network is called."""
        key, label = self.candidate.key, self.candidate.label
        if self.equal_fields:
            key, label = f"{key}-equal-fields", f"{label}, equal fields"
        if self.after is not None:
            key, label = f"{key}-after-{self.after}", f"{label} after {_PHASE_LABELS[self.after]}"
        return NetworkName(key, label, ARCHITECTURES.get(self.candidate.architecture).has_latent)

    @property
    def label(self) -> str:
        """As tables name it."""
        return self.network.label

    @property
    def file_stem(self) -> str:
        """Its key and seed."""
        return f"{self.network.key}-{self.seed}"

    def method(self, reading: Reading | None = None) -> Method:
        """The network as a method; see `NetworkName.method`."""
        return self.network.method(reading)

    def recipe(self, source: str, preset: str, device: str) -> Recipe:
        """All that its training depends on."""
        candidate = self.candidate
        known = ARCHITECTURES.get(candidate.architecture).phases
        phases = [p for p in known if p in candidate.phases]
        settings = (
            *candidate.settings,
            *_rate(preset, phases[0], candidate.rate),
            *self.cost.settings(phases),
        )
        return Recipe(
            source=source,
            architecture=candidate.architecture,
            preset=preset,
            phases=phases,
            settings=settings,
            seed=self.seed,
            device=device,
            native_size=candidate.native_size,
        )


def _rate(preset: str, phase: str, factor: float) -> list[str]:
    """A multiple of the preset's learning rate, as --set takes it."""
    if factor == 1:
        return []
    usual = preset_config(preset, f"training.{phase}", TrainingConfig).learning_rate
    return [f"{phase}.learning_rate={factor * usual:g}"]


def steps_made(run: Run) -> dict[str, int]:
    """Updates made in each phase."""
    return {row["phase"]: row["step"] for row in run.metrics() if "loss" in row}


def fields_a_step(run: Run) -> float:
    """Fields of an update, averaged over the phases by their shares of the steps."""
    shares = {phase: PHASE_SHARES[phase] for phase in steps_made(run)}
    training = run.facts["settings"]["training"]
    fields = sum(
        share * training[phase]["batch_size"] * training[phase]["accumulation"]
        for phase, share in shares.items()
    )
    return fields / sum(shares.values())


def fields_seen(run: Run) -> int:
    """Fields that were learned from, over all phases, each time they came."""
    training = run.facts["settings"]["training"]
    return sum(
        steps * training[phase]["batch_size"] * training[phase]["accumulation"]
        for phase, steps in steps_made(run).items()
    )


def validation_psnr(run: Run) -> float:
    """PSNR on validation fields at the end of training, in dB."""
    return [row["validation"]["psnr"] for row in run.metrics() if "validation" in row][-1]
