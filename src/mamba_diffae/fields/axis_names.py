"""Common names of axes, by which columns and axes are recognised."""

from __future__ import annotations

import re

TIMES = ("time", "date", "datetime", "timestamp")
SYNONYMS = (
    ("lat", "latitude", "lats", "nav_lat"),
    ("lon", "longitude", "long", "lng", "lons", "nav_lon"),
    ("y", "north", "northing"),
    ("x", "east", "easting"),
    ("depth",),
    ("height", "altitude"),
    ("pressure",),
    ("level", "lev"),
    ("z",),
    ("time", "t"),
)
"""Names of one axis, the first being the usual one; spelt in any case, with a unit behind."""


def simple(name: str) -> str:
    """A name without its unit, in lower case.

    >>> simple("Latitude (°N)"), simple("nav lat [deg]")
    ('latitude', 'nav_lat')
    """
    bare = re.sub(r"[\[(].*?[\])]", "", name).strip().lower()
    return re.sub(r"[\s\-.]+", "_", bare).strip("_")


def same_axis(a: str, b: str) -> bool:
    """Whether two names are those of one axis.

    >>> same_axis("Latitude", "lat"), same_axis("lat", "y")
    (True, False)
    """
    a, b = simple(a), simple(b)
    return a == b or any(a in names and b in names for names in SYNONYMS)
