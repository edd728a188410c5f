"""`place`: from tables of candidates and stations to a table of sensors and a page."""

import numpy as np
import pandas as pd
import pytest

from mamba_diffae import FieldAutoencoder
from mamba_diffae.placement import place_sensors


@pytest.fixture
def files(tmp_path):
    rng = np.random.default_rng(0)
    places = pd.DataFrame(rng.uniform(0.1, 0.8, (40, 2)), columns=["y", "x"])
    places.assign(owner="harbour").to_csv(tmp_path / "places.csv", index=False)
    pd.DataFrame({"x": [0.5], "y": [0.4]}).to_csv(tmp_path / "stations.csv", index=False)
    return tmp_path


def test_the_table_is_that_of_the_library_and_the_page_stands(shell, finished, files):
    line = (
        f"place --model {finished} -n 3 --candidates {files}/places.csv --existing "
        f"{files}/stations.csv --min-distance 0.1 --device cpu --measure --run {files}/run"
    )
    told = shell(f"{line} --out {files}/sensors.csv")
    assert told.code == 0, told.err
    assert "New sensors: 3, existing: 1" in told.out
    assert "Measured on test fields with 3" in told.out
    model = FieldAutoencoder.from_pretrained(finished, device="cpu")
    options = {"candidates": files / "places.csv", "existing": files / "stations.csv"}
    expected = place_sensors(model, 3, min_distance=0.1, **options).to_frame()
    table = pd.read_csv(files / "sensors.csv", index_col="sensor")
    pd.testing.assert_frame_equal(table, expected, rtol=1e-6)
    page = (files / "run" / "report.html").read_text()
    assert "Expected error against number of sensors" in page
    assert "Measured on test fields" in page
    again = shell(f"{line} --out {files}/other.csv")
    assert again.code == 2
    assert "holds a placement already" in again.err
    assert not (files / "other.csv").exists()
    inside = shell(f"{line} --out {files}/run/sensors.csv --overwrite")
    assert inside.code == 0, inside.err
    assert (files / "run" / "sensors.csv").exists()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ("-n 3 --out {0}/sensors.png", ".csv or .parquet"),
        ("-n 0 --out {0}/a.csv", "1 or more"),
        ("-n 41 --candidates {0}/places.csv --out {0}/a.csv", "there are 40 candidates"),
        ("-n 9 --min-distance 0.9 --out {0}/a.csv", "could be placed at least 0.9"),
        ("-n 2 --min-distance -1 --out {0}/a.csv", "0 or a positive distance"),
        ("-n 2 --noise -1 --out {0}/a.csv", "standard deviation"),
        ("-n 2 --candidates {0}/none.csv --out {0}/a.csv", "There is no file"),
        ("-n 2 --source emoji --out {0}/a.csv", "add --measure"),
        ("-n 2 --out {0}/places.csv", "--overwrite"),
        ("-n 2 --run {0} --out {0}/a.csv", "holds something else"),
    ],
)
def test_what_does_not_fit_is_refused_and_nothing_written(shell, finished, files, options, told):
    before = sorted(files.iterdir())
    outcome = shell(f"place --model {finished} --device cpu {options.format(files)}")
    assert outcome.code == 2
    assert told in outcome.err
    assert sorted(files.iterdir()) == before
