"""The page of a placement: its curve, maps and tables, stored and read again."""

import numpy as np
import pytest

from mamba_diffae import FieldAutoencoder, FieldData
from mamba_diffae.benchmark import load_page, save_page
from mamba_diffae.benchmark.colours import NEUTRAL
from mamba_diffae.benchmark.placement_page import placement_page
from mamba_diffae.placement import place_sensors
from mamba_diffae.report import write_report

PHASE = {"steps": 1, "batch_size": 4, "show_progress": False}


def model_of(data: FieldData) -> FieldAutoencoder:
    changes = {"model": {"d_model": 16, "prior": "analogue", "codes": ()}, "autoencoder": PHASE}
    return FieldAutoencoder("tiny", changes=changes, device="cpu").fit(data, phases=["autoencoder"])


@pytest.mark.parametrize(("shape", "variables"), [((12, 12), 1), ((12, 12), 2), ((16,), 1)])
def test_curve_maps_and_tables(smooth_fields, tmp_path, shape, variables):
    data = smooth_fields(shape=shape, variables=variables)
    truth = data.split("test")
    standing = [[0.3] * len(shape)]
    found = place_sensors(model_of(data), 4, existing=standing, truth=truth)
    page = placement_page(found, "Four sensors", {"command": "mamba-diffae place"})
    curve, maps = page.panels
    assert len(curve.pictures) == 1
    assert maps.columns == ["existing alone", "greedy", "random", "QR"]
    assert len(maps.rows) == variables
    errors, measured, places = page.tables
    assert [row[0] for row in errors.rows] == ["0", "1", "2", "3", "4"]
    greedy = [row[1] for row in errors.rows]
    np.testing.assert_allclose(greedy, found.curve(found.greedy))
    assert len(measured.rows) == 3 * variables
    assert [row[1:] for row in places.rows] == found.coords.tolist()
    save_page(page, tmp_path)
    kept = load_page(tmp_path)
    assert kept.findings == list(page.findings)
    write_report(kept, tmp_path / "report.html")
    assert "What stays uncertain" in (tmp_path / "report.html").read_text()


def test_cells_of_sensors_are_left_grey(smooth_fields):
    data = smooth_fields(shape=(12, 12))
    found = place_sensors(model_of(data), 2)
    maps = placement_page(found, "Two", {}).panels[1]
    grey = [(np.abs(p - np.array(NEUTRAL)) < 1e-6).all(axis=-1).sum() for p in maps.pictures[0]]
    assert grey == [0, 2, 2, 2]
