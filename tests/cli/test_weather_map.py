"""The weather map of the demo: nothing of its region and hour was learned from."""

import numpy as np

from mamba_diffae.cli import weather_map
from mamba_diffae.cli.weather_map import show_weather, unseen_region
from mamba_diffae.sources import open_field


def test_the_region_is_of_the_test_days_and_sectors() -> None:
    region, sectors = unseen_region(), open_field("weather:sectors")
    assert region.shape == (72, 108)
    assert not region.grid.axes[1].periodic
    hour = sectors.split("test").take(slice(-1, None))
    assert region.names == hour.names
    columns = np.isin(sectors.grid.axes[1].centres, region.grid.axes[1].centres)
    assert hour.valid_mask()[:, :, columns].all()
    learned = sectors.take(sectors.splits != "test")
    assert not learned.valid_mask()[:, :, columns].any()
    rows = np.isin(sectors.grid.axes[0].centres, region.grid.axes[0].centres)
    np.testing.assert_array_equal(region.values, hour.values[:, rows][:, :, columns])


def test_the_packaged_model_is_shown_on_a_part_of_it(monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(weather_map, "REGION", {"lat": (30.0, 50.0), "lon": (250.0, 280.0)})
    show_weather(tmp_path / "map.html", 0, "cpu")
    page = (tmp_path / "map.html").read_text()
    assert "from 5% of the cells" in page or "from 5 % of the cells" in page
    for words in ("t2m", "msl", "Errors where nothing was observed", "better than kriging"):
        assert words in page
