"""A sheet of pictures: the same fields by the main ways to draw."""

from __future__ import annotations

from collections.abc import Mapping

from mamba_diffae.benchmark import ImageGrid
from mamba_diffae.benchmark.panels import draws_grid
from mamba_diffae.estimator import FieldAutoencoder
from studies.draws.arms import FLOW, PIXELS, SCORE, START, Arm
from studies.draws.asked import Asked
from studies.draws.plan import CaseFolder, Planned
from studies.draws.ways import UNTRAINED, Way, by_flow, drawn

SHOWN_DRAWS = 2
"""Draws of each field and way."""
_COMMON = ("truth", "observed")
"""Columns that are the same for all ways."""


def sheet(folder: CaseFolder) -> list[ImageGrid]:
    """Truth, then mean and draws of the main ways that are trained; nothing if none is.

    Args:
        folder: Of the case.
    """
    shown = folder.test.distinct(folder.plan.shown)
    seen = folder.observe(shown, folder.case.fractions[0])
    asked = Asked(shown.grid, seen, folder.plan.n_draws, folder.request.seed)
    grids: dict[str, ImageGrid] = {}
    for arm, way in _main_ways(folder):
        training = folder.training(Planned(folder.case, arm))
        if training.finished():
            model = FieldAutoencoder.from_pretrained(training.folder, device=folder.request.device)
            found = drawn(way, model, asked)
            grids[way.label] = draws_grid(found.raw, shown, seen, SHOWN_DRAWS)
    if not grids:
        return []
    caption = (
        f"{folder.case.title}, {folder.case.fractions[0]:.0%} of the lattice observed. Draws as "
        "they come, without calibration."
    )
    return [joined(grids, "Draws by the main ways", caption)]


def joined(grids: Mapping[str, ImageGrid], title: str, caption: str) -> ImageGrid:
    """Truth and observations, then mean and draws of each grid, in one.

    Args:
        grids: From `draws_grid` of the same fields, by what made the draws; one at least.
        title: Heading.
        caption: What one sees.
    """
    first = next(iter(grids.values()))
    columns = [(first, name, name) for name in _COMMON]
    for label, grid in grids.items():
        own = [c for c in grid.columns if c not in (*_COMMON, "standard deviation")]
        columns += [(grid, name, f"{label}: {name}") for name in own]
    pictures = [
        [grid.pictures[row][list(grid.columns).index(name)] for grid, name, _ in columns]
        for row in range(len(first.rows))
    ]
    return ImageGrid(title, caption, [heading for *_, heading in columns], first.rows, pictures)


def _main_ways(folder: CaseFolder) -> list[tuple[Arm, Way]]:
    """Arms and what makes their draws."""
    learned = [arm for arm in (SCORE, PIXELS) if arm in folder.case.arms]
    return [
        (START, UNTRAINED),
        (FLOW, by_flow(folder.plan.reference)),
        *((arm, Way(arm.key, arm.label)) for arm in learned),
    ]
