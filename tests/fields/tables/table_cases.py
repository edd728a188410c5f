"""Tables as people who measure have them."""

import pandas as pd

STATIONS = {
    "station": ["A", "B", "C", "D"],
    "lon": [7.9, 8.4, 6.1, 7.0],
    "lat": [54.2, 55.0, 53.9, 54.0],
    "sst": [11.0, 12.5, 13.0, 9.0],
}


def frame(**columns) -> pd.DataFrame:
    """Four stations, with other or more columns."""
    return pd.DataFrame(STATIONS | columns)
