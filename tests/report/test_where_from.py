"""Every number can be asked where it comes from, and the methods say what they should."""

from __future__ import annotations

import numpy as np
import pytest

from firmtrade_core.equilibrium import Equilibrium
from firmtrade_core.figures import headlines
from firmtrade_core.labels import DEFINITIONS
from firmtrade_core.report.methods import LITERATURE, PARTS, citation, component_versions
from firmtrade_core.report.where_from import where_from
from firmtrade_core.scenarios import Scenario, Structure, Tariff, run
from firmtrade_core.world.elasticities import elasticity_set
from firmtrade_core.world.embedded import load_embedded_world
from tests.worlds import make_world

SCENARIO = Scenario(
    name="Ten points",
    cards=(Tariff(importers=("USA",), method="add", value=0.10),),
    structure=Structure(family="pareto", tail=1.7, elasticity="FGO", deficits="proportional"),
)


@pytest.fixture(scope="module")
def result() -> Equilibrium:
    return run(SCENARIO, load_embedded_world())


def test_every_headline_and_variable_has_a_trace(result: Equilibrium) -> None:
    for key in {*DEFINITIONS, *(h.variable for h in headlines(result, "USA", "United States"))}:
        trace = where_from(key, result, SCENARIO)
        assert trace.variable.formula and trace.variable.explanation
        assert trace.literature and all("(" in item or "NBER" in item for item in trace.literature)


def test_ingredients_say_what_this_result_was_made_of(result: Equilibrium) -> None:
    trace = where_from("real_income", result, SCENARIO)
    found = {item.label: item for item in trace.ingredients}
    assert "5\u202f% of the value of trade between countries, services included" in found["Trade"].estimated
    assert "9,884 largest" in found["Trade"].estimated and "tariff" not in found["Trade"].estimated.casefold()
    assert found["Tariffs"].estimated.startswith("tariffs in those cells")
    assert found["Input-output links"].estimated.startswith("input purchases")
    assert found["Trade"].source.startswith("OECD") and "Tariff" not in found["Trade"].source
    assert found["Tariffs"].source.startswith("Teti")
    assert found["Input-output links"].source.startswith("World Input-Output Database")
    assert found["Trade elasticity"].source == elasticity_set("FGO").source
    assert found["How firms differ"].value == "Pareto firms (tail 1.7)"
    assert found["Trade deficits"].value == "move in step with income"
    certificate = dict(trace.certificate)
    assert certificate["Content hash"] == result.content_hash
    assert certificate["Iterations"] == str(result.certificate.iterations)
    assert trace.residuals == result.certificate.residuals and max(trace.residuals.values()) < 1e-9


def test_observed_worlds_claim_no_estimates() -> None:
    world = make_world(3, 2, inputs=False)
    scenario = Scenario(cards=(Tariff(importers=("C00",), method="add", value=0.1),))
    found = {i.label: i for i in where_from("exports", run(scenario, world), scenario).ingredients}
    assert found["Trade"].estimated == found["Tariffs"].estimated == ""
    assert found["Input-output links"].value.startswith("none")
    assert found["Trade elasticity"].estimated == "assumed"


def test_the_mean_tariff_is_weighted_by_trade_abroad(result: Equilibrium) -> None:
    world = result.world
    # Over the trade whose tariff is known: not that of the rest of the world.
    known = world.goods & world.tariff_known
    known[np.arange(81), np.arange(81)] = False
    duties = (world.expenditure - world.border_value)[known].sum()
    abroad = world.border_value[known].sum()
    words = where_from("duties", result, SCENARIO).ingredients[1].value
    assert f": {100 * duties / abroad:.1f}\u202f% before" in words


def test_all_literature_is_cited_and_known() -> None:
    used = {key for part in PARTS for key in part.literature}
    used |= {key for variable in DEFINITIONS.values() for key in variable.literature}
    assert used <= set(LITERATURE) and set(LITERATURE) <= used


def test_citation_and_versions() -> None:
    words = citation()
    assert words["bibtex"].startswith("@software{") and component_versions()["firmtrade"] in words["plain"]
    assert component_versions()["streamlit"] != "not installed"
