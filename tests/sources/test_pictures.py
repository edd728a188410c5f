"""Pictures: what is read, how it becomes a square field, and what is refused."""

import os
import struct
import sys
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image

from mamba_diffae.sources import open_field, open_picture


def save(path, pixels, **options):
    Image.fromarray(pixels).save(path, **options)
    return path


def ramp(height, width):
    """RGB whose red is the column and green the row."""
    rows, columns = np.mgrid[:height, :width]
    return np.stack([columns, rows, np.zeros_like(rows)], axis=-1).astype(np.uint8)


def png_header(path, width, height):
    """A PNG of a few bytes that declares itself huge."""

    def chunk(kind, data):
        check = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + check

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)
    return path


def test_a_folder_is_read_sorted_with_subfolders_and_without_other_files(folder):
    field = open_field(folder)
    assert list(field.names) == ["a.JPG", "b.png", "c.webp", "sub/a.jpeg"]
    assert field.values.shape == (4, 16, 16, 3)
    assert field.values.dtype == np.uint8
    assert [v.name for v in field.variables] == ["red", "green", "blue"]
    assert field.mirrored
    assert field.groups.tolist() == [0, 1, 2, 3]
    assert set(field.splits) == {"train", "val", "test"}


def test_a_lossless_picture_at_native_size_is_unchanged(folder):
    pixels = np.asarray(Image.open(folder / "c.webp").convert("RGB"))
    np.testing.assert_array_equal(open_field(str(folder)).values[2], pixels)


def test_size_is_chosen_and_averages_areas(folder):
    pixels = np.asarray(Image.open(folder / "b.png"))[2:22]
    expected = pixels.reshape(5, 4, 5, 4, 3).mean(axis=(1, 3))
    np.testing.assert_allclose(open_field(folder, size=5).values[1], expected, atol=0.5001)


def test_the_native_size_is_capped(tmp_path):
    save(tmp_path / "large.png", ramp(300, 280))
    assert open_field(tmp_path).shape == (256, 239)
    assert open_field(tmp_path, size=300).shape == (300, 280)


@pytest.mark.parametrize(
    ("size", "shape"), [(None, (8, 12)), (6, (4, 6)), ((4, 6), (4, 6)), ((2, 8), (2, 8))]
)
def test_pictures_of_one_oblong_size_keep_their_aspect(tmp_path, size, shape):
    for i in range(3):
        save(tmp_path / f"{i}.png", ramp(8, 12))
    field = open_field(tmp_path, size=size)
    assert field.shape == shape
    assert field.values[0, ..., 0].mean() == pytest.approx(5.5, abs=0.5)
    assert field.values[0, ..., 1].mean() == pytest.approx(3.5, abs=0.5)


def test_a_size_is_the_longer_side_of_one_picture(tmp_path):
    path = save(tmp_path / "a.png", ramp(8, 12))
    assert open_picture(path, 6).shape == (4, 6, 3)
    with pytest.raises(ValueError, match=r"is 8 × 12 pixels .* but 9 × 13 were asked"):
        open_picture(path, 13)


def test_the_middle_of_a_picture_is_kept(tmp_path):
    wide = open_picture(save(tmp_path / "wide.png", ramp(4, 10)), (4, 4))
    np.testing.assert_array_equal(wide[0, :, 0], [3, 4, 5, 6])
    tall = open_picture(save(tmp_path / "tall.png", ramp(10, 4)), (4, 4))
    np.testing.assert_array_equal(tall[:, 0, 1], [3, 4, 5, 6])


def test_the_camera_orientation_is_respected(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees
    path = save(tmp_path / "turned.png", ramp(4, 4), exif=exif)
    np.testing.assert_array_equal(open_picture(path, 4), np.rot90(ramp(4, 4), -1))


def test_pictures_turned_by_the_camera_have_one_size_with_the_others(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 8
    save(tmp_path / "turned.png", ramp(4, 6), exif=exif)
    save(tmp_path / "upright.png", ramp(6, 4))
    assert open_field(tmp_path).shape == (6, 4)


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp"])
def test_a_malformed_camera_block_spoils_no_picture(tmp_path, name):
    save(tmp_path / name, np.full((8, 8, 3), 90, np.uint8), exif=b"Exif\0\0no TIFF header here")
    assert abs(int(open_picture(tmp_path / name, 8).mean()) - 90) < 3
    assert open_field(tmp_path).shape == (8, 8)


def test_every_ending_of_a_jpeg_is_read_and_other_pictures_are_counted(folder):
    for name, form in (("d.jfif", "JPEG"), ("e.JPE", "JPEG"), ("f.tif", "TIFF"), ("g.TIF", "TIFF")):
        Image.new("RGB", (16, 16)).save(folder / name, format=form)
    Image.new("RGB", (16, 16)).save(folder / "h.bmp")
    with pytest.warns(UserWarning, match="pictures") as told:
        field = open_field(folder)
    assert {"d.jfif", "e.JPE"} <= set(field.names)
    assert len(field) == 6
    assert any(
        "3 pictures in " in str(w.message) and "1 .bmp, 2 .tif" in str(w.message) for w in told
    )


@pytest.mark.skipif(sys.platform != "linux", reason="other systems allow no such names")
def test_a_name_in_an_old_encoding_is_read_and_printable(folder):
    (folder / "c.webp").rename(os.fsdecode(os.fsencode(folder) + b"/caf\xe9.webp"))
    field = open_field(folder)
    assert "caf\\xe9.webp" in field.names
    "".join(field.names).encode()


def test_transparency_lies_over_white(tmp_path):
    pixels = np.zeros((2, 2, 4), np.uint8)
    pixels[0, 0] = [200, 0, 0, 255]
    pixels[0, 1] = [0, 0, 0, 128]
    values = open_picture(save(tmp_path / "clear.png", pixels), 2)
    assert values[0, 0].tolist() == [200, 0, 0]
    assert values[0, 1].tolist() == [127, 127, 127]
    assert values[1, 1].tolist() == [255, 255, 255]


def test_a_transparent_palette_lies_over_white(tmp_path):
    image = Image.new("P", (2, 2), 0)
    image.putpalette([9, 9, 9, 50, 60, 70])
    image.putpixel((1, 1), 1)
    image.save(tmp_path / "palette.png", transparency=0)
    values = open_picture(tmp_path / "palette.png", 2)
    assert values[0, 0].tolist() == [255, 255, 255]
    assert values[1, 1].tolist() == [50, 60, 70]


def test_sixteen_bit_grey_keeps_its_range(tmp_path):
    grey = np.array([[0, 257 * 100], [257 * 200, 65535]], np.uint16)
    values = open_picture(save(tmp_path / "deep.png", grey), 2)
    np.testing.assert_array_equal(values[..., 0], [[0, 100], [200, 255]])


def test_a_print_picture_becomes_rgb(tmp_path):
    Image.new("CMYK", (8, 8), (255, 0, 0, 0)).save(tmp_path / "print.jpg", quality=100)
    red, green, blue = open_picture(tmp_path / "print.jpg", 1)[0, 0].astype(int)
    assert red < 5 < 250 < min(green, blue)


@pytest.mark.parametrize("shape", [(0, 0), (17, 17), (16, 17), (17, 2)])
def test_a_picture_is_never_enlarged(folder, shape):
    asked = " × ".join(map(str, shape))
    with pytest.raises(ValueError, match=rf"c\.webp is 16 × 16 .*{asked} .* 1 × 1 to 16 × 16"):
        open_picture(folder / "c.webp", shape)


def test_the_small_picture_of_a_folder_is_named(folder):
    with pytest.raises(ValueError, match=r"c\.webp is 16 × 16 pixels"):
        open_field(folder, size=18)


def test_a_folder_without_pictures_says_what_is_read(tmp_path):
    (tmp_path / "data.txt").write_text("x")
    with pytest.raises(ValueError, match=r"holds no pictures; .*\.png, \.jpg, .*\.webp"):
        open_field(tmp_path)


def broken_files(folder):
    whole = (folder / "b.png").read_bytes()
    (folder / "cut.png").write_bytes(whole[: len(whole) // 2])
    (folder / "empty.webp").write_bytes(b"")
    (folder / "text.jpg").write_text("not a picture")
    return {"cut.png", "empty.webp", "text.jpg"}


@pytest.mark.parametrize("size", [None, 8])
def test_a_broken_file_is_named(folder, size):
    broken_files(folder)
    with pytest.raises(
        ValueError, match=r"(cut\.png|empty\.webp).*(cannot be decoded|is empty).*skip"
    ):
        open_field(folder, size=size)


@pytest.mark.parametrize("size", [None, 8])
def test_broken_files_are_skipped_and_counted_on_demand(folder, size):
    broken = broken_files(folder)
    with pytest.warns(
        UserWarning, match=r"3 of 7 pictures .* skipped, the first: cut\.png"
    ) as told:
        field = open_field(folder, size=size, skip_broken=True)
    assert sum("and skipped," in str(warning.message) for warning in told) == 1
    assert len(field) == 4
    assert not broken & set(field.names)


def test_pictures_of_one_size_and_colour_warn_of_nothing(tmp_path):
    for i in range(4):
        save(tmp_path / f"{i}.png", ramp(8, 10))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert open_field(tmp_path, skip_broken=True).shape == (8, 10)


@pytest.mark.parametrize("size", [None, 6])
def test_mixed_sizes_and_grey_pictures_are_converted_and_told(folder, size):
    save(folder / "grey.png", ramp(20, 17)[..., 0])
    save(folder / "deep.png", np.full((20, 20), 25700, np.uint16))
    with pytest.warns(UserWarning, match="pictures") as told:
        field = open_field(folder, size=size)
    n = size or 16
    assert [str(warning.message).partition(str(folder))[2] for warning in told] == [
        f" have 6 different sizes, 16 × 16 to 40 × 40 (rows × columns); of each the central square "
        f"is averaged to {n} × {n} pixels.",
        " are grey; they become colour pictures of three equal channels.",
    ]
    assert str(told[1].message).startswith("2 of 6 pictures in ")
    assert field.values.shape == (6, n, n, 3)
    grey = field.values[[list(field.names).index(name) for name in ("grey.png", "deep.png")]]
    assert np.ptp(grey, axis=-1).max() == 0
    assert (grey[1] == 100).all()


def test_skipping_does_not_hide_a_picture_that_is_too_small(folder):
    with pytest.raises(ValueError, match=r"c\.webp is 16 × 16"):
        open_field(folder, size=17, skip_broken=True)


def test_a_folder_of_broken_files_only_is_refused(tmp_path):
    (tmp_path / "a.png").write_bytes(b"")
    with pytest.raises(ValueError, match="None of the 1 pictures in"):
        open_field(tmp_path, skip_broken=True)


@pytest.mark.parametrize("sides", [(8_001, 8_000), (10_000, 10_000), (60_000, 60_000)])
def test_a_picture_bomb_is_refused_before_it_is_decoded(tmp_path, sides):
    path = png_header(tmp_path / "bomb.png", *sides)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ValueError, match=r"bomb\.png is above the limit of 64 megapixels"):
            open_picture(path, 4)
    with pytest.raises(ValueError, match="above the limit"):
        open_field(tmp_path)


def test_another_kind_of_picture_under_a_known_name_is_not_decoded(tmp_path):
    Image.new("RGB", (8, 8)).save(tmp_path / "trick.png", format="BMP")
    with pytest.raises(ValueError, match=r"trick\.png cannot be decoded as a PNG, JPEG or WebP"):
        open_picture(tmp_path / "trick.png", 4)


def test_a_missing_picture_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"gone\.png is not a file"):
        open_picture(tmp_path / "gone.png", 4)


@pytest.mark.parametrize("name", ["@eaDir", "$RECYCLE.BIN", "#recycle", "__MACOSX", ".git"])
def test_what_file_servers_and_archives_keep_beside_is_no_picture(folder, name):
    (folder / "sub" / name).mkdir()
    save(folder / "sub" / name / "b.png", ramp(16, 16))
    assert list(open_field(folder).names) == ["a.JPG", "b.png", "c.webp", "sub/a.jpeg"]


def test_pictures_that_are_elsewhere_are_named(folder):
    """Links of version control whose content was not fetched, and files of no bytes."""
    (folder / "d.png").symlink_to("objects/d.png")
    with pytest.raises(ValueError, match=r"d\.png is a link to nothing"):
        open_field(folder)
    (folder / "d.png").unlink()
    (folder / "d.png").touch()
    with pytest.raises(ValueError, match=r"d\.png is empty; fetch it again"):
        open_field(folder)
    with pytest.warns(UserWarning, match="1 of 5 pictures"):
        assert len(open_field(folder, skip_broken=True)) == 4
