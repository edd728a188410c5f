import dataclasses
import json

import numpy as np
import pytest

from mamba_diffae.benchmark.page import (
    ImageGrid,
    Table,
    load_page,
    save_page,
)
from mamba_diffae.evaluation import Interval
from mamba_diffae.report.html import render


def test_a_kept_result_gives_the_same_page(result, tmp_path):
    save_page(result, tmp_path)
    kept = load_page(tmp_path)
    for name in ("title", "question", "findings", "scores", "draws", "curves", "tables", "facts"):
        assert getattr(kept, name) == getattr(result, name)
    assert kept.panels[0].pictures[1][0] is None
    np.testing.assert_allclose(
        kept.panels[0].pictures[0][0], result.panels[0].pictures[0][0], atol=0.51 / 255
    )
    assert render(kept) == render(result)


def test_what_is_no_number_is_null_and_shown_all_the_same(result, assessed, tmp_path):
    nan = float("nan")
    first, *others = result.scores
    first = dataclasses.replace(first, psnr=Interval(nan, nan, nan), skill=nan)
    method, *_ = assessed
    told = dataclasses.replace(method.uncertainty, mean_crps=Interval(nan, nan, nan))
    told = dataclasses.replace(told, reliability_index=nan, draw_error=None)
    curves = [*result.curves, {"phase": "autoencoder", "step": 3, "loss": float("inf")}]
    parts = {"scores": [first, *others], "curves": curves}
    method = dataclasses.replace(method, uncertainty=told)
    save_page(dataclasses.replace(result, **parts, uncertainty=[method]), tmp_path)
    text = (tmp_path / "result.json").read_text(encoding="utf-8")
    json.loads(text, parse_constant=pytest.fail)
    kept = load_page(tmp_path)
    assert np.isnan([kept.scores[0].psnr.low, kept.scores[0].skill, kept.curves[-1]["loss"]]).all()
    found = kept.uncertainty[0].uncertainty
    assert np.isnan([found.mean_crps.high, found.reliability_index]).all()
    assert found.draw_error is None
    assert found.coverage == told.coverage
    assert render(kept)


def test_saving_again_replaces_and_leaves_nothing_behind(result, tmp_path):
    save_page(result, tmp_path)
    save_page(dataclasses.replace(result, title="second", panels=()), tmp_path)
    assert load_page(tmp_path).title == "second"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["result.json", "result.npz"]


def test_a_folder_without_a_result_says_how_to_make_one(tmp_path):
    with pytest.raises(ValueError, match=r"No result in .*mamba-diffae evaluate"):
        load_page(tmp_path)


@pytest.mark.parametrize("name", ["result.json", "result.npz"])
def test_a_truncated_file_is_named_as_damage(result, tmp_path, name):
    save_page(result, tmp_path)
    content = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match=r"cannot be read .*--overwrite"):
        load_page(tmp_path)


def test_files_of_two_runs_are_not_mixed(result, tmp_path):
    save_page(result, tmp_path / "a")
    save_page(dataclasses.replace(result, panels=()), tmp_path / "b")
    (tmp_path / "a" / "result.npz").replace(tmp_path / "b" / "result.npz")
    with pytest.raises(ValueError, match="not the one"):
        load_page(tmp_path / "b")


def test_an_unknown_field_is_damage_not_a_crash(result, tmp_path):
    save_page(result, tmp_path)
    numbers = json.loads((tmp_path / "result.json").read_text(encoding="utf-8"))
    (tmp_path / "result.json").write_text(json.dumps(numbers | {"colour": "red"}), encoding="utf-8")
    with pytest.raises(ValueError, match="colour"):
        load_page(tmp_path)


def test_a_sheet_refuses_pictures_that_do_not_fit():
    with pytest.raises(ValueError, match=r"1 rows and 2 columns.*give None"):
        ImageGrid("s", "", ["a", "b"], ["r"], [[None]])
    with pytest.raises(ValueError, match=r"shape \[\(4, 4\)\]"):
        ImageGrid("s", "", ["a"], ["r"], [[np.zeros((4, 4))]])


def test_a_result_from_before_there_were_tables_opens(result, tmp_path):
    save_page(result, tmp_path)
    numbers = json.loads((tmp_path / "result.json").read_text(encoding="utf-8"))
    del numbers["tables"]
    (tmp_path / "result.json").write_text(json.dumps(numbers), encoding="utf-8")
    assert list(load_page(tmp_path).tables) == []


@pytest.mark.parametrize(
    ("rows", "digits"), [([["x", 1.0], ["y"]], ()), ([["x", 1.0]], (1, 2, 3)), ([[]], ())]
)
def test_a_table_refuses_rows_that_do_not_fit(rows, digits):
    with pytest.raises(ValueError, match=r"'t' has 2 columns.*give None for an empty cell"):
        Table("t", "", ["a", "b"], rows, digits)


def test_a_table_refuses_tones_of_other_cells():
    with pytest.raises(ValueError, match=r"'t' has tones for other cells than its 1 rows"):
        Table("t", "", ["a", "b"], [["x", 1.0]], tones=[["bad"]])
