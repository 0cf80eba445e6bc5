"""Everything that reads what strangers send: for each door a valid input, how it is opened, and what it may answer."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import numpy as np
import pandas as pd

from benchmarks.fuzz.command_doors import command_doors
from firmtrade_core.backtests.errors import BacktestError
from firmtrade_core.backtests.own import Forecast
from firmtrade_core.channels.errors import ChannelError
from firmtrade_core.codes.products import ConcordanceError
from firmtrade_core.gravity.errors import GravityError
from firmtrade_core.gravity.panel_file import read_uploaded_panel
from firmtrade_core.harmonise.errors import HarmoniseError
from firmtrade_core.harmonise.pipeline import header
from firmtrade_core.home import HomeFirms
from firmtrade_core.home.population import read_population
from firmtrade_core.jobs.kept import KeptError, keep, read
from firmtrade_core.margins import FirmsError
from firmtrade_core.panel.errors import PanelError
from firmtrade_core.scenarios import Scenario, ScenarioError, compile
from firmtrade_core.scenarios.finder import sectors_of_product
from firmtrade_core.scenarios.links import LinkError, decode, encode
from firmtrade_core.scenarios.offers import read_offer
from firmtrade_core.scenarios.schedules import read_schedule
from firmtrade_core.scenarios.yaml_text import read as read_yaml
from firmtrade_core.world.columns import guess_columns, with_roles
from firmtrade_core.world.errors import WorldError
from firmtrade_core.world.overlay import guess_roles, lay_over
from firmtrade_core.world.uploads import Upload, read_uploaded_table, read_uploaded_world
from firmtrade_core.world.world import World
from firmtrade_core.world.years import years_of_table
from tests.firms import make_home
from tests.scenarios.conftest import synthetic_world

#: What a door may answer: an error of the program that says what to mend.
REFUSALS = (
    BacktestError,
    LinkError,
    WorldError,
    ScenarioError,
    FirmsError,
    GravityError,
    HarmoniseError,
    KeptError,
    ChannelError,
    PanelError,
    ConcordanceError,
)


@dataclass(frozen=True)
class Door:
    """One way in.

    Parameters
    ----------
    seeds
        Valid inputs.
    enter
        Reads one; what it returns identifies the content.
    sealed
        Whether the product wrote the input with a hash: whatever is accepted must then be what was written.
    """

    name: str
    seeds: tuple[bytes, ...]
    enter: Callable[[bytes], object]
    sealed: bool = False


SCENARIO = Scenario.parse(
    {
        "name": "Tariffs",
        "cards": [
            {"kind": "tariff", "importers": ["USA"], "exporters": ["CHN"], "method": "add", "value": 0.1},
            {"kind": "programme", "policy": "research", "take_up": 0.5, "effect": {"capability": 0.1}},
        ],
    }
)


@cache
def world() -> World:
    """The small world of all doors."""
    return synthetic_world()


def _file(content: bytes, ending: str, open_it: Callable[[Path], Any]) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"sent{ending}"
        path.write_bytes(content)
        return open_it(path)


def _saved(save: Callable[[Path], object], ending: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"made{ending}"
        save(path)
        return path.read_bytes()


def _flows() -> pd.DataFrame:
    return world().to_long()[["exporter", "importer", "sector", "expenditure_musd", "tariff"]]


def _flows_by_year() -> pd.DataFrame:
    return pd.concat([_flows().assign(year=year) for year in (2018, 2019)])


def _text(table: pd.DataFrame) -> bytes:
    return table.to_csv(index=False).encode()


def _parquet(table: pd.DataFrame) -> bytes:
    buffer = BytesIO()
    table.to_parquet(buffer)
    return buffer.getvalue()


def _workbook(table: pd.DataFrame) -> bytes:
    buffer = BytesIO()
    table.to_excel(buffer, index=False)
    return buffer.getvalue()


def _table(ending: str) -> Callable[[bytes], object]:
    def enter(content: bytes) -> object:
        table = read_uploaded_table(Upload(f"table{ending}", content))
        roles = guess_columns(list(map(str, table.columns)))
        if any(roles[name] is None for name in ("exporter", "importer", "sector", "expenditure_musd")):
            return None
        return World.from_long(with_roles(table, roles), missing="zero", codes="any").content_hash

    return enter


def _address(content: bytes) -> object:
    from pages.parts.frame import address
    from pages.parts.frame.store import Store

    store = Store(SCENARIO, world().countries[0])
    address.read(content.decode("utf-8", "replace"), store, world())
    return address.query(store, world())


def _link(content: bytes) -> object:
    return decode(content.decode("utf-8", "replace")).content_hash


def _yaml(content: bytes) -> object:
    scenario = Scenario.parse(read_yaml(content))
    return compile(scenario, world(), make_home(count=60)).report


def _programme(content: bytes) -> object:
    """A programme on real firms, whatever its numbers."""
    return compile(Scenario.parse(read_yaml(content)), world(), make_home(count=60, public=False)).report


def _home(content: bytes) -> object:
    return _file(content, ".parquet", lambda path: HomeFirms.load(path).content_hash)


def _world(content: bytes) -> object:
    return read_uploaded_world(Upload("sent.world", content)).shown_hash


def _schedule(content: bytes) -> object:
    return read_schedule(read_uploaded_table(Upload("schedule.csv", content)))


def _population(content: bytes) -> object:
    return read_population(read_uploaded_table(Upload("population.csv", content)))


def _head(content: bytes) -> object:
    def look(path: Path) -> object:
        with tempfile.TemporaryDirectory() as workspace:
            return header(path, Path(workspace))

    return _file(content, ".csv", look)


def _kept(content: bytes) -> object:
    return repr(_file(content, ".kept", read))


def _country(content: bytes) -> object:
    """A country's own trade laid over a world, by the columns that are guessed."""
    table = read_uploaded_table(Upload("country.csv", content))
    roles = guess_roles([str(column) for column in table.columns])
    laid = lay_over(
        world(), world().countries[0], table, roles, sectors_of_product=sectors_of_product, beyond="keep"
    )
    return laid.world.content_hash


def _panel(ending: str) -> Callable[[bytes], object]:
    def enter(content: bytes) -> object:
        return read_uploaded_panel(Upload(f"panel{ending}", content)).content_hash

    return enter


def _rates(content: bytes) -> object:
    flows = b"exporter,importer,year,trade,currency\nCHN,USA,2019,10,CLP\nUSA,CHN,2019,12,CLP\nCHN,DEU,2019,9,CLP\n"
    rates = Upload("rates.csv", content)
    return read_uploaded_panel(Upload("panel.csv", flows), currency="CLP", rates=rates).content_hash


def _offer(content: bytes) -> object:
    return read_offer(read_uploaded_table(Upload("offer.csv", content)), importer="USA").rows()


def _weights(content: bytes) -> object:
    lines = pd.DataFrame({"hs": ["740311", "080810"], "base": [0.1, 0.2], "final": [0.0, 0.1]})
    return read_offer(lines, read_uploaded_table(Upload("trade.csv", content)), importer="USA").rows()


def _happened(content: bytes) -> object:
    changes = {"CHN": -0.2, "DEU": 0.1, "MEX": 0.05, "CAN": 0.02}
    entered = Forecast("Plan", date(2026, 1, 5), "USA", "2026", "2027", changes, dict.fromkeys(changes, 10.0))
    return entered.held_against(read_uploaded_table(Upload("happened.csv", content)))[0]


def _years(content: bytes) -> object:
    years = years_of_table(read_uploaded_table(Upload("years.csv", content)), "years")
    return [years.world(year).content_hash for year in years.years]


@cache
def doors() -> dict[str, Door]:
    """All doors by name."""
    link = encode(SCENARIO, world())
    text = SCENARIO.to_yaml().encode()
    address = urlencode(
        {
            "s": link,
            "against": link,
            "shown": "difference",
            "present": "2",
            "country": "CHN",
            "map": "exports",
        }
    )
    schedule = b"exporter,importer,product,rate\nCHN,USA,740311,0.25\nCHN,USA,080810,0.1\n"
    population = b"sector,size,firms\nmetals,1-9,120\nmetals,10-49,30\n"
    own = (
        f"partner,product,flow,value_usd\n{world().countries[1]},{world().sectors[0]},exports,1200000\n"
        f"{world().countries[2]},{world().sectors[1]},imports,500000\n"
    ).encode()
    trade_only = (
        b"exporter,importer,year,trade\nCHN,USA,2019,10.5\nUSA,CHN,2019,12\nCHN,DEU,2019,9\nDEU,CHN,2019,8\n"
    )
    lines = b"hs,base,final,staging\n740311,0.1,0,5\n080810,0.25,0.1,EIF\n02013000,12%,6%,B5\n"
    customs = b"firm;year;country;hs;value_usd\nA1;2022;CHN;740311;1200\nB2;2022;USA;080810;300\n"
    result = {
        "numbers": np.arange(5.0),
        "table": pd.DataFrame({"a": [1, 2], "b": ["x", None]}),
        "words": ("one", 2.5),
    }
    home = replace(make_home(count=60), source="synthetic firms, for fuzzing")
    made = (
        Door("link", (link.encode(),), _link, sealed=True),
        Door("address", (address.encode(), f"s={link}".encode(), b"present=3&view=winners"), _address),
        Door("scenario", (text,), _yaml),
        Door("programme", (text,), _programme),
        Door("world", (_saved(lambda path: world().save(path), ".world"),), _world, sealed=True),
        Door("home", (_saved(home.save, ".parquet"),), _home, sealed=True),
        Door("kept", (_saved(lambda path: keep(path, result), ".kept"),), _kept, sealed=True),
        Door("table-csv", (_text(_flows()),), _table(".csv")),
        Door("table-parquet", (_parquet(_flows()),), _table(".parquet")),
        Door("table-xlsx", (_workbook(_flows()),), _table(".xlsx")),
        Door("schedule", (schedule,), _schedule),
        Door("population", (population,), _population),
        Door("customs-head", (customs,), _head),
        Door("country-table", (own, own.replace(b",", b";")), _country),
        Door("panel-csv", (_text(_flows_by_year()), trade_only), _panel(".csv")),
        Door("panel-xlsx", (_workbook(_flows_by_year().head(40)),), _panel(".xlsx")),
        Door("panel-parquet", (_parquet(_flows_by_year()),), _panel(".parquet")),
        Door("rates", (b"date,currency,usd\n2019,CLP,0.0014\n2018,CLP,0.0015\n",), _rates),
        Door("offer", (lines, b"hs,rate_percent\n74,5 %\n0808,2.5 %\n"), _offer),
        Door(
            "offer-weights",
            (b"hs,exporter,importer,trade\n740311,CHL,USA,500\n080810,CHN,USA,20\n",),
            _weights,
        ),
        Door(
            "forecast-data",
            (b"partner,before,after\nCHN,100,80\nGermany,50,55\nMEX,40,41\nCAN,30,31\n",),
            _happened,
        ),
        Door("years-table", (_text(_flows_by_year()),), _years),
    )
    commands = (Door(*door) for door in command_doors())
    return {door.name: door for door in (*made, *commands)}
