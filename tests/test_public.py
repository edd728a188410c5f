"""What `import mamba_diffae` offers, as the README's five lines use it."""

import subprocess
import sys
from importlib.metadata import version
from importlib.resources import files

import numpy as np
import pytest

import mamba_diffae as mda


def test_every_public_name_is_there_and_documented():
    for name in mda.__all__:
        assert getattr(mda, name).__doc__, name
    assert sorted(dir(mda)) == sorted(mda.__all__)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match=r"mamba_diffae.*FieldAutoencode'"):
        _ = mda.FieldAutoencode


def test_a_name_of_the_first_edition_says_what_it_is_now():
    with pytest.raises(AttributeError, match=r"GridField is now mamba_diffae.FieldData"):
        _ = mda.GridField


def test_the_import_alone_is_light():
    code = "import sys, mamba_diffae; print(sorted({'torch', 'numpy'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_types_and_data_travel_with_the_package():
    assert files("mamba_diffae").joinpath("py.typed").is_file()
    assert version("mamba-diffae")


def test_five_lines_from_field_to_score(smooth_fields):
    few = {"steps": 3, "batch_size": 4, "show_progress": False}
    truth = mda.open_field(smooth_fields())
    obs = mda.observe(truth, fraction=0.3, seed=0)
    model = mda.FieldAutoencoder("tiny", changes={"autoencoder": few, "ensemble": few}).fit(truth)
    field = model.predict(obs, targets=truth, n_draws=2)
    scores = mda.evaluate(field, truth)
    assert set(scores) == {"rmse", "psnr", "ssim", "crps", "coverage"}
    assert all(np.isfinite(list(scores.values())))
    assert mda.scan.selective_scan.__doc__
