"""What the page says."""

import numpy as np
import pytest

from mamba_diffae.fields import Variable
from mamba_diffae.studio.words import (
    familiarity_in_words,
    in_words,
    scores_in_words,
    without_paths,
)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("/tmp/a/b.nc is damaged.", "b.nc is damaged."),
        ("no file '/home/me/x y.png'", "no file 'x y.png'"),
        ("in /a/b/c/: two", "in c: two"),
        ("a/b of 3 km/h on 1/2", "a/b of 3 km/h on 1/2"),
        ("(/root/model/config.json)", "(config.json)"),
    ],
)
def test_paths_lose_their_folders(text, told):
    assert without_paths(text) == told


def test_what_a_person_did_is_told_in_full_the_rest_by_its_kind():
    assert in_words(ValueError("Give more.")) == "Give more."
    told = in_words(KeyError("/secret/place"))
    assert "secret" not in told
    assert "KeyError" in told


def test_familiarity_says_which_it_is():
    assert "is like the training fields (p = 0.40" in familiarity_in_words(np.array([0.4]))
    unlike = familiarity_in_words(np.array([0.001]), np.array([[0.9, 0.1]]))
    assert unlike.startswith("The field is unlike the training fields")
    assert "leans on kriging" in unlike
    assert "does not say" in familiarity_in_words(None)


def test_scores_are_those_of_the_variable_that_is_shown():
    scores = {"psnr": 20.0, "ssim": 0.5, "rmse": {"sst": 0.123456, "salt": 2.0}}
    assert scores_in_words(scores, Variable("sst", "degC")) == "RMSE 0.123 degC"
    assert scores_in_words(scores) == "20.0 dB, SSIM 0.50"
    assert scores_in_words({"psnr": 1.0, "rmse": 2.0}, Variable("v")) == "RMSE 2"
