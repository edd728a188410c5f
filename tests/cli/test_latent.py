"""`interpolate` and `edit`, as they are typed."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mamba_diffae.sources import open_field
from mamba_diffae.sources.embedded import EmojiSource


@pytest.fixture(scope="module")
def few_emoji():
    """The embedded set, but few of it and small: persons and others of all splits."""
    emoji = open_field("emoji")
    person = emoji.attributes["is_person"]
    rows = [
        np.flatnonzero((emoji.splits == split) & (person == side))[:count]
        for split, count in (("train", 12), ("val", 2), ("test", 2))
        for side in (True, False)
    ]
    few = emoji.take(np.concatenate(rows)).at((16, 16))
    return replace(few, values=np.rint(few.values).astype(np.uint8))


@pytest.fixture(scope="module")
def run(few_emoji, tmp_path_factory, shell, few):
    """A run on them, with both phases."""
    folder = tmp_path_factory.mktemp("runs") / "emoji"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(EmojiSource, "open", lambda self, spec, **options: few_emoji)
        outcome = shell(f"fit emoji --run {folder} {few} --phase autoencoder,ensemble,flow")
        assert outcome.code == 0, outcome.err
        yield folder


def size(path: Path) -> tuple[int, int]:
    with Image.open(path) as image:
        return image.size


def test_a_path_is_written_as_a_sheet_and_moving(shell, run, tmp_path):
    out = tmp_path / "sheets/path.png"
    outcome = shell(f"interpolate 0 3 --model {run} --out {out} --frames 3 --steps 2")
    assert outcome.code == 0, outcome.err
    assert size(out)[0] > 3 * 96
    assert size(out)[1] > 5 * 96
    with Image.open(out.with_suffix(".webp")) as moving:
        assert moving.n_frames == 4  # pyright: ignore[reportAttributeAccessIssue]
        assert moving.height > 4 * 96
    assert "in 3 fields" in outcome.out
    assert str(out.with_suffix(".webp")) in outcome.out
    again = shell(f"interpolate 0 3 --model {run} --out {out} --frames 3 --steps 2")
    assert again.code == 2
    assert "--overwrite" in again.err


def test_pictures_of_another_size_are_fitted(shell, finished, picture, pictures, tmp_path):
    large = tmp_path / "large.png"
    Image.fromarray(np.full((80, 90, 3), 99, np.uint8)).save(large)
    out = tmp_path / "path.png"
    line = f"interpolate {large} {picture} --model {finished} --out {out} --frames 2 --steps 1"
    outcome = shell(line)
    assert outcome.code == 0, outcome.err
    assert "large to 00" in outcome.out


def test_an_edit_is_a_sheet_and_a_table_of_what_moved(shell, run, tmp_path):
    out = tmp_path / "edit.png"
    line = f"edit 0 --model {run} --attribute person --amount 2 --out {out}"
    outcome = shell(line)
    assert outcome.code == 0, outcome.err
    assert size(out)[0] > 8 * 96
    assert size(out)[1] > 2 * 96
    for told in (
        "What the edit of is_person changed",
        "latent alone",
        "with points",
        "asked",
        "Cells that changed",
    ):
        assert told in outcome.out
    assert "12 training fields have it" in outcome.out
    kept = (run / "directions.safetensors").stat().st_mtime_ns
    refused = shell(line)
    assert refused.code == 2
    assert "--overwrite" in refused.err
    assert shell(f"{line} --overwrite").code == 0
    assert (run / "directions.safetensors").stat().st_mtime_ns == kept


@pytest.mark.parametrize(
    ("mistake", "named"),
    [
        ("interpolate 0 99 --out {out}.png", "the test split has 4; give a number from 0 to 3"),
        ("interpolate 0 nowhere.png --out {out}.png", "nowhere.png is not a file"),
        ("interpolate 0 1 --out {out}.jpg", "a sheet is written as PNG"),
        ("interpolate 0 1 --frames 1 --out {out}.png", "--frames"),
        ("interpolate 0 1 --fraction 0 --out {out}.png", "fraction is 0"),
        ("edit 0 --attribute persom --out {out}.png", "did you mean 'is_person'?"),
        ("edit 0 --attribute person --amount 0 --out {out}.png", "give a number other than 0"),
        ("edit 0 --attribute person --amount nan --out {out}.png", "--amount is nan"),
        ("edit 0 --attribute person --seed -1 --out {out}.png", "--seed"),
    ],
)
def test_a_mistake_is_named_and_leaves_nothing(shell, run, tmp_path, mistake, named):
    outcome = shell(f"{mistake.format(out=tmp_path / 'x')} --model {run}")
    assert outcome.code == 2
    assert named in outcome.err
    assert not list(tmp_path.iterdir())


def test_fields_without_attributes_cannot_be_edited(shell, finished, tmp_path):
    line = f"edit 0 --model {finished} --attribute beard --out {tmp_path}/edit.png"
    outcome = shell(line)
    assert outcome.code == 2
    assert "have 0 attributes" in outcome.err


def test_a_baseline_is_refused(shell, pictures, few, tmp_path):
    folder = tmp_path / "baseline"
    shell(
        f"fit {pictures} --run {folder} --architecture minimal-latent --preset tiny "
        "--set model.d_model=16 --set flow.steps=2 --set flow.batch_size=4"
    )
    for command in ("interpolate 0 1", "edit 0 --attribute beard"):
        outcome = shell(f"{command} --model {folder} --out {tmp_path}/x.png")
        assert outcome.code == 2
        assert "has no latent" in outcome.err
