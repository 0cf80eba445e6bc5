"""What the command line alone reads: published tables, customs files and registers, concordances, maps, effects, panels."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from firmtrade_core.analysis.gravity_counterfactual import read_change
from firmtrade_core.backtests.own import Forecast
from firmtrade_core.channels.table import ChannelTable
from firmtrade_core.codes.place_lists import read_number_list
from firmtrade_core.codes.products import read_concordance
from firmtrade_core.gravity.formula import read_combination, read_formula
from firmtrade_core.gravity.formula import read_years as years_of_text
from firmtrade_core.gravity.geography import load_cepii_gravity
from firmtrade_core.harmonise.declarations import Options, read_declarations
from firmtrade_core.harmonise.errors import HarmoniseError
from firmtrade_core.harmonise.firm_tables import read_firm_table
from firmtrade_core.harmonise.pipeline import small_table
from firmtrade_core.home.population import load_population
from firmtrade_core.panel.confidentiality import read_salt
from firmtrade_core.panel.sectors import sector_table
from firmtrade_core.panel.source import panel_of
from firmtrade_core.world.elasticities import read_estimated_set
from firmtrade_core.world.loaders import load
from firmtrade_core.world.tables import read_table
from tests.cases import published

SALT = b"a salt of sixteen bytes"

Reader = Callable[[Path], object]


def _in_folder(read: Callable[[Path, Path], object], name: str) -> Callable[[bytes], object]:
    """A reader of a file's content, with a folder to work in."""

    def enter(content: bytes) -> object:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / name
            path.write_bytes(content)
            work = Path(folder) / "work"
            work.mkdir()
            return read(path, work)

    return enter


def _made(write: Callable[[Path], Path | tuple[Path, ...]]) -> tuple[bytes, str]:
    with tempfile.TemporaryDirectory() as folder:
        found = write(Path(folder))
        path = found[0] if isinstance(found, tuple) else found
        return path.read_bytes(), path.name


def _loaded(loader: str) -> Callable[[Path, Path], object]:
    def read(path: Path, work: Path) -> object:
        options: dict[str, Any] = (
            {"year": {"wiod": 2010, "itpd-e": 2016}[loader]} if loader in ("wiod", "itpd-e") else {}
        )
        if loader == "baci":
            _, concordance, output = published.baci(work)
            options = {
                "country_codes": next(work.glob("country_codes*")),
                "concordance": read_table(concordance),
                "output": read_table(output),
            }
        return load(loader, path, **options).content_hash

    return read


def _customs(path: Path, work: Path) -> object:
    found = read_declarations([path], work, Options(SALT))
    try:
        accounts = found.accounts()
        assert accounts["lost"] == 0, accounts
        return accounts
    finally:
        found.connection.close()


def _number_list(path: Path, _: Path) -> object:
    try:
        return read_number_list(path)
    except ValueError as error:  # as every door takes it
        raise HarmoniseError(str(error)) from error


def _register(path: Path, work: Path) -> object:
    return len(read_firm_table(path, work, SALT).table)


def _panel(path: Path, _: Path) -> object:
    folder = path.parent / "panel"
    folder.mkdir()
    path.rename(folder / path.name)
    random = np.random.default_rng(0)
    if path.name != "firms.parquet":
        pd.DataFrame(
            {
                "firm": [f"F{i}" for i in range(40)],
                "year": 2019,
                "sector": "metals",
                "sales": random.lognormal(3, 1, 40),
                "exports": 0.0,
            }
        ).to_parquet(folder / "firms.parquet")
    found = panel_of(folder)
    return len(found.firms)


def _firms() -> bytes:
    random = np.random.default_rng(1)
    table = pd.DataFrame(
        {
            "firm": [f"F{i}" for i in range(40)],
            "year": 2019,
            "sector": "metals",
            "sales": random.lognormal(3, 1, 40),
            "exports": random.lognormal(1, 1, 40),
        }
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "firms.parquet"
        table.to_parquet(path)
        return path.read_bytes()


def _words(content: bytes) -> object:
    """What is typed behind ``gravity``: a formula, a change, a combination, years."""
    text = content.decode("utf-8", "replace")
    kind, _, rest = text.partition("|")
    readers: dict[str, Callable[[str], object]] = {
        "formula": read_formula, "change": read_change, "combination": read_combination, "years": years_of_text,
    }  # fmt: skip
    return repr(readers.get(kind, read_formula)(rest))


#: Doors: name, valid inputs, what the file is called, and how it is read.
def command_doors() -> list[tuple[str, tuple[bytes, ...], Callable[[bytes], object], bool]]:
    """Name, valid inputs, reader, and whether the product wrote the input with a hash."""
    customs = (
        b"firm;date;flow;country;product;value;currency\nF1;2019-03-05;export;DE;020110;1000,5;USD\n"
        b"F2;05/03/2019;import;FR;87032310;1.234,5;EUR\nF3;2019;export;US;740311;12;CLP\n"
    )
    register = b"firm,year,sector,employment,sales_usd\n76123456-0,2019,metals,12,120000\n77123456-1,2019,food,3,9000\n"
    files: list[tuple[str, str, tuple[bytes, ...], Callable[[Path, Path], object], bool]] = [
        ("customs", "exports.csv", (customs, customs.replace(b";", b"\t")), _customs, False),
        ("register", "register.csv", (register,), _register, False),
        ("concordance", "hs_isic.csv", (b"HS 2017 Product Code,ISIC Revision 3 Product Code,weight\n020110,1511,1\n740311,2720,0.5\n",), lambda path, _: len(read_concordance(path).pairs), False),
        ("country-list", "codes.csv", (b"code,country\n158,CHL\n249,USA\n63,Argentina\n",), _number_list, False),
        ("small-table", "decisions.csv", (b"left,right,same\nF1,R1,true\nF2,R2,no\n",), lambda path, _: small_table(path).shape, False),
        ("sector-map", "map.csv", (b"code,sector\n01,agriculture\n10,food\n",), lambda path, _: sector_table(str(path), pd.Series(["0111", "1010"])), False),
        ("population-file", "population.csv", (b"sector,size,firms\nmetals,1-9,120\n",), lambda path, _: load_population(path), False),
        ("salt", "salt", (SALT.hex().encode(),), lambda path, _: read_salt(path), False),
        ("elasticity-set", "set.csv", (_estimated_set(),), lambda path, _: repr(read_estimated_set(path)), False),
        ("effects", "effects.json", (_effects(),), lambda path, _: ChannelTable.load(path).content_hash, True),
        ("panel-folder", "firms.parquet", (_firms(),), _panel, False),
        ("panel-about", "panel.json", (b'{"home": "ZAF", "name": "Firms", "synthetic": true}',), _panel, False),
    ]  # fmt: skip
    for name, loader, write in (
        ("baci", "baci", published.baci),
        ("icio", "oecd-icio", lambda folder: published.icio(folder, 2023, "2019_SML.csv")),
        ("icio-2016", "oecd-icio", lambda folder: published.icio(folder, 2016, "ICIO2016_2010.csv")),
        ("itpd", "itpd-e", lambda folder: published.itpd(folder, 2)),
        ("figaro", "figaro", published.figaro),
        ("figaro-flat", "figaro", lambda folder: published.figaro(folder, flat=True)),
        ("wiod-dta", "wiod", published.wiod_long),
    ):
        content, called = _made(write)
        files.append((name, called, (content,), _loaded(loader), False))
    content, called = _made(published.cepii_gravity)
    files.append(("cepii", called, (content,), lambda path, _: len(load_cepii_gravity(path)), False))
    made = [(name, seeds, _in_folder(read, called), sealed) for name, called, seeds, read, sealed in files]
    typed = (b"formula|flow ~ log(dist) | exporter^year + importer^year", b"combination|fta - 0.5*rta", b"change|rta=1@DEU,FRA", b"years|1986:2006:4")  # fmt: skip
    made.append(("typed", typed, _words, False))
    made.append(("forecast-file", (_forecast(),), lambda sent: Forecast.from_json(sent.decode("utf-8", "replace")).digest, False))  # fmt: skip
    return made


def _effects() -> bytes:
    from tests.home.test_home_from_panel import effect

    return ChannelTable((effect(),), data_hash="0123", refused={"skills": "too few"}).to_json().encode()


def _estimated_set() -> bytes:
    from firmtrade_core.paths import asset

    return asset("estimates/trade_elasticities.csv").read_bytes()


def _forecast() -> bytes:
    from datetime import date

    return (
        Forecast("Plan", date(2026, 1, 5), "USA", "2026", "2027", {"CHN": -0.2}, {"CHN": 10.0})
        .to_json()
        .encode()
    )
