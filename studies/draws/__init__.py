"""How good are the draws of a model, and which draws are best at equal cost?"""

from mamba_diffae.benchmark import OnProgress, Page, Request, Study
from studies.draws import equal_cost_report, report
from studies.draws.equal_cost import EqualCostResult, equal_cost
from studies.draws.study import DrawsResult, draws


def run(request: Request, on_progress: OnProgress) -> DrawsResult | EqualCostResult:
    """The draws of the model that is given; without one, draws that are learned here."""
    part = equal_cost if request.model is None else draws
    return part(request, on_progress)


def page(result: DrawsResult | EqualCostResult) -> Page:
    """All that is shown of either."""
    if isinstance(result, DrawsResult):
        return report.page(result)
    return equal_cost_report.page(result)


STUDY = Study(run, page, takes_model=True)
