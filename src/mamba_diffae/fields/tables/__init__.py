"""Tables of measurements: observations out of their rows, predictions into rows."""

from mamba_diffae.fields.tables.answers import TableTargets, grid_answer
from mamba_diffae.fields.tables.naming import column_of
from mamba_diffae.fields.tables.observing import Side, TableColumns, table_observations
from mamba_diffae.fields.tables.opening import OpenedTable, TableWarning, is_table
from mamba_diffae.fields.tables.writing import TABLES, write_table

__all__ = [
    "TABLES",
    "OpenedTable",
    "Side",
    "TableColumns",
    "TableTargets",
    "TableWarning",
    "column_of",
    "grid_answer",
    "is_table",
    "table_observations",
    "write_table",
]
