"""The tool that rebuilds the embedded set: its rules hold for the whole of it, its zip is exact."""

import importlib.util
import io
import zipfile
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mamba_diffae.sources.embedded import ARCHIVE

PATH = Path(__file__).parents[2] / "tools" / "build_picture_set.py"


@pytest.fixture(scope="module")
def tool():
    spec = importlib.util.spec_from_file_location("build_picture_set", PATH)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def rows(tool):
    data = (files("mamba_diffae.sources") / "data" / ARCHIVE).read_bytes()
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return tool.read_rows(archive)


EMOJI = [
    {
        "name": "WOMAN RUNNING",
        "unified": "1F3C3-200D-2640-FE0F",
        "short_names": ["woman-running"],
        "category": "People & Body",
        "subcategory": "person-activity",
        "skin_variations": {"1F3FD": {"unified": "1F3C3-1F3FD-200D-2640-FE0F"}},
    },
    {
        "name": "White Flag",
        "unified": "1F3F3",
        "short_names": ["flag"],
        "category": "Flags",
        "subcategory": "flag",
    },
]
KEYS = ["1F3C3-1F3FD-200D-2640", "1F3C3-200D-2640"]


def encoded(width=256, height=256):
    out = io.BytesIO()
    Image.new("RGBA", (width, height), (250, 0, 0, 255)).save(out, "WEBP", lossless=True)
    return out.getvalue()


def test_the_split_rule_is_that_of_the_embedded_set(tool, rows):
    assert all(tool.split(row["name"]) == row["split"] for row in rows)


def test_rows_are_described_as_in_the_embedded_set(tool, rows):
    embedded = {row["codepoints"]: row for row in rows}
    made = tool.attribute_rows(EMOJI, {*KEYS, "1F3F3"})
    assert made == [embedded[key] for key in KEYS]


def test_the_labels_that_need_no_short_name_hold_for_the_whole_set(tool, rows):
    keys = [k for k, v in tool.LABELS.items() if r"\|.*" not in v]
    assert len(keys) == 18
    for row in rows:
        entry = {**row, "unified": row["codepoints"], "short_names": []}
        made = tool.describe(row["codepoints"], entry)
        assert [made[k] for k in keys] == [row[k] for k in keys]


def test_pictures_without_a_description_and_flags_are_left_out(tool):
    assert tool.attribute_rows(EMOJI, {KEYS[1], "1F3F3", "1F600"})[0]["codepoints"] == KEYS[1]


def test_an_oblong_picture_is_padded_white(tool):
    image = Image.open(io.BytesIO(tool.small_picture(encoded(128, 256)))).convert("RGB")
    pixels = np.asarray(image).astype(int)
    assert pixels.shape == (96, 96, 3)
    assert pixels[:, :20].min() > 240
    assert pixels[48, 48, 0] - pixels[48, 48, 1] > 200


def test_same_inputs_same_bytes_and_whole_or_nothing(tool, tmp_path):
    rows = tool.attribute_rows(EMOJI, set(KEYS))
    pictures = dict.fromkeys(KEYS, encoded())
    for name in ("a.zip", "b.zip"):
        tool.write_archive(tmp_path / name, rows, pictures, "MIT License")
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    assert tool.difference(tmp_path / "a.zip", tmp_path / "b.zip").startswith(
        "2 pictures in both: mean absolute difference 0.00 of 255"
    )
    with pytest.raises(KeyError):
        tool.write_archive(tmp_path / "c.zip", rows, {}, "MIT License")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.zip", "b.zip"]


def test_an_output_that_exists_is_refused(tool, tmp_path, capsys):
    (tmp_path / "a.zip").write_text("precious")
    with pytest.raises(SystemExit):
        tool.main([str(tmp_path / "a.zip")])
    assert "exists; choose another name or give --overwrite" in capsys.readouterr().err
    assert (tmp_path / "a.zip").read_text() == "precious"
