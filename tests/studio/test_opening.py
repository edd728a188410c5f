"""Uploads: what is taken, what is refused and why; nothing of the machine is told."""

import io
import zipfile

import numpy as np
import pytest
from PIL import Image

from mamba_diffae.studio import opening
from mamba_diffae.studio.errors import UploadError
from mamba_diffae.studio.opening import checked_name, opened_upload
from mamba_diffae.studio.words import in_words


@pytest.fixture(scope="module")
def opened(library):
    return library.model("emoji-96")


def picture(height: int, width: int) -> bytes:
    pixels = np.random.default_rng(0).integers(0, 255, (height, width, 3), dtype=np.uint8)
    written = io.BytesIO()
    Image.fromarray(pixels).save(written, "PNG")
    return written.getvalue()


def array(values: np.ndarray) -> bytes:
    written = io.BytesIO()
    np.save(written, values)
    return written.getvalue()


def refused(opened, name: str, content: bytes) -> str:
    with pytest.raises(ValueError, match=r".") as caught:
        opened_upload(opened, name, content)
    told = in_words(caught.value)
    assert "/tmp" not in told
    assert "mamba-diffae-" not in told
    return told


def test_a_picture_is_taken_under_its_own_name(opened):
    source = opened_upload(opened, "C:\\maps\\a <b>x.png", picture(100, 200))
    assert source.label == source.file == "a <b>x.png"
    assert source.data.shape == (96, 96)


def test_arrays_are_taken_in_the_units_of_the_model(opened):
    source = opened_upload(
        opened, "a.npy", array(np.full((2, 48, 48, 3), 7.0) + np.eye(48)[None, ..., None])
    )
    assert (len(source.data), source.data.shape) == (2, (48, 48))
    assert source.data.variables == opened.estimator.variables


def test_an_array_without_an_axis_of_snapshots_is_one_field(opened):
    values = np.random.default_rng(0).uniform(0, 255, (40, 60, 3))
    source = opened_upload(opened, "a.npy", array(values))
    assert source.data.values.shape == (1, 40, 60, 3)
    np.testing.assert_allclose(source.data.values[0], values, rtol=1e-6)
    assert source.note.startswith("The array of 40 × 60 cells has no coordinates: it is laid over")
    assert "96 × 96 cells" in source.note
    assert opened_upload(opened, "a.npy", array(values[:, :40])).note == ""


def test_a_constant_array_is_shown_as_any_other(opened):
    source = opened_upload(opened, "a.npy", array(np.full((40, 40, 3), 0.5)))
    assert (source.data.values == 0.5).all()


def test_fields_of_a_single_row_are_refused_in_words_for_the_page(opened):
    told = refused(opened, "a.npy", array(np.zeros((1, 1, 300, 3))))
    assert told.startswith("a.npy holds fields of 1 × 300 cells (y, x)")
    assert "give two cells or more along each" in told


def test_small_pictures_are_read_at_their_own_size(opened):
    source = opened_upload(opened, "a.png", picture(40, 40))
    assert (source.data.shape, source.note) == ((40, 40), "")
    assert source.data.grid.same_region(opened.estimator.grid)
    source = opened_upload(opened, "a.png", picture(200, 60))
    assert source.data.shape == (60, 60)
    assert source.note == (
        "The central part of the picture of 200 × 60 pixels (rows × columns) is shown."
    )


def test_it_is_told_how_a_large_picture_was_brought_to_the_cells_of_the_model(opened):
    told = opened_upload(opened, "a.png", picture(200, 640)).note
    assert told.startswith("The central part of the picture of 200 × 640 pixels (rows × columns)")
    assert told.endswith("is averaged to 96 × 96.")
    assert opened_upload(opened, "a.png", picture(96, 96)).note == ""


@pytest.mark.parametrize(
    "name", ["a.exe", "png", ".npy", "a.csv", "a.png.zip", "", "../../etc/passwd"]
)
def test_other_kinds_are_refused_by_their_name(name):
    with pytest.raises(UploadError, match=r"give a picture \(.png, .jpg, .webp\), an array"):
        checked_name(name)


@pytest.mark.parametrize("name", ["../../a.png", "..\\a.png", "a/../../b/a.png", "/a.png"])
def test_names_lose_their_folders(name):
    assert checked_name(name) == "a.png"


def test_what_is_no_picture_is_refused(opened):
    assert "cannot be decoded as a PNG" in refused(opened, "a.png", b"<script>alert(1)</script>")


def test_one_pixel_is_too_few(opened):
    assert "is 1 × 1 pixels" in refused(opened, "a.png", picture(1, 1))


def test_a_large_file_is_refused_before_it_is_read(opened):
    told = refused(opened, "a.png", bytes(50 * 2**20))
    assert told.startswith("a.png has 50 MB; the studio takes files up to 32 MB")


def test_a_file_that_unfolds_to_much_is_refused(opened, monkeypatch):
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("values.npy", array(np.zeros((1, 96, 96, 3))))
    monkeypatch.setattr(opening, "VALUE_LIMIT", 2**16)
    assert "unfolds to" in refused(opened, "a.npz", written.getvalue())


def test_fields_of_too_many_cells_are_refused(opened, monkeypatch):
    monkeypatch.setattr(opening, "CELL_LIMIT", 1000)
    values = np.random.default_rng(0).random((1, 96, 96, 3))
    assert "96 × 96 cells; the studio takes at most 1000" in refused(opened, "a.npy", array(values))


def test_pickles_are_refused(opened):
    values = np.array([{}], dtype=object)
    assert "a.npy" in refused(opened, "a.npy", array(values))


def test_fields_of_another_kind_are_refused(opened):
    told = refused(opened, "a.npy", array(np.random.default_rng(0).random((2, 8, 8))))
    assert "emoji-96 was trained on 3 variables" in told


@pytest.mark.parametrize(
    ("name", "begins", "advice"),
    [
        ("sst", "a.nc holds sst, but weather-96 was trained on t2m, ", "dataset.rename"),
        ("t2m", "a.nc holds t2m, but not ", "mamba-diffae predict TABLE --variable t2m"),
    ],
)
def test_a_data_set_that_lacks_variables_says_what_it_has_and_what_to_do(
    library, tmp_path, name, begins, advice
):
    xarray = pytest.importorskip("xarray")
    data = xarray.Dataset({name: (("time", "lat", "lon"), np.ones((2, 4, 5)))})
    data.to_netcdf(tmp_path / "a.nc")
    told = refused(library.model("weather-96"), "a.nc", (tmp_path / "a.nc").read_bytes())
    assert told.startswith(begins)
    assert advice in told
    assert "Did you mean" not in told


def test_a_damaged_data_set_is_refused(opened):
    assert "is no NetCDF file" in refused(opened, "a.nc", b"no data set at all")


def test_models_of_volumes_are_refused(library, monkeypatch):
    class Grid:
        dim, names = 3, ("z", "y", "x")

    class Model:
        estimator = type("", (), {"grid": Grid})

    monkeypatch.setattr(opening.OpenedModel, "open", lambda name, device: Model)
    with pytest.raises(ValueError, match="the studio shows maps"):
        library.model("volumes")


def test_paths_of_models_are_not_shown():
    library = opening.Library(("/home/someone/runs/mine",))
    assert list(library.models) == ["mine", "emoji-96", "weather-96"]


def test_a_data_set_that_only_declares_much_is_refused_unread(opened, tmp_path):
    netcdf = pytest.importorskip("netCDF4")
    with netcdf.Dataset(tmp_path / "a.nc", "w") as dataset:
        dataset.createDimension("time", 10**11)  # xarray would read it whole
        dataset.createVariable("time", "f8", ("time",), chunksizes=(10**5,))
    content = (tmp_path / "a.nc").read_bytes()
    assert len(content) < 2**16
    assert "unfolds to 762939 MB" in refused(opened, "a.nc", content)


def test_a_set_of_other_variables_than_the_model_s_is_refused(library):
    with pytest.raises(ValueError, match=r"holds the variables pressure.*trained on red, green"):
        library.packaged(library.model("emoji-96"), "two-variables")


def test_a_folder_named_as_a_packaged_model_is_told_from_it():
    library = opening.Library(("runs/emoji-96",))
    assert library.models["./emoji-96"] == "runs/emoji-96"
    assert library.models["emoji-96"] == "emoji-96"
