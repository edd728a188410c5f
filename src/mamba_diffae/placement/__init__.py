"""Where to put the next sensors: a design of least posterior variance, in closed form."""

from mamba_diffae.placement.place import place_sensors
from mamba_diffae.placement.result import Arrangement, Placement

__all__ = ["Arrangement", "Placement", "place_sensors"]
