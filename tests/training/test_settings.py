"""Settings: a preset, what the data say of it, and changes by section."""

import json
from dataclasses import replace

import pytest
from field_cases import geometry

from mamba_diffae.fields import FieldData
from mamba_diffae.models import ARCHITECTURES
from mamba_diffae.training.settings import Settings, settings_for


@pytest.fixture
def data(inside) -> FieldData:
    return inside(count=12, shape=(20, 40), variables=2)


def settings(fields: FieldData, kind: str = "autoencoder", /, **changes: dict) -> Settings:
    return settings_for(ARCHITECTURES.get(kind), fields, geometry(fields), "tiny", changes)


def test_what_the_data_say(data: FieldData) -> None:
    found = settings(data)
    assert found.model.value_dim == 2
    assert found.model.native_shape == found.model.observed_shape == (20, 40)
    assert found.data.observed_shape == (20, 40)
    assert found.data.mirrored is False
    assert list(found.training) == ["autoencoder", "ensemble", "flow", "latent"]
    assert found.latent_flow is not None
    assert found.latent_flow.latent_dim == found.model.latent_dim
    assert json.loads(json.dumps(found.to_dict())) == found.to_dict()


def test_it_says_what_it_inferred(data: FieldData) -> None:
    said = settings(replace(data, mirrored=True), data={"observed_shape": (10, 20)}).describe()
    assert said[0] == "Observed: cells of a lattice of 10 × 20; the fields have 20 × 40."
    assert said[1] == "Snapshots mirrored along the last axis count as well."
    assert said[2] == "Prior: analogue, from 8 training snapshots on 10 × 20 cells."
    assert said[3].startswith("Decoder: ")
    assert len(settings(data, "minimal-latent").describe()) == 2
    alone = settings(replace(data, groups=data.groups * 0)).describe()
    assert alone[2] == "Prior: kriging on 20 × 40 cells."
    without = settings(data, data={"exemplars": 0}).describe()
    assert without[2] == "Prior: none, as data.exemplars is 0."


def test_changes_come_by_section_and_a_phase_by_either_name(data: FieldData) -> None:
    changes = {"diffusion": {"steps": 7}, "flow": {"batch_size": 3}, "latent_flow": {"width": 9}}
    found = settings(data, **changes, model={"d_model": 24, "sigma": 2.0})
    assert (found.training["flow"].steps, found.training["flow"].batch_size) == (7, 3)
    assert found.latent_flow.width == 9
    assert (found.model.d_model, found.model.sigma) == (24, 2.0)
    only = settings(data, "minimal-latent", diffusion={"steps": 7})
    assert list(only.training) == ["flow"]
    assert only.latent_flow is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"modell": {}}, "Unknown section 'modell'; did you mean 'model'"),
        ({"model": {"d_modl": 8}}, "Unknown autoencoder setting 'd_modl'; did you mean 'd_model'"),
        ({"data": {"querys": 8}}, "Unknown data setting 'querys'; did you mean 'queries'"),
        ({"flow": {"step": 8}}, r"Unknown training\.flow setting 'step'; did you mean 'steps'"),
        ({"model": {"d_model": 2}}, "settings do not fit: d_model = 2"),
        ({"model": {"value_dim": 3}}, "model.value_dim follows from the fields"),
        ({"model": {"geometry": None}}, "model.geometry follows from the fields"),
        ({"latent_flow": {"latent_dim": 3}}, r"follows from the network; set model\.latent_dim"),
        ({"data": {"observed_shape": (21, 40)}}, "observed_shape is 21 × 40, but the fields have"),
        ({"model": {"exemplars": 9}}, "room for 9 exemplars, but there are 8 training fields"),
        ({"data": {"patterns": {"tracks": 1}}}, "Unknown pattern 'tracks'; did you mean 'track'"),
        ({"flow": {"objective": "flw"}}, "Unknown objective 'flw'; did you mean 'flow'"),
    ],
)
def test_what_does_not_fit_is_named(data: FieldData, changes: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        settings(data, **changes)
