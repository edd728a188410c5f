"""The command `fit`: a model from fields."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mamba_diffae.cli.options import (
    DeviceOption,
    NativeSizeOption,
    OverwriteOption,
    ResumeOption,
    RunOption,
    SeedOption,
    SkipOption,
    old_option,
    parse_settings,
)
from mamba_diffae.cli.reading import (
    CovariateOption,
    NoiseOption,
    QualityOption,
    SnapshotDimOption,
    VariableOption,
    opening_options,
)
from mamba_diffae.cli.shell import echo
from mamba_diffae.cli.table_prediction import is_table_name

if TYPE_CHECKING:
    from mamba_diffae.estimator import FieldAutoencoder
    from mamba_diffae.fields import FieldData, Observations


def fit(
    source: Annotated[
        str,
        typer.Argument(
            help="'emoji', 'weather' or another family of the package, cifar10:DIR, stl10:DIR, "
            "hf:NAME, an image folder, a .npy or .npz file, a NetCDF file or Zarr store, or a .csv "
            "or .parquet table of stations."
        ),
    ],
    run: RunOption,
    variable: VariableOption = None,
    snapshot_dim: SnapshotDimOption = None,
    noise: NoiseOption = None,
    quality: QualityOption = None,
    covariate: CovariateOption = None,
    window: Annotated[
        str | None,
        typer.Option(
            help="Cells of windows of large fields, to learn on and answer by: lat=32,lon=32, or "
            "one number for all axes; axes that are left out are whole. Default: no windows."
        ),
    ] = None,
    layout: Annotated[
        Path | None,
        typer.Option(
            help="A table of the places of sensors, where alone the fields are read; default: "
            "anywhere."
        ),
    ] = None,
    architecture: Annotated[
        str, typer.Option(help="autoencoder, mamba-diffusion or minimal-latent.")
    ] = "autoencoder",
    preset: Annotated[str, typer.Option(help="Sizes: small, base, tiny or paper.")] = "small",
    phase: Annotated[
        str,
        typer.Option(
            help="autoencoder, ensemble (draws in one evaluation), flow (or diffusion) or latent, "
            "several with commas; all: all but flow, which is optional beside ensemble."
        ),
    ] = "all",
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set", help="A setting, a.b=c: --set model.d_model=64 --set autoencoder.steps=100"
        ),
    ] = None,
    native_size: NativeSizeOption = None,
    seed: SeedOption = 0,
    device: DeviceOption = "auto",
    resume: ResumeOption = False,
    overwrite: OverwriteOption = False,
    skip_broken: SkipOption = False,
    old_model: Annotated[
        str | None,
        old_option(
            "--model",
            "--model names a trained model; the architecture is given by --architecture {value}.",
        ),
    ] = None,
) -> None:
    """Train on SOURCE into a run folder, phase after phase."""
    from mamba_diffae.cli.scoring import command_line, provenance
    from mamba_diffae.estimator import FieldAutoencoder
    from mamba_diffae.fields import TableTargets
    from mamba_diffae.sources import open_field

    changes = parse_settings(set_ or [])
    options = opening_options(source, variable, snapshot_dim, noise, quality, covariate)
    estimator = FieldAutoencoder(
        preset, architecture=architecture, seed=seed, device=device, changes=changes
    )
    told: dict[str, Any] = {"source_options": options} if options else {}
    about: dict[str, Any] = {}
    if is_table_name(Path(source)):
        if layout is not None or window is not None:
            raise ValueError(
                "--layout and --window are of whole fields; the stations of a table are where they "
                "are: leave them out."
            )
        data: FieldData | Observations = _stations(source, native_size, options)
        facts: dict[str, Any] = {"source": str(Path(source).resolve())}
    else:
        data = open_field(source, size=native_size, skip_broken=skip_broken, **options)
        facts = provenance(source, data, skip_broken)
        places = None if layout is None else TableTargets.of(layout, data.grid).places
        tell_fields(data)
        about = {"layout": places, "window": window_option(window)}
        tell_settings(estimator, data, **about)
    estimator.fit(
        data,
        **about,
        run=run,
        phases=None if phase == "all" else [name.strip() for name in phase.split(",")],
        resume=resume,
        overwrite=overwrite,
        facts={"command": command_line(), **facts, **told},
    )
    echo(f"Done: {run}. Next: mamba-diffae evaluate --model {run}")


def _stations(source: str, native_size: int | None, options: Mapping[str, Any]) -> Observations:
    """The observations of a table, which are told."""
    from mamba_diffae.fields import Observations

    if native_size is not None:
        raise ValueError("--native-size is of fields on a grid, and a table has places; leave it.")
    seen = Observations.from_table(source, **options)
    echo(f"{len(seen)} snapshots of {seen.counts.float().mean():.3g} readings on average.")
    return seen


def tell_fields(data: FieldData) -> None:
    """What was opened."""
    counts = ", ".join(f"{int((data.splits == s).sum())} {s}" for s in ("train", "val", "test"))
    variables = ", ".join(f"{v.name}{v.unit and f' in {v.unit}'}" for v in data.variables)
    beside = ""
    if data.covariates is not None:
        beside = f" Covariates: {', '.join(data.covariates.names)}."
    gaps = "" if data.complete else f" {1 - data.valid_mask().mean():.0%} of the values are gaps."
    echo(
        f"{len(data)} snapshots of {data.grid.describe_shape()} cells "
        f"({', '.join(data.grid.names)}) of {variables}: {counts}.{gaps}{beside}"
    )


def window_option(given: str | None) -> dict[str, int] | int | None:
    """Cells of windows by axes, or along all; a ValueError if they are none.

    >>> window_option("lat=32, lon=48")
    {'lat': 32, 'lon': 48}
    """
    if given is None or given.strip().isdecimal():
        return None if given is None else int(given)
    pairs = [part.split("=") for part in given.split(",")]
    if not all(len(pair) == 2 and pair[1].strip().isdecimal() for pair in pairs):
        raise ValueError(
            f"--window is {given!r}; give cells by axes, such as lat=32,lon=32, or one number."
        )
    return {name.strip(): int(cells) for name, cells in pairs}


def tell_settings(estimator: FieldAutoencoder, data: FieldData, **about: Any) -> None:
    """What was inferred from them."""
    from mamba_diffae.fields import Frame
    from mamba_diffae.fields.windows import window_shape

    if about.get("window") is not None:
        cells = " × ".join(map(str, window_shape(about["window"], data.grid)))
        echo(f"• Learns on windows of {cells} cells, at random places.")
    for sentence in estimator.settings(data, **about).describe():
        echo(f"• {sentence}")
    frame = Frame.of(data)
    if len(set(frame.length)) > 1:
        echo(f"• Lengths along the axes that count alike: {frame.describe()}.")
