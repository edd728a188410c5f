"""Names of columns: a batch keeps them, and a model finds its axes and variables by them."""

from dataclasses import replace

import pytest
import torch

from mamba_diffae.fields import CoordinateError, Labels, Observations, ShapeError, ValuesError
from mamba_diffae.fields.labels import by_names

LABELS = Labels(("lat", "lon"), ("sst", "salt"))


def labelled(labels: Labels | None = LABELS, fields: int = 2) -> Observations:
    generator = torch.Generator().manual_seed(0)
    coords, values, support = (torch.rand(fields, 5, 2, generator=generator) for _ in range(3))
    return Observations(
        coords, values, torch.rand(fields, 5, 2, generator=generator) > 0.3, support, labels=labels
    )


def test_columns_go_where_their_names_say():
    seen = labelled()
    found = by_names(seen, ("Longitude", "latitude"), ("salt", "ice", "sst"))
    assert found.labels is None
    assert torch.equal(found.coords, seen.coords.flip(-1))
    assert torch.equal(found.support, seen.support.flip(-1))
    assert torch.equal(found.values[..., [2, 0]], seen.values)
    assert torch.equal(found.mask[..., [2, 0]], seen.mask)
    assert not found.mask[..., 1].any()
    assert not found.values[..., 1].any()


def test_observations_without_names_stay_as_they_are():
    seen = labelled(None)
    assert by_names(seen, ("x", "y"), ("v0", "v1")) is seen


def test_other_names_are_refused():
    with pytest.raises(CoordinateError, match="lat, lon, but the grid has the axes y, x"):
        by_names(labelled(), ("y", "x"), ("sst", "salt"))
    with pytest.raises(CoordinateError, match="axes depth, lat, lon"):
        by_names(labelled(), ("depth", "lat", "lon"), ("sst", "salt"))
    with pytest.raises(ValuesError, match="hold salt, but the variables are sst"):
        by_names(labelled(), ("lat", "lon"), ("sst",))


def test_labels_follow_their_fields():
    days = labelled(replace(LABELS, snapshots=("mon", "tue")))
    assert days[1].labels.snapshots == ("tue",)
    assert days[torch.tensor([1, 0])].labels.snapshots == ("tue", "mon")
    joined = Observations.stack([days, labelled(fields=1)])
    assert joined.labels.snapshots == ("mon", "tue", None)
    assert joined.to(torch.float64).labels == joined.labels
    assert Observations.stack([labelled(), labelled()]).labels == LABELS


def test_labels_that_do_not_fit_are_refused():
    with pytest.raises(ShapeError, match="2 axes and 2 variables were given labels of 2, 2 and 1"):
        labelled(Labels(("lat", "lon"), ("sst",)))
    with pytest.raises(ShapeError, match="different names"):
        Observations.stack([labelled(), labelled(None)])
