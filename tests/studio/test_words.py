"""What the page says."""

import sys
import tempfile

import numpy as np
import pytest

from mamba_diffae.fields import Variable
from mamba_diffae.studio.words import (
    UPLOADS,
    extent_of,
    familiarity_in_words,
    in_words,
    scores_in_words,
    without_paths,
    without_upload_folders,
)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("/tmp/a/b.nc is damaged.", "b.nc is damaged."),
        ("no file '/home/me/x y.png'", "no file 'x y.png'"),
        ("in /a/b/c/: two", "in c: two"),
        ("a/b of 3 km/h on 1/2", "a/b of 3 km/h on 1/2"),
        ("(/root/model/config.json)", "(config.json)"),
        ("/var/a.nc and '/var/b c/d.nc' differ", "a.nc and 'd.nc' differ"),
        ("no `~/a b`", "no `a b`"),
        ("/secret.nc is damaged", "secret.nc is damaged"),
        ("../x and ./deep/er/y", "x and y"),
        ("~/maps/sea.nc, ~someone/x", "sea.nc, x"),
        (r"'C:\\Users\\a b\\x y.nc'", "'x y.nc'"),
        (r"D:/maps/x.nc, \\machine\maps\y.nc", "x.nc, y.nc"),
        ("see file:///home/a/x.nc!", "see x.nc!"),
        ("'file://machine/a b/x.nc'", "'x.nc'"),
        ("path=/srv/x.npz", "path=x.npz"),
        ("/srv/g.m, /srv/and/or/s.m and /srv/kg/m2", "g.m, s.m and m2"),
    ],
)
def test_paths_lose_their_folders(text, told):
    assert without_paths(text) == told


@pytest.mark.parametrize(
    "text",
    [
        "wind in m/s, flux in kg/m2/s and W/m2, rain in mm/day, '5 m/s'",
        "from 2020/01/02 to 2020/12/31, 3/4 of it, 1/2/3",
        "runs/mine is no run; and/or; latitude/longitude; n/a; ~3/4; a </b> b; 3 / 4; km/h.",
        "see https://example.org/a/b.html, http://127.0.0.1:5006/ and s3://bucket/key.nc",
        "the model's 'weather:sectors' isn't its 'red/green'",
    ],
)
def test_what_is_no_path_stays(text):
    assert without_paths(text) == text


def test_what_lies_in_known_folders_is_reduced_whatever_they_are_called(monkeypatch, tmp_path):
    home = tmp_path / "of, (some) one's"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(home)
    assert without_paths(f"{home}/deep/x.nc is damaged") == "x.nc is damaged"
    assert without_paths(f"{home}/my maps/x.nc is damaged") == "my maps/x.nc is damaged"
    assert without_paths(f"{sys.prefix}/lib/a.py, {tempfile.gettempdir()}/b") == "a.py, b"
    assert str(tmp_path) not in without_paths(f"{home} is full.")


def test_what_a_person_did_is_told_in_full_the_rest_by_its_kind():
    assert in_words(ValueError("Give more.")) == "Give more."
    told = in_words(KeyError("/secret/place"))
    assert "secret" not in told
    assert "KeyError" in told


def test_uploaded_files_are_named_without_the_folder_that_they_are_read_in():
    with tempfile.TemporaryDirectory(prefix=UPLOADS) as folder:
        told = without_upload_folders(f"{folder}/sea.nc: 3 gaps; /data/b.nc has none.")
    assert told == "sea.nc: 3 gaps; /data/b.nc has none."


def test_familiarity_says_which_it_is():
    assert "is like the training fields (p = 0.40" in familiarity_in_words(np.array([0.4]))
    unlike = familiarity_in_words(np.array([0.001]), np.array([[0.9, 0.1]]))
    assert unlike.startswith("The field is unlike the training fields")
    assert "leans on kriging" in unlike
    assert "does not say" in familiarity_in_words(None)


def test_of_a_field_with_gaps_it_is_said_how_much_there_is(library):
    weather = library.packaged(library.model("weather-96")).data
    assert extent_of(weather.take([0])) == "181 × 360, 30% with a value"
    emoji = library.packaged(library.model("emoji-96")).data
    assert extent_of(emoji.take([0])) == "96 × 96"


def test_scores_are_those_of_the_variable_that_is_shown():
    scores = {"psnr": 20.0, "ssim": 0.5, "rmse": {"sst": 0.123456, "salt": 2.0}}
    assert scores_in_words(scores, Variable("sst", "degC")) == "RMSE 0.123 degC"
    assert scores_in_words(scores) == "20.0 dB, SSIM 0.50"
    assert scores_in_words({"psnr": 1.0, "rmse": 2.0}, Variable("v")) == "RMSE 2"
