"""Fields rendered region by region into a file: memory does not grow with their size."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mamba_diffae.estimator.asked import Asked
from mamba_diffae.estimator.drawing import Drawing, quantile_levels
from mamba_diffae.estimator.field_autoencoder import FieldAutoencoder
from mamba_diffae.estimator.fitted import FittedModel
from mamba_diffae.estimator.inputs import batches
from mamba_diffae.estimator.observed import Seen, observed
from mamba_diffae.estimator.regions import RenderedRegions
from mamba_diffae.fields import FieldError, is_table, load_extra, own_defaults
from mamba_diffae.fields.cf.datasets import grid_coords
from mamba_diffae.fields.cf.decoded import is_labelled
from mamba_diffae.fields.cf.store import RegionStore
from mamba_diffae.fields.cf.targets import LabelledTargets
from mamba_diffae.fields.query import target_grid
from mamba_diffae.training.loop.progress import CountMeter

VALUES = 2**24
"""Values that are made at once, at most: means, deviations, draws, of all fields and variables."""


@own_defaults()
def render(
    model: FieldAutoencoder,
    observations: Seen,
    targets: Asked,
    out: str | Path,
    n_draws: int = 0,
    *,
    quantiles: Sequence[float] = (),
    seed: int = 0,
    overwrite: bool = False,
    values: int = VALUES,
    show_progress: bool = True,
) -> Path:
    """Fields of any size, written to a NetCDF file or a Zarr store.

    The values are those of `FieldAutoencoder.predict`. They are made by rows along the longest
    axis, from one encoding of the observations, so that memory depends on the size of a row and not
    on the number of rows. What was stopped, even killed, goes on when the same is asked again;
    `out` appears whole at the end.

    >>> import tempfile
    >>> from mamba_diffae import observe, open_field
    >>> model = FieldAutoencoder.from_pretrained("emoji-96", device="cpu")
    >>> obs = observe(open_field("emoji").split("test").take([0]), fraction=0.2)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     render(model, obs, 24, f"{folder}/field.zarr", show_progress=False).name
    'field.zarr'

    Args:
        model: Fitted.
        observations: See `FieldAutoencoder.predict`.
        targets: A grid, a shape, cells along the longest axis, or an object of xarray, which need
            not have values: see `FieldAutoencoder.predict`.
        out: A file that ends in .nc, or a store that ends in .zarr.
        n_draws: Draws from the posterior.
        quantiles: See `FieldAutoencoder.predict`.
        seed: Of the draws.
        overwrite: Replace what stands at `out`.
        values: See `VALUES`.
        show_progress: Whether to show a bar.

    Returns:
        `out`.

    Raises:
        MissingExtraError: If a package of the extra `fields` is missing.
        FieldError: If `out` stands already, is being written or ends otherwise, or the targets are
            places or rows.
        DiskFullError: If the disk is full; what is done is kept, and gone on with.
        ValueError: As `FieldAutoencoder.predict`.
    """
    fitted, path = model.fitted, Path(out).expanduser()
    drawing = Drawing(n_draws, seed, levels=quantile_levels(quantiles))
    known = observed(observations, fitted.scaler, targets)
    whole = _labelled(targets, fitted)
    seen = fitted.scaler.observations(known)
    regions = RenderedRegions(fitted, whole, drawing, len(seen), values)
    with RegionStore(path, regions.request(known), overwrite=overwrite) as store:
        made = regions.made(batches(fitted.network, seen, None), store.done)
        done = sum(map(regions.rows, store.done))
        with CountMeter("rendering rows", regions.total, done, show=show_progress) as bar:
            for name, part, region in made:
                if part is not None:
                    store.begin(part, region, regions.sizes, whole.with_coordinates)
                store.write(part, region, name)
                bar.advance(regions.rows(name))
        store.finish()
    drawing.warn_of_prior(fitted)
    return path


def _labelled(targets: Asked, model: FittedModel) -> LabelledTargets:
    """Targets as an object of xarray names them."""
    if is_table(targets) or (isinstance(targets, np.ndarray) and targets.ndim == 2):
        raise FieldError(
            "Places and rows of a table are answered by predict, whose answer is as long as they "
            "are; give render a grid, a shape or an object of xarray."
        )
    scaler = model.scaler
    if is_labelled(targets):
        return LabelledTargets.of(targets, scaler.grid, scaler.variables)
    grid = target_grid(targets, scaler.grid)  # pyright: ignore[reportArgumentType]
    bare = load_extra("xarray", "A file of fields").Dataset(coords=grid_coords(grid))
    return LabelledTargets.of(bare, scaler.grid, scaler.variables)
