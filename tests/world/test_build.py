"""Worlds from tidy tables: every bad input has its message, every repair is stated."""

import numpy as np
import pandas as pd
import pytest

from firmtrade_core.world.errors import (
    AccountsError,
    ColumnError,
    DuplicateCellError,
    EmptyMarketError,
    MissingPairsError,
    NegativeValueError,
    TariffError,
    UnknownCodeError,
    WorldError,
)
from firmtrade_core.world.world import Provenance, World
from tests.worlds import make_world

CODES = {"C00": "DEU", "C01": "FRA", "C02": "USA"}


@pytest.fixture
def world() -> World:
    made = make_world(3, 2, zeros=False)
    return made.with_(countries=tuple(CODES.values()), sectors=("A01", "Services"))


@pytest.fixture
def flows(world: World) -> pd.DataFrame:
    return world.to_long()


def refused(
    kind: type[WorldError], message: str, flows: pd.DataFrame, *args: object, **options: object
) -> None:
    with pytest.raises(kind, match=message):
        World.from_long(flows, *args, **options)  # type: ignore[arg-type]


def test_a_table_gives_back_its_world(world: World, flows: pd.DataFrame) -> None:
    inputs = pd.DataFrame(
        [
            (c, k, u, world.inputs[i, p, q])
            for i, c in enumerate(world.countries)
            for p, k in enumerate(world.sectors)
            for q, u in enumerate(world.sectors)
        ],
        columns=["country", "input", "user", "value_musd"],
    )
    again = World.from_long(flows.sample(frac=1, random_state=0), inputs)
    assert set(again.sectors) == set(world.sectors)
    again = World.from_long(flows, inputs)
    np.testing.assert_allclose(again.expenditure, world.expenditure)
    np.testing.assert_allclose(again.inputs, world.inputs)
    np.testing.assert_allclose(again.subsidy, world.subsidy)
    assert list(again.goods) == [True, False]
    assert again.provenance.changes == ()


def test_percent_for_fractions(world: World, flows: pd.DataFrame) -> None:
    percent = flows.assign(tariff=100 * flows["tariff"], subsidy=100 * flows["subsidy"])
    refused(TariffError, "write 0.10 for 10 %", percent.assign(subsidy=0.0))
    again = World.from_long(percent, tariff_unit="percent")
    np.testing.assert_allclose(again.tariff, world.tariff)
    assert again.provenance.changes == ("Tariffs and subsidies given in percent, divided by 100.",)


def test_one_plus_tariff(flows: pd.DataFrame) -> None:
    refused(TariffError, r"these look like 1 \+ t. Subtract 1", flows.assign(tariff=1 + flows["tariff"]))


def test_tariffs_below_minus_one(flows: pd.DataFrame) -> None:
    flows.loc[1, "tariff"] = -1.2
    refused(TariffError, r"DEU to DEU, sector Services is -1.2; a tariff must be above -1", flows)
    refused(TariffError, "-100 %", flows, value="border")


def test_border_values(world: World, flows: pd.DataFrame) -> None:
    border = flows.assign(expenditure_musd=flows["expenditure_musd"] / (1 + flows["tariff"]))
    again = World.from_long(border, value="border")
    np.testing.assert_allclose(again.expenditure, world.expenditure)
    assert "adding the tariffs" in again.provenance.changes[0]


def test_negative_flows(flows: pd.DataFrame) -> None:
    flows.loc[3, "expenditure_musd"] = -5
    refused(NegativeValueError, r"1 flows are negative; .* DEU to FRA, sector Services \(row 4\): -5", flows)


def test_missing_pairs(flows: pd.DataFrame) -> None:
    gone = flows[~((flows["exporter"] == "FRA") & (flows["importer"] == "USA"))]
    refused(MissingPairsError, "2 cells are missing, 1 pairs of countries .* FRA to USA, sector A01", gone)
    again = World.from_long(gone, missing="zero")
    assert again.expenditure[1, 2].sum() == 0
    assert "2 missing cells (11\u202f% of all) read as zero." in again.provenance.changes


def test_missing_domestic_sales(flows: pd.DataFrame) -> None:
    abroad = flows[flows["exporter"] != flows["importer"]]
    refused(MissingPairsError, r"no domestic sales \(exporter = importer\)", abroad, missing="zero")


def test_duplicate_cells(flows: pd.DataFrame) -> None:
    twice = pd.concat([flows, flows.iloc[[2]]])
    refused(DuplicateCellError, r"DEU to FRA, sector A01 appears more than once \(rows 3 and 19\)", twice)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("ROM", r"'ROM' is no present code \(Romania's code until 2002\): use ROU"),
        ("ZAR", "use COD"),
        ("YUG", "use SRB or HRV or SVN or another"),
        ("WLD", "a total is no partner"),
        ("SUN", "Soviet Union, dissolved in 1991.*use RUS"),
        ("CSK", "use CZE or SVK"),
        ("DDR", "use DEU"),
        ("Romania", "'Romania' is not a country code. Did you mean ROU"),
        ("XQZ", "'XQZ' is not a country code"),
    ],
)
def test_unknown_and_retired_codes(flows: pd.DataFrame, code: str, message: str) -> None:
    strange = flows.replace({"FRA": code})
    refused(UnknownCodeError, message, strange)
    assert code in World.from_long(strange, codes="any").countries


def test_clear_codes_are_repaired_on_request(flows: pd.DataFrame) -> None:
    again = World.from_long(flows.replace({"FRA": "ROM", "USA": "United States"}), codes="repair")
    assert again.countries == ("DEU", "ROU", "USA")
    assert again.provenance.changes == (
        "Country code ROM read as ROU (Romania's code until 2002).",
        "Country code United States read as USA.",
    )
    for code in ("YUG", "DDR"):
        apart = World.from_long(flows.replace({"FRA": code}), codes="repair")
        assert code in apart.countries and f"kept apart as {code}" in apart.provenance.changes[0]
    refused(
        DuplicateCellError, "two codes may mean one country", flows.replace({"FRA": "BRD"}), codes="repair"
    )


def test_totals_are_left_out_and_said(flows: pd.DataFrame) -> None:
    total = flows.assign(importer="WLD").drop_duplicates(["exporter", "sector"])
    both = pd.concat([flows, total], ignore_index=True)
    refused(UnknownCodeError, "'WLD' is the world, which is not a country", both)
    mended = World.from_long(both, codes="repair")
    assert mended == World.from_long(flows) or mended.countries == World.from_long(flows).countries
    assert mended.expenditure.sum() == World.from_long(flows).expenditure.sum()
    assert f"{len(total)} rows left out" in mended.provenance.changes[0]


def test_numbers_of_another_list_are_refused_whole(flows: pd.DataFrame) -> None:
    """Brazil's numbers of Chile, France and the United States: two are ISO numbers of other countries."""
    refused(
        UnknownCodeError, "brazil", flows.replace({"DEU": "158", "FRA": "160", "USA": "249"}), codes="repair"
    )


def test_small_letters_and_spaces_are_read(flows: pd.DataFrame) -> None:
    assert World.from_long(flows.replace({"FRA": " fra "})).countries == ("DEU", "FRA", "USA")


def test_idle_countries_and_sectors(flows: pd.DataFrame) -> None:
    def silent(column: str, label: str) -> pd.DataFrame:
        return flows.assign(expenditure_musd=flows["expenditure_musd"].where(flows[column] != label, 0.0))

    refused(EmptyMarketError, "No expenditure is recorded for USA", silent("importer", "USA"))
    refused(EmptyMarketError, "USA sells nothing to anyone", silent("exporter", "USA"))
    refused(EmptyMarketError, "Nobody buys anything of: A01", silent("sector", "A01"))
    refused(EmptyMarketError, "has no rows", flows.iloc[:0])


def test_missing_columns(flows: pd.DataFrame) -> None:
    refused(
        ColumnError,
        r"lacks columns: expenditure_musd \(did you mean 'expenditure'\?\), tariff \(did you mean 'tariffs'\?\)",
        flows.rename(columns={"expenditure_musd": "expenditure", "tariff": "tariffs"}),
    )


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("n/a", r"expenditure_musd holds 'n/a', not a finite number in row 5 \(DEU, USA, A01\)"),
        ("1,5", "Use a point for decimals"),
        ("=1+1", "holds '=1\\+1'"),
        (np.inf, "holds 'inf'"),
        (np.nan, "expenditure_musd is missing in row 5"),
        ("", "is missing in row 5"),
    ],
)
def test_text_and_holes_in_numbers(flows: pd.DataFrame, value: object, message: str) -> None:
    table = flows.astype({"expenditure_musd": object})
    table.loc[4, "expenditure_musd"] = value
    refused(ColumnError, message, table)


def test_holes_in_labels(flows: pd.DataFrame) -> None:
    flows.loc[4, "importer"] = None
    refused(ColumnError, "importer is missing in row 5", flows)


def test_markup_in_labels_stays_text(flows: pd.DataFrame) -> None:
    label = "<img src=x onerror=alert(1)>"
    assert label in World.from_long(flows.replace({"A01": label})).sectors


def test_years(flows: pd.DataFrame) -> None:
    both = pd.concat([flows.assign(year=2020), flows.assign(year=2021)])
    refused(WorldError, "holds the years 2020 to 2021. Choose one with year=2021", both)
    refused(WorldError, "has no year 1999; it holds 2020, 2021", both, year=1999)
    assert World.from_long(both, year=2020).provenance.year == 2020
    assert World.from_long(flows.assign(year=2019)).provenance.year == 2019


def test_a_mistaken_column_does_not_eat_memory(flows: pd.DataFrame) -> None:
    many = pd.DataFrame({"exporter": [f"x{i}" for i in range(20_000)], "importer": "y", "sector": "z"})
    many = many.assign(expenditure_musd=1.0, tariff=0.0)
    refused(WorldError, "too many. Aggregate the table first", many, codes="any")


def inputs_table(**changes: object) -> pd.DataFrame:
    row = {"country": "DEU", "input": "A01", "user": "Services", "value_musd": 1.0}
    return pd.DataFrame([row | changes])


def test_inputs(flows: pd.DataFrame) -> None:
    world = World.from_long(flows, inputs_table())
    assert world.inputs[0, 0, 1] == 1.0
    assert "11 input cells without a row read as zero." in world.provenance.changes
    refused(UnknownCodeError, "names input 'A02'", flows, inputs_table(input="A02"))
    refused(UnknownCodeError, "names country 'GBR'", flows, inputs_table(country="GBR"))
    refused(DuplicateCellError, "repeats a cell in row 2", flows, pd.concat([inputs_table()] * 2))
    refused(
        ColumnError,
        r"lacks a column: value_musd \(did you mean 'value'\?\)",
        flows,
        inputs_table().rename(columns={"value_musd": "value"}),
    )


def test_worlds_that_cannot_close(flows: pd.DataFrame) -> None:
    spent = flows.query("importer == 'DEU' and sector == 'A01'")["expenditure_musd"].sum()
    greedy = inputs_table(value_musd=1.05 * spent)
    refused(AccountsError, r"final demands are negative; the worst is DEU, A01: .* \(gap", flows, greedy)
    split = pd.concat([greedy, inputs_table(input="Services", value_musd=1.0)])
    closed = World.from_long(flows, split, close_inputs=True)
    assert (closed.final_demand / closed.total_expenditure).min() >= 0.01 - 1e-9
    assert "Input rows scaled" in closed.provenance.changes[-1]
    world = World.from_long(flows)
    greedy = [
        inputs_table(country="USA", input=k, value_musd=0.9 * e)
        for k, e in zip(world.sectors, world.total_expenditure[2], strict=True)
    ]
    refused(AccountsError, "USA, Services: inputs of .* leave no value added", flows, pd.concat(greedy))


def test_goods_and_provenance(flows: pd.DataFrame) -> None:
    world = World.from_long(flows, goods=["Services"], provenance=Provenance("mine", 2001), name="N")
    assert (list(world.goods), world.provenance.source, world.name) == ([False, True], "mine", "N")
    refused(UnknownCodeError, "goods names the sector 'X'", flows, goods=["X"])
