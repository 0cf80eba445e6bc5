"""The benchmark on Chile's real plants runs on a sample and says what it found."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.chile_plants import QUICK, capability_data, facts, plants, reproduced
from firmtrade_core.capability import estimate
from firmtrade_core.capability.comparison import STRUCTURE
from firmtrade_core.capability.forecast import Persistence
from firmtrade_core.capability.known import WITHOUT_MEMORY, compare_next_year
from firmtrade_core.capability.state_dependence import state_dependence
from firmtrade_core.panel.source import panel_of


@pytest.mark.data
def test_chiles_plants_are_forecast_a_year_on_and_their_facts_reproduced(needs_data, monkeypatch) -> None:
    monkeypatch.setenv("FIRMTRADE_DATA", str(needs_data("chile-enia").parent))
    panel = plants(400)
    data = capability_data(panel, "export")
    assert "exported_before" not in data.attribute_names and len(data.markets) == 1
    memory = Persistence(0.7, 0.7)
    values = (
        compare_next_year(data, settings=QUICK, draws=2, persistence=memory).table["value"].unstack("model")
    )
    assert values.loc["entry log loss", STRUCTURE] < values.loc["entry log loss", WITHOUT_MEMORY]
    assert values.loc["AUC", STRUCTURE] > 0.9
    told = reproduced(estimate(data, QUICK), panel, memory, draws=2)
    observed = facts(data, panel)
    np.testing.assert_allclose(told["data"], observed)
    assert told.loc["share trading", "model"] == pytest.approx(observed["share trading"], abs=0.06)
    assert 0 < told.loc["start a year later", "model"] < told.loc["go on a year later", "model"]
    assert capability_data(panel, "import").attribute_names.count("exported_before") == 1


@pytest.mark.data
@pytest.mark.truth
def test_most_persistence_of_chiles_plants_is_what_they_are(needs_data) -> None:
    """As measured on all plants: 18 points of chance (90 %: 16 to 21) where the pooled probit says 61."""
    table = panel_of(needs_data("chile-enia") / "plants_1990_1996.tsv").firms
    workers = table["employment"].where(table["employment"] > 0)
    data = table.assign(exporting=(table["exports"] > 0).astype(float), log_workers=np.log(workers))
    found = state_dependence(data, ["log_workers"])
    assert found.effect[0] == pytest.approx(0.185, abs=0.01) and found.pooled[0] > 0.55
    assert found.raw[0] == pytest.approx(0.877, abs=0.005) and 0.15 < found.share_of_persistence < 0.3
