"""Pictures by the likeness of their features: nearest neighbours, and a map in the plane."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from mamba_diffae.benchmark import ImageGrid
from mamba_diffae.evaluation.retrieval import cosines
from mamba_diffae.fields import FieldData
from studies.common.pictures import pictures_of

NEIGHBOURS = 6
THUMBNAIL = 32
"""Cells along the longest axis of a picture on the map, at most."""


def neighbours_grid(
    features: Mapping[str, np.ndarray], pictures: FieldData, queries: int
) -> ImageGrid:
    """Some pictures, and those whose features make the smallest angle with theirs.

    Args:
        features: By label, shape (S, F), centred.
        pictures: Of distinct bases, S of them.
        queries: How many are asked, evenly spread.
    """
    asked = np.linspace(0, len(pictures) - 1, min(queries, len(pictures))).round().astype(int)
    shown = pictures_of(pictures)
    nearest = {
        kind: _nearest(x, min(NEIGHBOURS, len(pictures) - 1)) for kind, x in features.items()
    }
    rows = [(i, kind) for i in asked for kind in features]
    return ImageGrid(
        "Nearest neighbours",
        "Test pictures of distinct bases, each observed in a share of its cells, and those nearest "
        "to them by the cosine of their features.",
        ["picture", *(f"{k + 1}" for k in range(nearest[rows[0][1]].shape[1]))],
        [f"{pictures.names[i]}: by {kind}" for i, kind in rows],
        [[shown[i], *(shown[j] for j in nearest[kind][i])] for i, kind in rows],
    )


def map_grid(features: Mapping[str, np.ndarray], pictures: FieldData, seed: int) -> ImageGrid:
    """The pictures laid out by t-SNE of their features, each moved to a cell of its own.

    Args:
        features: By label, shape (S, F); at least four rows.
        pictures: S of them.
        seed: Of t-SNE.

    Reference:
        van der Maaten & Hinton (2008), Visualizing Data using t-SNE.
    """
    shape = pictures.grid.scaled_shape(min(THUMBNAIL, max(pictures.shape)))
    thumbnails = np.stack(pictures_of(pictures.at(shape)))
    drawn = [_laid_out(thumbnails, _cells(_plane(x, seed))) for x in features.values()]
    return ImageGrid(
        "Map",
        f"{len(pictures)} pictures of distinct bases in the plane of t-SNE, each moved to the "
        "nearest free cell of a grid.",
        [f"by {kind}" for kind in features],
        [""],
        [drawn],
    )


def _nearest(x: np.ndarray, count: int) -> np.ndarray:
    """Rows of the nearest others, nearest first, shape (S, count)."""
    similarity = cosines(x, x)
    np.fill_diagonal(similarity, -np.inf)
    return np.argsort(-similarity, axis=1, kind="stable")[:, :count]


def _plane(x: np.ndarray, seed: int) -> np.ndarray:
    from sklearn.manifold import TSNE

    perplexity = min(30.0, (len(x) - 1) / 3)
    return TSNE(init="pca", perplexity=perplexity, random_state=seed).fit_transform(x)


def _cells(places: np.ndarray) -> np.ndarray:
    """A cell (column, row) of its own for each place, moving all as little as can be."""
    from scipy.optimize import linear_sum_assignment
    from scipy.spatial.distance import cdist

    side = int(np.ceil(len(places) ** 0.5))
    low, high = places.min(axis=0), places.max(axis=0)
    scaled = (places - low) / np.maximum(high - low, 1e-12) * (side - 1)
    grid = np.stack(np.meshgrid(np.arange(side), np.arange(side)), axis=-1).reshape(-1, 2)
    _, chosen = linear_sum_assignment(cdist(scaled, grid, "sqeuclidean"))
    return grid[chosen]


def _laid_out(thumbnails: np.ndarray, cells: np.ndarray) -> np.ndarray:
    _, high, wide, colours = thumbnails.shape
    side = int(np.ceil(len(cells) ** 0.5))
    canvas = np.ones((side * high, side * wide, colours), np.float32)
    for picture, (column, row) in zip(thumbnails, cells, strict=True):
        canvas[row * high : (row + 1) * high, column * wide : (column + 1) * wide] = picture
    return canvas
