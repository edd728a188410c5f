"""What a field is: axes, grids, variables, snapshots; what is observed of it, what is asked."""

from mamba_diffae.fields.axis import Axis, canonical_order
from mamba_diffae.fields.background import Background
from mamba_diffae.fields.covariates import Covariates
from mamba_diffae.fields.data import FieldData
from mamba_diffae.fields.defaults import own_defaults, under_own_defaults
from mamba_diffae.fields.errors import (
    AxisError,
    CoordinateError,
    ExistingSensorsError,
    FieldError,
    MissingExtraError,
    NotFittedError,
    PlacementError,
    ShapeError,
    TableError,
    ValuesError,
)
from mamba_diffae.fields.extras import load_extra
from mamba_diffae.fields.familiarity import UnfamiliarFieldsWarning, unfamiliar
from mamba_diffae.fields.frame import Frame
from mamba_diffae.fields.functional import Functional
from mamba_diffae.fields.geometry import Geometry, Sphere
from mamba_diffae.fields.grid import Grid, Shape
from mamba_diffae.fields.in_units import data_in_units, in_units
from mamba_diffae.fields.inside import check_inside, check_support
from mamba_diffae.fields.labels import Labels, by_names
from mamba_diffae.fields.observations import Observations, as_observations
from mamba_diffae.fields.observe import (
    LATTICE_LIMIT,
    box_averages,
    known_points,
    observe,
)
from mamba_diffae.fields.overlap import BoxAverages, average, overlap
from mamba_diffae.fields.patterns import (
    PATTERNS,
    Pattern,
    check_fraction,
    check_pattern,
    draw_cells,
)
from mamba_diffae.fields.prediction import Prediction
from mamba_diffae.fields.query import Query, Targets, target_grid
from mamba_diffae.fields.tables import (
    TableTargets,
    TableWarning,
    grid_answer,
    is_table,
    write_table,
)
from mamba_diffae.fields.transforms import (
    TRANSFORMS,
    Affine,
    Bounded,
    Log,
    Logit,
    NormalScore,
    Transform,
    transform_from_dict,
)
from mamba_diffae.fields.variable import Variable, robust_limits

__all__ = [
    "LATTICE_LIMIT",
    "PATTERNS",
    "TRANSFORMS",
    "Affine",
    "Axis",
    "AxisError",
    "Background",
    "Bounded",
    "BoxAverages",
    "CoordinateError",
    "Covariates",
    "ExistingSensorsError",
    "FieldData",
    "FieldError",
    "Frame",
    "Functional",
    "Geometry",
    "Grid",
    "Labels",
    "Log",
    "Logit",
    "MissingExtraError",
    "NormalScore",
    "NotFittedError",
    "Observations",
    "Pattern",
    "PlacementError",
    "Prediction",
    "Query",
    "Shape",
    "ShapeError",
    "Sphere",
    "TableError",
    "TableTargets",
    "TableWarning",
    "Targets",
    "Transform",
    "UnfamiliarFieldsWarning",
    "ValuesError",
    "Variable",
    "as_observations",
    "average",
    "by_names",
    "canonical_order",
    "box_averages",
    "check_fraction",
    "check_inside",
    "check_pattern",
    "check_support",
    "data_in_units",
    "draw_cells",
    "grid_answer",
    "in_units",
    "is_table",
    "known_points",
    "load_extra",
    "observe",
    "own_defaults",
    "overlap",
    "robust_limits",
    "target_grid",
    "transform_from_dict",
    "under_own_defaults",
    "unfamiliar",
    "write_table",
]
