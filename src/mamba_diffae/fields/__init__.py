"""What a field is: scattered points, complete grids, scaling, and how observations are drawn."""

from mamba_diffae.fields.grid import GridField, area_average, area_weights, pixel_centres
from mamba_diffae.fields.observe import CELLS, Pattern, check_fraction, draw_cells, observe
from mamba_diffae.fields.prediction import Observations, Prediction, Targets, as_batch, queries
from mamba_diffae.fields.scaling import Scaling
from mamba_diffae.fields.sparse import FieldBatch, SparseField, check_coords, check_points, collate

__all__ = [
    "CELLS",
    "FieldBatch",
    "GridField",
    "Observations",
    "Pattern",
    "Prediction",
    "Scaling",
    "SparseField",
    "Targets",
    "area_average",
    "area_weights",
    "as_batch",
    "check_coords",
    "check_fraction",
    "check_points",
    "collate",
    "draw_cells",
    "observe",
    "pixel_centres",
    "queries",
]
