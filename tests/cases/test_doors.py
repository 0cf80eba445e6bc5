"""What one door offers, the others do: tariffs insisted on, any currency, column mapping, unused columns, forms of tables."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from firmtrade_core.cli.main import app
from firmtrade_core.codes.currencies import read_currency
from firmtrade_core.codes.place_lists import number_list
from firmtrade_core.codes.places import read_place_in
from firmtrade_core.gravity.errors import FlowError
from firmtrade_core.gravity.panel import GravityPanel
from firmtrade_core.harmonise.dates import read_dates
from firmtrade_core.harmonise.pipeline import small_table
from firmtrade_core.report.templates import TEMPLATES
from firmtrade_core.world.aggregation import aggregate
from firmtrade_core.world.errors import TariffError
from firmtrade_core.world.loaders import load
from firmtrade_core.world.money import BY_COLUMN, MoneyError, in_million_dollars, own_rates
from firmtrade_core.world.validation import validate_flows
from firmtrade_core.world.world import World
from pages.parts.costs.trade_panels import read_upload
from tests.cases.customs_lines import lines

RUNNER = CliRunner()


def flows(tariff: float = 0.1) -> pd.DataFrame:
    rows = [
        (e, i, s, 1000.0 if e == i else 100.0, 0.0 if e == i else tariff)
        for e in ("ARG", "BRA", "CHL")
        for i in ("ARG", "BRA", "CHL")
        for s in ("Food", "Mining")
    ]
    return pd.DataFrame(rows, columns=["exporter", "importer", "sector", "expenditure_musd", "tariff"])


# Tariffs -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tariff", [1.6, 3.0, 10.0])
def test_any_tariff_a_person_insists_on(tmp_path: Path, tariff: float) -> None:
    """Case 19: refused where it looks like percent, taken where the person says so, and kept through everything after."""
    with pytest.raises(TariffError, match='tariff_unit="fraction"'):
        World.from_long(flows(tariff))
    assert not validate_flows(flows(tariff)).usable
    assert validate_flows(flows(tariff), tariff_unit="fraction").usable
    world = World.from_long(flows(tariff), tariff_unit="fraction")
    assert world.tariff.max() == tariff
    again = World.load(world.save(tmp_path / "high.world"))
    assert again.content_hash == world.content_hash and again.tariffs_stated
    assert again.with_(name="other").tariff.max() == tariff
    assert aggregate(again, sectors={"Food": "All", "Mining": "All"}).tariff.max() == pytest.approx(tariff)
    percent = World.from_long(flows(100 * tariff), tariff_unit="percent")
    np.testing.assert_allclose(percent.tariff, world.tariff)


def test_what_looks_like_one_plus_a_rate_can_be_meant_too() -> None:
    table = flows(1.2).assign(tariff=1.2)
    with pytest.raises(TariffError, match=r"1 \+ t.*tariff_unit"):
        World.from_long(table)
    assert World.from_long(table, tariff_unit="fraction").tariff.min() == 1.2


def test_tariffs_beside_a_published_file(tmp_path: Path) -> None:
    table = flows()
    published = pd.DataFrame(
        {
            "exporter_iso3": table["exporter"],
            "importer_iso3": table["importer"],
            "year": 2019,
            "industry_id": table["sector"].map({"Food": 1, "Mining": 30}),
            "broad_sector": table["sector"],
            "trade": table["expenditure_musd"],
            "remark": "x",
        }
    )
    path = tmp_path / "ITPD_E_R02.csv"
    published.to_csv(path, index=False)
    rates = flows(3.0).drop(columns="expenditure_musd").query("exporter != importer").assign(source="office")
    with pytest.raises(TariffError):
        load("itpd-e", path, tariffs=rates)
    world = load("itpd-e", path, tariffs=rates, tariff_unit="fraction")
    assert world.tariff.max() == 3.0
    percent = load("itpd-e", path, tariffs=rates.assign(tariff=300.0), tariff_unit="percent")
    np.testing.assert_allclose(percent.tariff, world.tariff)
    said = " ".join(world.provenance.changes)
    assert "Columns not used: remark." in said and "The table of tariffs: Columns not used: source." in said
    rates.to_csv(tmp_path / "tariffs.csv", index=False)
    arguments = ["world", "load", "itpd-e", str(path), "-o", str(tmp_path / "w.world"), "--tariffs", str(tmp_path / "tariffs.csv")]  # fmt: skip
    refused = RUNNER.invoke(app, arguments)
    assert refused.exit_code == 2 and "--tariff-unit fraction" in refused.output
    assert RUNNER.invoke(app, [*arguments, "--tariff-unit", "fraction"]).exit_code == 0


# Money ---------------------------------------------------------------------------------------------


def test_values_in_any_currency(tmp_path: Path) -> None:
    own = own_rates(pd.read_csv(io.StringIO("date,currency,per_usd\n2019,CLP,700\n2020-03,CLP,800\n")))
    table = flows().assign(year=2019)
    dollars, said = in_million_dollars(table, "expenditure_musd", currency="CLP", unit=1e9, rates=own)
    np.testing.assert_allclose(dollars["expenditure_musd"], table["expenditure_musd"] * 1000 / 700)
    assert "CLP 2019 at 0.00142857 USD" in said
    with pytest.raises(MoneyError, match="No exchange rate of CLP in 2019: no source"):
        in_million_dollars(table, "expenditure_musd", currency="CLP")
    with pytest.raises(MoneyError, match="ISK in 2010: suspended"):
        in_million_dollars(table.assign(year=2010), "expenditure_musd", currency="ISK")
    with pytest.raises(MoneyError, match="say which"):
        in_million_dollars(flows(), "expenditure_musd", currency="EUR")
    mixed = table.assign(currency=["USD", "CLP"] * 9)
    both, _ = in_million_dollars(mixed, "expenditure_musd", currency=BY_COLUMN, rates=own)
    ratio = (both["expenditure_musd"] / mixed["expenditure_musd"]).to_numpy()
    np.testing.assert_allclose(ratio, [1, 1 / 700] * 9)


def test_the_command_line_turns_money_too(tmp_path: Path) -> None:
    table = flows().assign(year=2019).rename(columns={"expenditure_musd": "trade_million_clp"})
    path, rates = tmp_path / "flows.csv", tmp_path / "rates.csv"
    table.to_csv(path, index=False)
    refused = RUNNER.invoke(app, ["world", "check", str(path)])
    assert refused.exit_code == 1 and "--rates" in refused.output
    rates.write_text("Central bank\n\ndate;currency;per_usd\n2019;CLP;702,9\n")
    target = tmp_path / "w.world"
    done = RUNNER.invoke(app, ["world", "check", str(path), "--rates", str(rates), "-o", str(target)])
    assert done.exit_code == 0, done.output
    assert World.load(target).expenditure.max() == pytest.approx(1000 / 702.9)


def test_a_panel_in_currencies(tmp_path: Path) -> None:
    countries = ("ARG", "BRA", "CHL", "PER", "USA")
    rows = [
        (e, i, y, 10.0 * k, "CLP" if e == "CHL" else "USD", "memo")
        for k, (e, i, y) in enumerate(
            ((e, i, y) for e in countries for i in countries if e != i for y in (2019, 2020)), start=1
        )
    ]
    table = pd.DataFrame(rows, columns=["exporter", "importer", "year", "trade", "currency", "memo"])
    with pytest.raises(FlowError, match="currency tells several"):
        GravityPanel.from_table(table)
    content = table.to_csv(index=False).encode()
    rates = ("rates.csv", b"date,currency,usd\n2019,CLP,0.0014\n2020,CLP,0.0012\n")
    file = read_upload("p.csv", content, rates=rates)
    sold = file.panel.table.set_index(["exporter", "importer", "year"])["trade"]
    given = table.set_index(["exporter", "importer", "year"])["trade"]
    assert sold["CHL", "ARG", 2020] == pytest.approx(0.0012 * given["CHL", "ARG", 2020])
    assert sold["ARG", "CHL", 2020] == pytest.approx(given["ARG", "CHL", 2020])
    assert "Columns not used: memo." in file.panel.notes and "rates=Path('rates.csv')" in file.arguments
    with pytest.raises(MoneyError, match="CLP"):
        read_upload("p.csv", content)


def test_pence_are_no_pounds() -> None:
    assert read_currency("GBp") is None and read_currency("gbp") == read_currency("GBP") == "GBP"


# Columns -------------------------------------------------------------------------------------------


def test_columns_can_be_named_at_every_verb(tmp_path: Path) -> None:
    for verb in (["harmonise"], ["pipeline"], ["world", "check"], ["gravity", "sectors"], ["gravity", "estimate"], ["gravity", "counterfactual"]):  # fmt: skip
        assert "--column" in RUNNER.invoke(app, [*verb, "--help"], env={"COLUMNS": "200"}).output, verb
    random = np.random.default_rng(0)
    countries = ("ARG", "BRA", "CHL", "PER", "COL", "MEX")
    rows = [(e, i, 2019, random.lognormal(5), "x") for e in countries for i in countries if e != i]
    path = tmp_path / "panel.csv"
    frame = pd.DataFrame(rows, columns=["o", "d", "yr", "flow", "memo"])
    path.write_text("sep=;\nTrade of 2019\n" + frame.to_csv(index=False, sep=";"))
    formula = "flow ~ log(dist) | exporter^year + importer^year"
    refused = RUNNER.invoke(app, ["gravity", "estimate", str(path), formula])
    assert refused.exit_code == 2 and "--column exporter=NAME" in refused.output
    named = ["--column", "exporter=o", "--column", "importer=d", "--column", "year=yr"]
    done = RUNNER.invoke(app, ["gravity", "estimate", str(path), formula, *named, "--json"])
    assert done.exit_code == 0, done.output
    notes = json.loads(done.output)["notes"]
    assert "Columns not used: memo." in notes


def test_forms_of_tables_can_be_read(tmp_path: Path) -> None:
    for form in TEMPLATES.values():
        path = tmp_path / form.file
        path.write_text(form.text)
        assert len(small_table(path)), form.file
    own = own_rates(pd.read_csv(io.StringIO(TEMPLATES["rates"].text), dtype=str))
    assert own.on(pd.Series(["CLP"]), pd.Series([pd.Timestamp("2019-06-03")])).iloc[0] == 0.00142
    table = pd.read_csv(io.StringIO(TEMPLATES["flows"].text)).rename(columns={"value": "expenditure_musd"})
    assert World.from_long(table).shape == (2, 1)


# Labels and periods --------------------------------------------------------------------------------


def test_a_code_two_states_bore_is_told_by_the_year(tmp_path: Path) -> None:
    assert [read_place_in("CS", y).code for y in (1985, 1992, 1993, 2002, 2003, 2006)] == [
        "CSK", "CSK", None, None, "SCG", "SCG"
    ]  # fmt: skip
    rows = [("1990-03-05", "CS"), ("1998-03-05", "CS"), ("2005", "cs"), ("2005-03-05", "SK")]
    found = lines(tmp_path, *({"date": date, "country": country} for date, country in rows))
    assert found.column("country") == ["CSK", "country.ambiguous", "SCG", "SVK"]
    table = flows().replace("BRA", "CS")
    assert "CSK" in World.from_long(table.assign(year=1990), codes="repair").countries
    assert "SCG" in World.from_long(table, year=2005, codes="repair").countries
    assert validate_flows(table.assign(year=1990), codes="repair").usable
    assert not validate_flows(table.assign(year=1998), codes="repair").usable


def test_half_years() -> None:
    texts = ["2019-H1", "2S2019", "1er semestre 2019", "Q3 2019", "3T-2019", "luglio 2019"]
    found = read_dates(dict.fromkeys(texts, 1)).table.set_index("text")
    assert found["size"].tolist() == [6, 6, 6, 3, 3, 1]
    assert [d.month for d in found["meant"]] == [1, 7, 1, 7, 7, 7]


def test_chiles_numbers_that_two_sources_give_differently_are_set_aside() -> None:
    chile = number_list("chile")
    assert len(chile) == 209 and chile["562"] == "RUS" and chile["302"] == "SAU"
    assert not {"143", "144", "565", "566", "567", "568", "322", "342"} & set(chile)
