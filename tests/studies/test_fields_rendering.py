"""Other packages on a grid, and what a rendering takes."""

import numpy as np
import pytest

from mamba_diffae.evaluation import Nearest
from mamba_diffae.fields import observe
from studies.fields.peers import PEERS
from studies.fields.rendering_process import measured, peak


@pytest.mark.slow  # they fit their variograms
@pytest.mark.parametrize("peer", PEERS, ids=lambda peer: peer.name)
def test_packages_answer_on_the_grid_of_the_truth(peer, smooth_fields):
    pytest.importorskip(peer.package)
    data = smooth_fields(count=2, shape=(10, 14), variables=2)
    seen = observe(data, 0.3, seed=1)
    told = peer.predict(seen, data.grid)
    assert told.mean.shape == data.values.shape
    error, rough = (
        np.sqrt(np.square(p.mean - data.values).mean())
        for p in (told, Nearest().predict(seen, data.grid))
    )
    assert error < rough  # rows and columns are not mixed up
    assert (told.stated_std is None) == (peer.name == "verde")


def test_a_process_tells_its_memory_and_what_is_too_much(monkeypatch):
    first = peak()
    told = measured(lambda size: np.ones((size, 2**17)), 512)
    assert 0 < first <= told["before"] + 1
    assert told["peak"] >= 512
    monkeypatch.setattr("studies.fields.rendering_process._limit", lambda: None)

    def too_much(size: int) -> None:
        if size > 16:
            raise MemoryError

    assert measured(too_much, 17) == {"failed": "out of 4 GB"}
