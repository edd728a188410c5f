"""The page on one field: the same numbers as `evaluate`, in units, and maps of every variable."""

from typing import Any

import numpy as np
import pytest

from mamba_diffae import FieldAutoencoder, evaluate, observe
from mamba_diffae.benchmark import load_page, save_page
from mamba_diffae.benchmark.field_page import DRAWS, SHOWN, field_page
from mamba_diffae.evaluation import Kriging
from mamba_diffae.report import write_report

PHASE = {"steps": 1, "batch_size": 4, "show_progress": False}


@pytest.mark.filterwarnings("ignore:This model has not learned")
@pytest.mark.parametrize("variables", [1, 2])
def test_scores_of_each_variable_and_its_maps(smooth_fields, tmp_path, variables: int) -> None:
    data = smooth_fields(shape=(12, 12), variables=variables)
    changes = {"model": {"d_model": 16, "prior": "analogue", "codes": ()}, "autoencoder": PHASE}
    model = FieldAutoencoder("tiny", changes=changes, device="cpu")
    train = data.split("train")
    model.fit(data, phases=["autoencoder"])
    truth = data.split("test").take([0])
    seen = observe(truth, 0.2, seed=3)
    page = field_page(model, truth, train, seen, {"seed": "3"})
    (table,), (maps,) = page.tables, page.panels
    ours = evaluate(model.predict(seen, truth.grid, DRAWS), truth, observed=seen)
    theirs = evaluate(Kriging().fit(train).predict(seen, truth.grid), truth, observed=seen)
    better = []
    for variable, row in zip(truth.variables, table.rows, strict=True):
        pairs: list[Any] = [each[score] for score in ("rmse", "crps") for each in (ours, theirs)]
        if variables > 1:
            pairs = [by_name[variable.name] for by_name in pairs]
        told = [float(str(cell).split()[0]) for cell in row[1:]]
        np.testing.assert_allclose(told, pairs, rtol=1e-3)
        better += [variable.name] if pairs[2] < pairs[3] else []
    named = f"is better than kriging for {', '.join(better)}: {len(better)} of"
    assert (named if better else "kriging is as good as the model or better") in page.findings[0]
    assert f"hold {ours['coverage']:.0%} of what" in page.findings[1]
    assert len(maps.rows) == variables
    drawn = [c for c in maps.columns if c.startswith("draw")]
    assert drawn == [f"draw {k + 1}" for k in range(SHOWN)]
    assert "1 evaluation each" in maps.caption
    save_page(page, tmp_path)
    write_report(load_page(tmp_path), tmp_path / "report.html")
    assert "Errors where nothing was observed" in (tmp_path / "report.html").read_text()
