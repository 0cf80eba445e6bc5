"""The benchmark on Chile's real plants runs on a sample and says what it found."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.chile_plants import QUICK, capability_data, facts, plants, reproduced
from firmtrade_core.capability import estimate
from firmtrade_core.capability.comparison import STRUCTURE
from firmtrade_core.capability.forecast import Persistence
from firmtrade_core.capability.known import WITHOUT_MEMORY, compare_next_year


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
