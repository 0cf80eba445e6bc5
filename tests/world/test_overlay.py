"""One country's own trade laid over the embedded world."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from firmtrade_core.codes.written_numbers import read_numbers
from firmtrade_core.equilibrium import Parameters, solve
from firmtrade_core.scenarios.finder import sectors_of_product
from firmtrade_core.world.embedded import load_embedded_world
from firmtrade_core.world.errors import AccountsError, ColumnError
from firmtrade_core.world.overlay import Laid, guess_roles, lay_over

WORLD = load_embedded_world()
CHL, CHN, MET = WORLD.country_index("CHL"), WORLD.country_index("CHN"), WORLD.sector_index("metals")


def laid(table: pd.DataFrame, **options: object) -> Laid:
    roles = guess_roles([str(c) for c in table.columns])
    return lay_over(WORLD, "CHL", table, roles, sectors_of_product=sectors_of_product, **options)  # type: ignore[arg-type]


def comtrade() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "refYear": [2022] * 6,
            "reporterISO": ["CHL"] * 6,
            "flowCode": ["X", "X", "X", "M", "RX", "X"],
            "partnerISO": ["CHN", "CHN", "W00", "USA", "CHN", "KEN"],
            "cmdCode": ["74", "72", "74", "87", "74", "08"],
            "primaryValue": [2e9, 1e8, 4e9, 3e9, 5e9, 1e7],
        }
    )


def test_comtrade_columns_are_understood_and_cells_are_the_tables() -> None:
    found = laid(comtrade())
    assert found.told == (2, 1) and found.used == 4
    assert found.world.border_value[CHL, CHN, MET] == pytest.approx(2_100)
    usa, veh = WORLD.country_index("USA"), WORLD.sector_index("vehicles_transport_eq")
    assert found.world.border_value[usa, CHL, veh] == pytest.approx(3_000)
    assert any("re-exports" in note for note in found.notes) and any("Totals" in note for note in found.notes)


def test_output_and_value_added_stay_and_what_is_sold_abroad_is_not_sold_at_home() -> None:
    found = laid(comtrade()).world
    np.testing.assert_allclose(found.gross_output, WORLD.gross_output, rtol=1e-12)
    np.testing.assert_allclose(found.value_added, WORLD.value_added, rtol=1e-9)
    more = found.revenue[CHL, CHN, MET] - WORLD.revenue[CHL, CHN, MET]
    assert WORLD.revenue[CHL, CHL, MET] - found.revenue[CHL, CHL, MET] == pytest.approx(more)
    assert "Chile: 2 cells" in " ".join(found.provenance.changes)
    # Cells that the table does not tell keep the world's value.
    assert found.expenditure[CHN, CHL, MET] == WORLD.expenditure[CHN, CHL, MET]


def test_the_world_itself_laid_over_itself_changes_nothing_and_solves() -> None:
    rows = [
        {
            "Partner": code,
            "Flow": flow,
            "Sector": WORLD.sector_name(sector),
            "Value": WORLD.border_value[cell],
        }
        for j, code in enumerate(WORLD.countries)
        if code != "CHL"
        for s, sector in enumerate(WORLD.sectors)
        for flow, cell in (("Exports", (CHL, j, s)), ("Imports", (j, CHL, s)))
    ]
    found = laid(pd.DataFrame(rows), unit=1e6)
    np.testing.assert_allclose(found.world.expenditure, WORLD.expenditure, rtol=1e-9, atol=1e-6)
    assert found.exports[0] == pytest.approx(found.exports[1])


def test_a_ministrys_table_with_semicolons_names_and_decimal_commas() -> None:
    table = pd.DataFrame(
        {
            "País destino": ["China", "Estados Unidos", "Brasil", "Total"],
            "Capítulo": ["74", "03", "22", "74"],
            "Valor FOB (USD)": ["2.000.000.000,50", "1.500.000,25", "7,5", "99"],
        }
    )
    found = laid(table)
    assert found.told == (3, 0)
    assert found.world.border_value[CHL, CHN, MET] == pytest.approx(2_000, rel=1e-6)
    assert any("decimal" in note for note in found.notes)


@pytest.mark.parametrize(
    ("given", "numbers", "decimal"),
    [
        (["1,5", "2,25"], [1.5, 2.25], True), (["1,500", "2,000"], [1500, 2000], False), (["1.234,5", "2"], [1234.5, 2], True),
        (["1,234.5"], [1234.5], False), (["1 234", "x"], [1234, np.nan], False), (["-3,5"], [-3.5], True),
    ],
)  # fmt: skip
def test_commas(given: list[str], numbers: list[float], decimal: bool) -> None:
    read = read_numbers(pd.Series(given, dtype="string"))
    found, said = read.values, read.decimal_comma
    np.testing.assert_allclose(found, numbers)
    assert said is decimal


def test_levels_of_one_table_are_not_added_up() -> None:
    table = pd.DataFrame({"partner": ["CHN"] * 3, "hs": ["74", "7402", "7403"], "value": [3e9, 1e9, 1.5e9]})
    found = laid(table)
    assert found.world.border_value[CHL, CHN, MET] == pytest.approx(2_500)
    assert any("levels" in note for note in found.notes)


def test_more_than_a_country_makes_is_refused_with_what_may_be_wrong() -> None:
    table = pd.DataFrame({"partner": ["CHN"], "hs": ["74"], "value": [20e9]})
    with pytest.raises(AccountsError, match="Look at the unit"):
        laid(table, unit=1000.0)
    both = pd.DataFrame({"partner": ["CHN", "CHN"], "hs": ["74", "08"], "value": [20e9, 1e8]})
    found = laid(both, beyond="keep")
    assert found.world.border_value[CHL, CHN, MET] == WORLD.border_value[CHL, CHN, MET]
    assert any("Chile, Metals" in note for note in found.notes) and found.told == (1, 0)
    with pytest.raises(ColumnError, match="partner"):
        laid(pd.DataFrame({"hs": ["74"], "value": [1.0]}))
    with pytest.raises(ColumnError, match="No row"):
        laid(pd.DataFrame({"partner": ["Atlantis"], "hs": ["74"], "value": [1.0]}))


def test_what_results_is_a_world_that_solves() -> None:
    from firmtrade_core.scenarios import load_preset
    from firmtrade_core.scenarios.compile import compile

    found = laid(comtrade()).world
    result = solve(found, compile(load_preset("us_ten_points"), found, None).shock, Parameters(4.0))
    assert result.certificate.largest < 1e-9
