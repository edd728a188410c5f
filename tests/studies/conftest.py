"""Fields and a folder for studies; they share their trained models, as a user's do."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mamba_diffae.benchmark import Request
from mamba_diffae.fields import FieldData
from mamba_diffae.sources import open_field


@pytest.fixture(scope="session")
def forty(smooth_fields: Callable[..., FieldData], tmp_path_factory: pytest.TempPathFactory) -> str:
    """A file of two dozen fields of 40 × 40."""
    file: Path = tmp_path_factory.mktemp("fields") / "fields.npy"
    np.save(file, smooth_fields(count=24, shape=(40, 40), variables=3).values)
    return str(file)


@pytest.fixture(scope="session")
def quick(forty: str, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Request]:
    """Requests at the quick scale, by the name of the study."""
    runs = tmp_path_factory.mktemp("runs")

    def make(name: str) -> Request:
        (runs / name).mkdir(exist_ok=True)
        return Request(runs / name, open_field(forty), forty, "quick", seed=1, device="cpu")

    return make
