"""The kinds of the shared cases at the doors of scenarios: schedules of rates, offers by tariff line, the trade that weighs them."""

from __future__ import annotations

import pandas as pd
import pytest

from firmtrade_core.scenarios import ScenarioError
from firmtrade_core.scenarios.offers import read_offer
from firmtrade_core.scenarios.schedules import read_schedule


@pytest.mark.parametrize(
    ("head", "rates", "meant"),
    [
        ("rate", [6, 0, 10], None),
        ("rate", [25], None),
        ("tariff", [0.5, 7.5, 30], None),
        ("rate", [1.45, 1.25, 0.1], [1.45, 1.25, 0.1]),
        ("Tariff (%)", [0.5, 1, 10], [0.005, 0.01, 0.1]),
        ("rate_percent", [6, 0, 300], [0.06, 0, 3]),
        ("rate", ["6 %", "0 %", "700 %"], [0.06, 0, 7]),
    ],
)
def test_rates_of_a_schedule_are_told_by_their_column(
    head: str, rates: list[float], meant: list[float] | None
) -> None:
    table = pd.DataFrame({"exporter": ["CHN", "DEU", "USA"][: len(rates)], head: rates})
    if meant is None:
        with pytest.raises(ScenarioError, match="rates are fractions"):
            read_schedule(table)
    else:
        assert [row.rate for row in read_schedule(table)] == pytest.approx(meant)


@pytest.mark.parametrize(
    ("base", "final", "rates", "meant"),
    [
        ("base", "final", ([6, 10], [0, 5]), None),
        ("MFN rate", "offered rate", ([6, 35], [0, 0]), None),
        ("Base (%)", "Final (%)", ([0.5, 1], [0, 0]), [0.005, 0.01]),
        ("base_percent", "final_percent", ([6, 10], [0, 5]), [0.06, 0.10]),
        ("base_fraction", "final_fraction", ([6, 10], [0, 5]), [6, 10]),
        ("base", "final", ([0.06, 4.0], [0, 0]), [0.06, 4.0]),
    ],
)
def test_rates_of_an_offer_are_told_by_their_columns(
    base: str, final: str, rates: tuple[list[float], list[float]], meant: list[float] | None
) -> None:
    table = pd.DataFrame({"hs": ["720839", "870323"], base: rates[0], final: rates[1]})
    if meant is None:
        with pytest.raises(ScenarioError, match="base_percent"):
            read_offer(table)
    else:
        assert sorted(read_offer(table).lines["base"]) == pytest.approx(sorted(meant))


def test_the_trade_that_weighs_an_offer_is_judged_by_its_columns() -> None:
    lines = pd.DataFrame({"hs": ["720839"], "base": ["10 %"], "final": ["0 %"]})

    def trade(codes: list[str]) -> pd.DataFrame:
        return pd.DataFrame({"hs": "720839", "exporter": codes, "trade": 1.0})

    for codes in (["158", "275", "249", "160", "63", "23"], ["GM", "CH", "JA", "SP", "SW"]):
        with pytest.raises(ScenarioError, match="not ISO's"):
            read_offer(lines, trade(codes))
    found = read_offer(lines, trade(["NA", "DEU", "USA"]))
    assert "NAM" not in set(found.lines["exporter"]) and "1 rows of trade" in " ".join(found.notes)
    assert "NAM" in set(read_offer(lines, trade(["NA", "DE", "US"])).lines["exporter"])
