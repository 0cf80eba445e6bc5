"""One shock under several laws of firms: parts add up, the average elasticity is one, words follow numbers."""

from __future__ import annotations

import numpy as np
import pytest

from firmtrade_core.analysis.heterogeneity import Laws, compare_laws, export_margins
from firmtrade_core.figures.heterogeneity import elasticity_dots, law_dots, margin_bars
from firmtrade_core.scenarios import Scenario
from tests.firms import make_home
from tests.scenarios.conftest import synthetic_world

WORLD = synthetic_world()
HOME = make_home()
SCENARIO = Scenario.parse(
    {
        "cards": [{"kind": "tariff", "importers": "USA", "value": 0.2}],
        "structure": {"elasticity": 5.0},
    }
)


@pytest.fixture(scope="module")
def laws() -> Laws:
    return compare_laws(SCENARIO, WORLD, "ZAF", HOME)


def test_all_laws_share_the_average_elasticity(laws: Laws) -> None:
    assert list(laws.results) == ["armington", "krugman", "pareto", "lognormal", "firms"]
    abroad = WORLD.border_value * ~np.eye(5, dtype=bool)[:, :, None]
    for result in laws.results.values():
        margins = result.baseline.margins
        slope = margins.effective(np.zeros(WORLD.revenue.shape))[1]
        elasticity = (margins.elasticity_of_substitution - 1) * (1 - slope)
        np.testing.assert_allclose((abroad * elasticity).sum((0, 1)) / abroad.sum((0, 1)), 5.0)
    table = laws.elasticities()
    spread = table.groupby("law")["elasticity"].agg(np.ptp)
    assert spread["krugman"] < 1e-9 and spread["pareto"] < 1e-9
    assert spread["lognormal"] > 0.1 and spread["firms"] > 0.1
    own = table[(table.law == "firms") & (table.destination == "USA")]
    assert 0 < own.presence.item() < 1


def test_margins_of_the_change_add_up(laws: Laws) -> None:
    for result in laws.results.values():
        cells = export_margins(result, "ZAF")
        total = cells["extensive"] + cells["intensive"] + cells["composition"]
        np.testing.assert_allclose(total, cells["change"], atol=1e-9)
    table = laws.parts().set_index("law")
    assert table.extensive["krugman"] == table.composition["krugman"] == 0
    assert table.extensive["pareto"] < 0 < table.composition["pareto"]
    to_usa = laws.parts("USA").set_index("law")
    assert (to_usa.change < 0).all()


def test_pareto_extensive_and_composition_follow_the_closed_forms(laws: Laws) -> None:
    """ln n̂ = -ζΔk and ln Ŝ - ln n̂ = Δk: composition gives back 1/ζ of what entry takes."""
    cells = export_margins(laws.results["pareto"], "ZAF")
    np.testing.assert_allclose(cells["composition"], -cells["extensive"] / 1.5, rtol=1e-9)


def test_words_and_charts_follow_the_numbers(laws: Laws) -> None:
    table = laws.table()
    text = laws.headline()
    assert "South Africa" in text and "points" in text and "runs from" in text
    assert len(laws.reasons()) >= 2 and all(any(c.isdigit() for c in line) for line in laws.reasons())
    assert table.real_income.nunique() >= 4
    countries = laws.countries()
    assert (np.diff(countries.spread) <= 0).all()
    for chart in (
        law_dots(laws, subtitle="s", source="s"),
        elasticity_dots(laws, subtitle="s", source="s"),
        margin_bars(laws, subtitle="s", source="s"),
    ):
        assert chart.title and chart.data
    bars = margin_bars(laws, subtitle="s", source="s")
    stacked = sum(np.array(trace["x"]) for trace in bars.data[:3])
    np.testing.assert_allclose(stacked, bars.data[3]["x"], atol=1e-5)


def test_a_law_without_equilibrium_is_left_out_and_said() -> None:
    steep = SCENARIO.with_(structure=SCENARIO.structure.model_copy(update={"elasticity": 0.3}))
    inputs = np.zeros((5, 3, 3))
    inputs[:] = 0.2 * WORLD.gross_output[:, None, :] / 3
    found = compare_laws(steep, WORLD.with_(inputs=inputs), "ZAF", laws=("krugman", "pareto"))
    assert all(law in ("krugman", "pareto") for law in found.results)
    assert len(found.results) == 2 or any("left out" in note for note in found.notes)


def test_no_shock_makes_no_difference() -> None:
    still = compare_laws(SCENARIO.with_(cards=()), WORLD, "ZAF", HOME)
    assert "hardly matters" in still.headline()
    assert (still.parts().change.abs() < 1e-6).all()
