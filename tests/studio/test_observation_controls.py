"""The seed, and the observations as a form and a table, without a browser."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from mamba_diffae.studio.observation_controls import ObservationControls, ObservationTable
from mamba_diffae.studio.observing import Edits
from mamba_diffae.studio.opening import Source
from mamba_diffae.studio.reconstruct_tab import Reconstruction


def test_values_are_typed_and_refused_without_a_number(session):
    told = []
    session.show_message = told.append
    table = ObservationTable(session)
    table.view.collapsed = False
    assert len(table.table.value) == 205
    table.row.value, table.column.value = "3", "4"
    table._at_cell(table._type)
    assert "Type a number for each of red, green, blue" in told[-1]
    for number, value in zip(table._numbers, (1.0, 2.0, 3.0), strict=True):
        number.value = value
    table._at_cell(table._type)
    assert session.edits.typed == {3 * 32 + 4: (1.0, 2.0, 3.0)}
    row = table.table.value.set_index(["row", "column"]).loc[(3, 4)]
    assert (row["0"], row["how"]) == (1.0, "typed")
    table.row.value = ""
    table._at_cell(table._remove)
    assert told[-1].startswith("There is no cell in row “”, column “4”")
    assert 3 * 32 + 4 in session.edits.typed


@pytest.mark.parametrize("typed", ["500", "32", "1.7", "-3", "9" * 30])
def test_rows_and_columns_that_there_are_none_of_are_told(session, asked, typed):
    told = []
    session.show_message = told.append
    table = ObservationTable(session)
    table.view.collapsed = False
    for row, column in ((typed, "0"), ("0", typed)):
        table.row.value, table.column.value = row, column
        table._at_cell(table._add)
        assert told.pop().endswith("rows from 0 to 31, columns from 0 to 31.")
        assert (table.row.value, table.column.value) == (row, column)
    assert session.edits == Edits()


@pytest.mark.parametrize(
    ("typed", "words"), [(np.nan, "Type a number for each"), (1e9, "1e+09 is no value of red")]
)
def test_a_refused_edit_of_the_table_takes_the_value_back(session, asked, typed, words):
    told = []
    session.show_message = told.append
    table = ObservationTable(session)
    table.view.collapsed = False
    before = table.table.value.copy()
    table.table.value.loc[2, "0"] = typed
    table._edited(SimpleNamespace(row=2))
    assert told[-1].startswith(words)
    assert table.table.value.equals(before)
    assert session.edits == Edits()


def test_the_table_holds_small_values_and_variables_of_any_name(session, asked):
    data = session.data
    variables = tuple(
        replace(v, name=name) for v, name in zip(data.variables, ("row", "how", "<b>"), strict=True)
    )
    values = 1e-7 * data.values
    session.open_source(Source("a.npy", replace(data, values=values, variables=variables)))
    table = ObservationTable(session)
    table.view.collapsed = False
    shown, observed = table.table.value, session.observed
    np.testing.assert_array_equal(shown["row"] * 32 + shown["column"], observed.cells)
    known = observed.observations.values[0]
    np.testing.assert_allclose(shown[["0", "1", "2"]], known, rtol=1e-6)
    assert [table.table.titles[name] for name in ("row", "0", "2")] == ["row", "row", "&lt;b&gt;"]
    table.table.value.loc[7, "1"] = 5.0
    table._edited(SimpleNamespace(row=7))
    np.testing.assert_allclose(
        session.edits.typed[observed.cells[7]], (known[7, 0], 5.0, known[7, 2]), rtol=1e-6
    )


def test_what_is_no_seed_is_told_and_the_one_before_stays(session, asked):
    told = []
    session.show_message = told.append
    Reconstruction(session)
    seed = ObservationControls(session).seed.widget
    seed.value = "7"
    assert session.settings.seed == 7
    count = len(asked)
    for given, words in {
        str(10**6 + 1): "1,000,001 is no seed",
        "": "Nothing is no seed",
        "1.5": "1.5 is no seed",
        "-3": "-3 is no seed",
        "9007199254740993": "9,007,199,254,740,993 is no seed",
        "9" * 200: "9999999999999999999999… is no seed",
    }.items():
        seed.value = given
        assert told[-1].startswith(words)
        assert "from 0 to 1,000,000. It stays 7." in told[-1]
        assert (seed.value, session.settings.seed, len(asked)) == ("7", 7, count)
    seed.value = " 1,000,000"
    assert (session.settings.seed, told[-1]) == (10**6, "")


def test_a_page_of_the_table_that_is_gone_is_its_last(session):
    table = ObservationTable(session)
    table.view.collapsed = False
    assert table.table._process_property_change({"page": 3}) == {"page": 3}
    session.observe(fraction=0.01)  # ten cells: one page is left
    assert table.table._process_property_change({"page": 3}) == {"page": 1}


def test_titles_of_the_table_are_text(session, monkeypatch):
    from mamba_diffae.studio import observation_controls

    monkeypatch.setattr(observation_controls, "_titled", lambda v: f"<img src=x>{v.name}")
    table = ObservationTable(session)
    table.view.collapsed = False
    assert table.table.titles["0"] == "&lt;img src=x&gt;red"
