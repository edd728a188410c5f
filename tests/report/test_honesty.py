"""The section on uncertainty: words, drawings and tables of the page, with and without parts."""

import json
import re
from dataclasses import replace

import pytest

from mamba_diffae.benchmark import load_page, save_page
from mamba_diffae.benchmark.honesty import honesty
from mamba_diffae.evaluation import CoverageBins, SpreadSkillBins
from mamba_diffae.report.honesty_figures import honesty_pictures
from mamba_diffae.report.honesty_tables import honesty_tables
from mamba_diffae.report.html import render

SECTION = "How honest is the uncertainty"
TITLES = [
    "Coverage by level",
    "Coverage by distance",
    "Rank of the truth",
    "Error against stated deviation",
    "Energy by scale",
]


def changed(method, **numbers):
    return replace(method, uncertainty=replace(method.uncertainty, **numbers))


def test_the_page_has_the_section_once_with_all_of_its_parts(result, assessed):
    text = render(replace(result, uncertainty=assessed))
    section = re.search(r'<section id="honesty">.*?</section>', text, flags=re.DOTALL)
    assert section
    assert text.count(SECTION) == 1
    shown = section[0].replace("&#39;", "'")
    for sentence in honesty(assessed)[1:]:
        assert sentence in shown
    assert re.findall(r"<h3>(.*?)</h3>", shown) == [*TITLES, "Scores of uncertainty", "By variable"]
    assert shown.count("<svg") == shown.count("<figcaption>") == len(TITLES)
    assert "<script" not in text  # a name is never markup


def test_without_uncertainty_there_is_no_section(result):
    assert SECTION not in render(result)
    assert honesty_pictures([]) == honesty_tables([]) == []


def test_kriging_alone_is_shown_with_what_it_states(result, assessed):
    text = render(replace(result, uncertainty=assessed[1:]))
    assert "The model states no uncertainty" in text
    assert [p.title for p in honesty_pictures(assessed[1:])] == TITLES[:-1]
    assert "energy score" not in text


def test_a_stored_page_keeps_it_and_one_from_before_opens(result, assessed, tmp_path):
    page = replace(result, uncertainty=assessed)
    save_page(page, tmp_path)
    kept = load_page(tmp_path)
    assert list(kept.uncertainty) == assessed
    assert render(kept) == render(page)
    file = tmp_path / "result.json"
    numbers = json.loads(file.read_text(encoding="utf-8"))
    del numbers["uncertainty"]
    file.write_text(json.dumps(numbers), encoding="utf-8")
    assert render(load_page(tmp_path)) == render(result)


def test_damaged_numbers_are_named(result, assessed, tmp_path):
    save_page(replace(result, uncertainty=assessed), tmp_path)
    file = tmp_path / "result.json"
    numbers = json.loads(file.read_text(encoding="utf-8"))
    numbers["uncertainty"][0]["uncertainty"]["count"] = "many"
    file.write_text(json.dumps(numbers), encoding="utf-8")
    with pytest.raises(ValueError, match=r"(?s)cannot be read .*count.*--overwrite"):
        load_page(tmp_path)


def test_alternative_texts_hold_the_numbers(assessed):
    coverage, distance, ranks, errors, bands = (p.alt for p in honesty_pictures(assessed))
    own, other = (method.uncertainty for method in assessed)
    for uncertainty in (own, other):
        for found in uncertainty.coverage:
            assert f"{100 * found.mean:.0f}\xa0%" in coverage
        assert f"{100 * uncertainty.by_distance.coverage[-1][-1]:.0f}\xa0%" in distance
        assert f"{uncertainty.reliability_index:.2f}" in ranks
        assert f"{100 * uncertainty.spread_skill.error[0]:.1f}" in errors
    assert ", ".join(f"{100 * ratio:.0f}\xa0%" for ratio in own.bands) in bands


def test_drawings_follow_the_colours_of_the_page_and_name_every_line(assessed):
    for picture in honesty_pictures(assessed):
        assert "var(--line-0)" in picture.svg
        assert "var(--line-1)" in picture.svg
        assert not re.search(r"(fill|stroke): #(?!fff)", picture.svg)
        assert "kriging" in picture.svg
        assert "alert('$x$')" in picture.svg.replace("&#39;", "'")  # no formula


def test_too_few_draws_have_no_bins_of_spread(assessed):
    few = changed(assessed[0], n_draws=3)
    assert TITLES[3] not in [p.title for p in honesty_pictures([few])]
    assert TITLES[3] in [p.title for p in honesty_pictures([few, assessed[1]])]


def test_what_there_is_nothing_of_is_not_drawn(assessed):
    ours = changed(
        assessed[0],
        by_distance=CoverageBins((2.0,), (1.0,), (0.5, 0.8, 0.9), ((0.5,), (0.8,), (0.9,))),
        spread_skill=SpreadSkillBins((1.0,), (0.0,), (0.0,)),
        bands=(None, None),
    )
    titles = [p.title for p in honesty_pictures([ours])]
    assert titles == [TITLES[0], TITLES[2], TITLES[3]]


def test_noisy_draws_are_drawn_on_a_logarithmic_scale(assessed):
    calm, noisy = (
        honesty_pictures([changed(assessed[0], bands=(r, None, 1.0, 0.9))])[-1].svg
        for r in (1.2, 300.0)
    )
    assert ">100<" in noisy
    assert ">100<" not in calm


def test_the_tables_hold_every_score(assessed):
    scores, by_variable = honesty_tables(assessed)
    (_, crps, *shares, ratio, draw_error, energy, variogram, quarters), theirs = scores.rows
    own = assessed[0].uncertainty
    assert crps.startswith(f"{own.mean_crps.mean:.4f}\n")
    assert [share.split("\xa0")[0] for share in shares] == [
        f"{100 * found.mean:.0f}" for found in own.coverage
    ]
    assert ratio == pytest.approx(0.5, abs=0.05)
    assert draw_error == own.draw_error
    assert energy.split("\n")[0] == f"{own.energy_score.mean:.4f}"
    assert variogram is not None
    assert scores.columns[-1] == "quarters"
    assert f"{100 * own.regional_coverage[-1].mean:.0f}\xa0%" in quarters
    assert theirs[-4:] == [None] * 4
    assert [row[0] for row in by_variable.rows] == ["sst, degC", "ice"]
    assert len(by_variable.columns) == 7
    one = changed(assessed[0], variables=("sst",))
    assert [table.title for table in honesty_tables([one])] == ["Scores of uncertainty"]
