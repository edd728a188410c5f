"""What a network is built from: what data say of it, what a user sets, and what does not fit."""

import math

import numpy as np
import pytest
import torch

from mamba_diffae.fields import Axis, FieldData, Geometry, Grid, Variable
from mamba_diffae.models import config as config_module
from mamba_diffae.models.autoencoder import MambaDiffusionAutoencoder
from mamba_diffae.models.baselines.mamba_diffusion import MambaDiffusion
from mamba_diffae.models.config import (
    AutoencoderConfig,
    BaselineConfig,
    FieldConfig,
    distribute,
)
from mamba_diffae.models.measured import root_mean_square

FOUR = ("row", "row_reversed", "column", "column_reversed")


def data_on(grid: Grid, count: int = 6, variables: int = 2, **options) -> FieldData:
    values = np.random.default_rng(0).uniform(-1, 1, (count, *grid.shape, variables))
    splits = np.resize(["train", "train", "test"], count)
    names = [Variable(f"v{c}") for c in range(variables)]
    return FieldData(names, grid, values.astype(np.float32), splits=splits, **options)


def config_for(shape: tuple[int, ...], observed: tuple[int, ...], fields=None, **options):
    """For fields of square cells."""
    grid = Grid.default(shape)
    geometry = Geometry(extent=tuple(axis.span for axis in grid.axes))
    options = {"exemplars": 3, **options}
    return AutoencoderConfig.for_data(data_on(grid), geometry, observed, fields or {}, **options)


# What data say


@pytest.mark.parametrize(
    ("fields", "parts"),
    [
        ({}, ("pointwise", "convolutional")),
        ({"prior": "none"}, ("pointwise", "anchored")),
        ({"encoder": "mamba"}, ("mamba", "convolutional")),
        ({"directions": ("row",)}, ("mamba", "convolutional")),
        ({"step": "count"}, ("mamba", "convolutional")),
    ],
)
def test_encoder_and_decoder_are_what_is_best_with_a_prior_or_without(fields, parts) -> None:
    config = config_for((36, 72), (9, 18), fields)
    assert (config.encoder, config.decoder) == parts


def test_what_a_rectangle_says() -> None:
    config = config_for((36, 72), (9, 18), mirrored=True)
    assert config.geometry.extent == (0.5, 1.0)
    assert config.native_shape == (36, 72)
    assert config.observed_shape == (9, 18)
    assert config.value_dim == 2
    assert config.max_frequency == pytest.approx((36.0, 36.0))
    assert config.length_scale == pytest.approx(1 / 18)
    assert config.noise_shapes == ((36, 72), (18, 36), (9, 18), (4, 9))
    assert config.prior == config_module.DEFAULT_PRIOR
    assert config.prior_shape == (9, 18)
    assert config.exemplars == 3
    assert config.codes == ("pca", "histogram")
    assert config.mirrored
    assert config.directions == FOUR


def test_what_a_volume_says() -> None:
    config = config_for((24, 24, 24), (10, 10, 10))
    assert config.noise_shapes == ((24, 24, 24), (12, 12, 12), (6, 6, 6), (3, 3, 3))
    assert config.length_scale == pytest.approx(0.1)
    assert math.prod(config.prior_shape) <= 1000  # as many as are observed, at most
    assert config.directions == FOUR


def test_what_a_profile_over_uneven_depths_says() -> None:
    edges = np.array([0, 0.01, 0.02, 0.04, 0.08, 0.15, 0.3, 0.5, 0.7, 1.0])
    grid = Grid((Axis("depth", edges),))
    config = AutoencoderConfig.for_data(data_on(grid), Geometry(extent=(1.0,)), (9,), {})
    assert config.max_frequency == pytest.approx((1 / (2 * np.median(np.diff(edges))),))
    assert config.native_shape == (9,)
    assert config.directions == ("row", "row_reversed")
    assert config.prior == "none"  # no exemplars were offered
    assert config.codes == ()


def test_the_scale_is_of_known_values_of_the_training_split() -> None:
    grid = Grid.default((4, 8))
    values = np.full((4, 4, 8, 1), 0.5, np.float32)
    values[3] = 100.0  # not trained on
    valid = np.ones(values.shape, bool)
    values[0, :2], valid[0, :2] = 77.0, False
    splits = np.array(["train", "train", "train", "test"])
    data = FieldData([Variable("v")], grid, values, valid, splits=splits)
    assert root_mean_square(data) == pytest.approx(0.5)
    sea = np.ones((4, 8), bool)
    sea[:, :3] = False
    values[:3, :, :3] = 9.0
    masked = FieldData([Variable("v")], Grid(grid.axes, sea), values, valid, splits=splits)
    assert root_mean_square(masked) == pytest.approx(0.5)
    assert config_for((4, 8), (4, 8)).sigma == pytest.approx(
        float(np.sqrt(np.square(data_on(grid).split("train").values).mean())), rel=1e-5
    )


def test_what_a_user_sets_comes_before_what_data_say() -> None:
    fields = {"sigma": 0.1, "prior_shape": (3, 6), "noise_shapes": ((4, 8),), "codes": ("pca",)}
    config = config_for((36, 72), (9, 18), {**fields, "exemplars": 2, "mirrored": True})
    for name, value in fields.items():
        assert getattr(config, name) == value
    assert config.exemplars == 2
    assert config.mirrored
    # Not what follows from the data alone.
    config = config_for((36, 72), (9, 18), {"value_dim": 9, "native_shape": (5, 5)})
    assert (config.value_dim, config.native_shape) == (2, (36, 72))


@pytest.mark.parametrize("fields", [{"exemplars": 0}, {"prior": "none"}])
def test_who_wants_no_prior_gets_none_and_no_codes(fields: dict) -> None:
    config = config_for((36, 72), (9, 18), fields)
    assert (config.prior, config.exemplars, config.codes) == ("none", 0, ())


def test_one_group_of_fields_is_kriged() -> None:
    data = data_on(Grid.default((4, 8)), groups=np.zeros(6, int))
    geometry = Geometry(extent=(0.5, 1.0))
    config = AutoencoderConfig.for_data(data, geometry, (4, 8), {}, exemplars=9)
    assert (config.prior, config.exemplars, config.codes) == ("kriging", 0, ())


def test_directions_that_a_line_does_not_have_are_left_out() -> None:
    for wanted, kept in (
        (("column", "row_reversed"), ("row_reversed",)),
        (("hilbert",), ("row",)),
        (("none",), ("none",)),
    ):
        assert config_for((30,), (10,), {"directions": wanted}).directions == kept
    assert config_for((4, 8), (4, 8), {"directions": ["morton"]}).directions == ("morton",)
    geometry, data = Geometry(extent=(1.0,)), data_on(Grid.default((30,)))
    assert BaselineConfig.for_data(data, geometry, (10,), {}).directions == ("none",)
    with pytest.raises(ValueError, match="Unknown direction 'zigzag'"):
        config_for((30,), (10,), {"directions": ("zigzag",)})


def test_a_baseline_has_one_noise_lattice_of_what_is_observed() -> None:
    data, geometry = data_on(Grid.default((36, 72))), Geometry(extent=(0.5, 1.0))
    config = BaselineConfig.for_data(data, geometry, (9, 18), {"d_model": 8})
    assert config.noise_shapes == ((9, 18),)
    assert config.d_model == 8
    with pytest.raises(ValueError, match="setting 'd_modle'; did you mean 'd_model'"):
        BaselineConfig.for_data(data, geometry, (9, 18), {"d_modle": 8})


# Lattices of tokens and anchors


@pytest.mark.parametrize(
    ("extent", "native", "tokens", "patch"),
    [
        ((1.0, 1.0), (96, 96), (16, 16), (6, 6)),
        ((0.5, 1.0), (36, 72), (12, 24), (3, 3)),
        ((1.0, 0.25), (96, 24), (32, 8), (3, 3)),
        ((1.0,), (30,), (30,), (1,)),
        ((1.0,), (1000,), (250,), (4,)),
        ((1.0, 1.0, 1.0), (24, 24, 24), (6, 6, 6), (4, 4, 4)),
        ((8.0, 1.0), (40, 53), (40, 6), (1, 6)),  # another dimension, with a length of its own
        ((0.01, 1.0), (2, 200), (2, 200), (1, 1)),
        ((1.0, 1.0), (1, 1), (1, 1), (1, 1)),
    ],
)
def test_tokens_are_about_cubes_and_anchors_at_most_native_cells(
    extent, native, tokens, patch
) -> None:
    config = AutoencoderConfig(
        geometry=Geometry(extent=extent),
        native_shape=native,
        observed_shape=native,
        max_frequency=(1.0,) * len(native),
        noise_shapes=(native,),
        patch=6,
    )
    assert config.token_shape == tokens
    assert config.patch_shape == patch
    assert config.anchor_shape == tuple(t * p for t, p in zip(tokens, patch, strict=True))
    assert all(a <= n for a, n in zip(config.anchor_shape, native, strict=True))


def test_a_number_of_cells_is_distributed_over_an_extent() -> None:
    assert distribute(64, (1.0, 1.0), (100, 100)) == (8, 8)
    assert distribute(64, (0.5, 2.0), (100, 100)) == (4, 16)
    assert distribute(64, (1.0, 1.0, 1.0), (3, 100, 100)) == (3, 4, 4)


# What does not fit


@pytest.mark.parametrize(
    ("preset", "fields", "message"),
    [
        ("tinny", {}, "Unknown preset 'tinny'; did you mean 'tiny'"),
        ("tiny", {"d_modle": 8}, "autoencoder setting 'd_modle'; did you mean 'd_model'"),
        ("tiny", {"d_model": 1}, r"autoencoder settings do not fit: d_model = 1: .* equal to 8"),
        ("tiny", {"decoder": "anchord"}, "Unknown decoder 'anchord'; did you mean 'anchored'"),
        ("tiny", {"encoder": "mambo"}, "Unknown encoder 'mambo'; did you mean 'mamba'"),
        (
            "tiny",
            {"encoder": "pointwise", "encoder_options": {"latents": 8}},
            "The encoder 'pointwise' takes no option 'latents'; it takes none",
        ),
        ("tiny", {"prior": "analog"}, "Unknown prior 'analog'; did you mean 'analogue'"),
        ("tiny", {"directions": ("zigzag",)}, "Unknown direction 'zigzag'; choose from none, row"),
        ("tiny", {"native_shape": (9,)}, r"2 axes, but shapes of \[1, 2\] axes were given"),
        ("tiny", {"prior": "analogue", "prior_shape": (9,)}, r"2 axes, but prior_shape is \(9,\)"),
        ("tiny", {"geometry": {"extent": (0.0, 1.0)}}, "1 to 3 positive lengths"),
    ],
)
def test_a_config_that_does_not_fit_is_refused(preset: str, fields: dict, message: str) -> None:
    with torch.device("meta"), pytest.raises(ValueError, match=message):
        MambaDiffusionAutoencoder.from_preset(preset, **fields)


def test_directions_that_there_are_not_are_refused(network) -> None:
    line = Geometry(extent=(1.0,))
    for kind in ("autoencoder", "mamba-diffusion"):
        with pytest.raises(
            ValueError, match="'column' needs two axes, but there is one; use 'row'"
        ):
            network(kind, geometry=line, directions=("column",))
    with pytest.raises(ValueError, match="Unknown direction 'zigzag'"):
        MambaDiffusion.from_preset("tiny", directions=("zigzag",))


def test_configs_are_frozen_and_written_as_json() -> None:
    config = config_for((36, 72), (9, 18))
    assert AutoencoderConfig.model_validate_json(config.model_dump_json()) == config
    with pytest.raises(ValueError, match="frozen"):
        config.sigma = 2.0
    assert FieldConfig().coord_dim == 2
