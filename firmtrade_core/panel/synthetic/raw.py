"""The synthetic home country as offices would send it: customs files, a register, accounts, a survey, certificates.

They do not fit together: formats differ by year, codes lose leading zeros, holders of certificates are known by name
alone. What was done to them is kept apart, for tests of harmonising.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from firmtrade_core.codes.countries import country_name
from firmtrade_core.codes.currencies import ExchangeRates
from firmtrade_core.harmonise.invented_names import STREETS, TRADES, with_a_slip, word
from firmtrade_core.panel.synthetic.country import CountryTruth, SyntheticCountry
from firmtrade_core.panel.synthetic.products import PRODUCTS
from firmtrade_core.paths import whole_file, write_whole

Texts = NDArray[np.object_]

TRUTH_FOLDER = "truth"

LABEL = (
    "SYNTHETIC DATA. No firm, person or shipment in these files exists.\n"
    "Made by firmtrade from seed {seed} for {home}; the folder {truth} says what was done to them.\n"
)


@dataclass(frozen=True)
class Mess:
    """How untidy the files are: shares of lines or records unless stated.

    Parameters
    ----------
    more_shipments
        Mean number of shipments beside the first of a firm's yearly trade with a country in a product.
    years
        Number of customs years, the last ones; formats alternate.
    repeated, zero_weight, negative, unknown_country, unknown_currency
        Lines repeated in full, without weight, with a wrong sign, with a country or currency that nobody knows.
    in_euros
        Lines in euros at the day's rate.
    misspelt
        Certificates whose holder's name is not spelt as in the register.
    strangers
        Certificates held by firms outside the register.
    twice_registered
        Firms that the register holds twice.
    """

    more_shipments: float = 1.0
    years: int = 2
    repeated: float = 0.01
    zero_weight: float = 0.01
    negative: float = 0.002
    unknown_country: float = 0.001
    unknown_currency: float = 0.001
    in_euros: float = 0.1
    misspelt: float = 0.3
    strangers: float = 0.05
    twice_registered: float = 0.01


@dataclass(frozen=True)
class RawFiles:
    """Where everything was written, and what was done to it.

    Parameters
    ----------
    folder
    customs, register, accounts, survey, certificates
        Files as offices would send them.
    done
        Number of lines by file and kind of mess.
    """

    folder: Path
    customs: tuple[Path, ...]
    register: Path
    accounts: Path
    survey: Path
    certificates: Path
    done: dict[str, dict[str, int]]


def write_raw(country: SyntheticCountry, folder: str | Path, mess: Mess | None = None) -> RawFiles:
    """Write the messy files of a synthetic country.

    Below ``truth``: ``certificate_holders.csv`` (certificate, tax number; empty for strangers) and
    ``customs_errors.csv`` (file, line counted from 1 below the header, error).
    """
    mess = mess or Mess()
    folder = Path(folder)
    (folder / TRUTH_FOLDER).mkdir(parents=True, exist_ok=True)
    truth = country.truth
    generator = np.random.default_rng([truth.design.seed, 1])
    label = LABEL.format(seed=truth.design.seed, home=country_name(truth.design.home), truth=TRUTH_FOLDER)
    write_whole(folder / "README.txt", label)
    people = _people(truth, generator)
    customs, errors, done = [], [], {}
    for number, year in enumerate(truth.years[-mess.years :]):
        path = folder / f"synthetic_customs_{year}.csv"
        found = _write_customs(path, country, year, _STYLES[number % 2], mess, generator)
        customs.append(path)
        errors.append(found)
        done[path.name] = {str(kind): int(n) for kind, n in found["error"].value_counts().items()}
    with whole_file(folder / TRUTH_FOLDER / "customs_errors.csv") as place:
        pd.concat(errors).to_csv(place, index=False)
    register = folder / "synthetic_business_register.csv"
    done[register.name] = _write_register(register, people, mess, generator)
    certificates = folder / "synthetic_certificates.csv"
    done[certificates.name] = _write_certificates(certificates, people, truth, mess, generator)
    accounts, survey = folder / "synthetic_accounts.csv", folder / "synthetic_survey.csv"
    _write_accounts(accounts, country)
    done[survey.name] = _write_survey(survey, country, generator)
    return RawFiles(folder, tuple(customs), register, accounts, survey, certificates, done)


# Names ------------------------------------------------------------------------------------------

_FORMS = {
    "S.A.": ("SA", "Sociedad Anónima", "S. A."),
    "Ltda.": ("LTDA", "Limitada", "y Cía Ltda"),
    "SpA": ("S.p.A.", "Sociedad por Acciones", "SPA"),
}


def _people(truth: CountryTruth, generator: np.random.Generator) -> pd.DataFrame:
    """Names and addresses, one row by firm."""
    count = len(truth.identifiers)

    def words(syllables: int) -> list[str]:
        return [word(generator, syllables) for _ in range(count)]

    trade, form = generator.choice(TRADES, count), generator.choice(list(_FORMS), count)
    street, house = generator.choice(STREETS, count), generator.integers(10, 4_000, count)
    name = [f"{t} {a} {b} {f}" for t, a, b, f in zip(trade, words(3), words(2), form, strict=True)]
    return pd.DataFrame(
        {
            "tax_number": truth.identifiers,
            "name": np.array(name, dtype=object),
            "address": [f"Av. {s} {h}" for s, h in zip(street, house, strict=True)],
            "town": [f"Town {r + 1:02d}" for r in truth.firms.region],
            "sector": np.array(truth.sectors)[truth.firms.sector],
        }
    )


def _misspell(name: str, generator: np.random.Generator) -> str:
    """The name as another clerk writes it."""
    form = next((f for f in _FORMS if name.endswith(f)), "")
    core = name[: len(name) - len(form)].strip()
    kind = generator.integers(4)
    if kind == 0:
        core = with_a_slip(core, generator)
    elif kind == 1:  # two letters swapped
        place = int(generator.integers(2, len(core) - 3))
        core = core[:place] + core[place + 1] + core[place] + core[place + 2 :]
    elif kind == 2:  # the trade put last
        first, _, rest = core.partition(" ")
        core = f"{rest} {first}"
    else:
        core = core.upper()
    return f"{core} {generator.choice(_FORMS[form]) if form else ''}".strip()


# Customs ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Style:
    """Habits of a customs office: encoding, separator, names of columns, dates, numbers, codes."""

    encoding: str
    separator: str
    columns: tuple[str, ...]
    dates: Callable[[pd.Series, np.random.Generator], Texts]
    number: Callable[[float], str]
    identifier: Callable[[str], str]
    code: Callable[[str], str]
    flows: dict[str, str]


def _mixed_dates(dates: pd.Series, generator: np.random.Generator) -> Texts:
    forms = [dates.dt.strftime(form).to_numpy(dtype=object) for form in ("%Y-%m-%d", "%d-%b-%Y", "%Y%m%d")]
    chosen = generator.choice(3, len(dates), p=[0.9, 0.05, 0.05])
    return np.asarray(np.choose(chosen, forms), dtype=object)


def _local_dates(dates: pd.Series, generator: np.random.Generator) -> Texts:
    return np.asarray(dates.dt.strftime("%d/%m/%Y"), dtype=object)


def _with_commas(value: float) -> str:
    return f"{value:,.2f}".replace(",", " ").replace(".", ",").replace(" ", ".")


_STYLES = (
    _Style(
        "cp1252", ";",
        ("Nro Aceptación", "RUT", "Fecha", "Tipo operación", "País destino", "Código arancel", "Valor FOB", "Moneda", "Peso neto"),
        _local_dates, _with_commas, lambda rut: f"{rut[:2]}.{rut[2:5]}.{rut[5:]}", lambda code: code.lstrip("0"),
        {"export": "Exportación", "import": "Importación"},
    ),
    _Style(
        "utf-8", ",",
        ("declaration_number", "firm", "shipment_date", "flow", "country", "hs_code", "value", "currency", "net_weight_kg"),
        _mixed_dates, "{:.2f}".format, lambda rut: rut.replace("-", ""), lambda code: f"{code[:4]}.{code[4:]}",
        {"export": "export", "import": "import"},
    ),
)  # fmt: skip


def _write_customs(
    path: Path,
    country: SyntheticCountry,
    year: int,
    style: _Style,
    mess: Mess,
    generator: np.random.Generator,
) -> pd.DataFrame:
    """Write a year's declarations and return which lines carry which error."""
    lines = _shipments(country, year, mess, generator)
    rates = ExchangeRates.european_central_bank()
    share = {
        "negative": mess.negative,
        "unknown country": mess.unknown_country,
        "unknown currency": mess.unknown_currency,
        "zero weight": mess.zero_weight,
    }
    drawn = generator.random(len(lines))
    edges = np.cumsum(list(share.values()))
    error = np.array([*share, ""], dtype=object)[np.searchsorted(edges, drawn)]
    currency = np.where(generator.random(len(lines)) < mess.in_euros, "EUR", "USD").astype(object)
    rate = rates.on(pd.Series(currency), lines["date"]).to_numpy(dtype=float)
    currency = np.where(np.isnan(rate), "USD", currency)
    value = np.maximum(lines["value"].to_numpy() / np.where(np.isnan(rate), 1.0, rate), 0.01)
    weight = np.where(error == "zero weight", 0.0, np.maximum(lines["quantity"].to_numpy(), 0.01))
    places = {
        code: (code, country_name(code), country_name(code).upper()) for code in lines["country"].unique()
    }
    spelling = generator.integers(0, 3, len(lines))
    written = pd.DataFrame(
        {
            "declaration": [f"{year}{number:08d}" for number in range(1, len(lines) + 1)],
            "firm": [style.identifier(text) for text in lines["tax_number"]],
            "date": style.dates(lines["date"], generator),
            "flow": lines["flow"].map(style.flows),
            "country": [places[code][kind] for code, kind in zip(lines["country"], spelling, strict=True)],
            "product": [style.code(code) for code in lines["product"]],
            "value": [style.number(v) for v in np.where(error == "negative", -value, value)],
            "currency": np.where(error == "unknown currency", "ZZZ", currency),
            "weight": [style.number(w) for w in weight],
        }
    )
    written.loc[error == "unknown country", "country"] = "Atlantis"
    # Sound lines alone are repeated, so that each line has one thing wrong at most.
    copies = np.flatnonzero((generator.random(len(lines)) < mess.repeated) & (error == ""))
    written = pd.concat([written, written.iloc[copies]])
    written.columns = list(style.columns)
    with whole_file(path) as place:
        written.to_csv(
            place, index=False, sep=style.separator, encoding=style.encoding, errors="replace", quoting=csv.QUOTE_MINIMAL
        )  # fmt: skip
    wrong = np.flatnonzero(error != "")
    return pd.DataFrame(
        {
            "file": path.name,
            "line": np.r_[wrong + 1, len(lines) + 1 + np.arange(len(copies))],
            "error": np.r_[error[wrong], np.full(len(copies), "repeated", dtype=object)],
        }
    )


def _shipments(
    country: SyntheticCountry, year: int, mess: Mess, generator: np.random.Generator
) -> pd.DataFrame:
    """A year's goods trade split into shipments, by date; values add up to the panel's."""
    trade = country.panel.query("SELECT * FROM trade WHERE year = ? ORDER BY ALL", [year])
    goods = {code for listed in PRODUCTS.values() for code in listed}
    trade = trade[trade["product"].isin(goods)].reset_index(drop=True)
    numbers = dict(zip(country.truth.hashed, country.truth.identifiers, strict=True))
    cell = np.repeat(np.arange(len(trade)), 1 + generator.poisson(mess.more_shipments, len(trade)))
    part = generator.exponential(size=len(cell)) + 0.2
    part /= np.bincount(cell, part, minlength=len(trade))[cell]
    lines = trade.loc[cell, ["flow", "country", "product"]].reset_index(drop=True)
    lines["tax_number"] = trade["firm"].map(numbers).to_numpy()[cell]
    lines["value"] = trade["value"].to_numpy()[cell] * part
    lines["quantity"] = trade["quantity"].to_numpy()[cell] * part
    days = generator.integers(0, 365, len(cell))
    lines["date"] = pd.Timestamp(year, 1, 1) + pd.to_timedelta(days, unit="D")
    return lines.sort_values("date", kind="stable").reset_index(drop=True)


# Other offices ----------------------------------------------------------------------------------


def _write_register(
    path: Path, people: pd.DataFrame, mess: Mess, generator: np.random.Generator
) -> dict[str, int]:
    again = people[generator.random(len(people)) < mess.twice_registered].copy()
    again["name"] = [_misspell(name, generator) for name in again["name"]]
    with whole_file(path) as place:
        pd.concat([people, again]).to_csv(place, index=False)
    return {"registered twice": len(again)}


def _write_certificates(
    path: Path, people: pd.DataFrame, truth: CountryTruth, mess: Mess, generator: np.random.Generator
) -> dict[str, int]:
    """Certificates by holder's name; the truth says who they are."""
    certified = truth.firms.attributes["quality_certificate"] * truth.firms.alive
    holder = np.flatnonzero(certified.any(1))
    first = np.array(truth.years)[certified[holder].argmax(1)]
    misspelt = generator.random(len(holder)) < mess.misspelt
    names = people["name"].to_numpy()[holder]
    strangers = int(mess.strangers * len(holder))
    outside = _people(truth, generator).sample(strangers, random_state=truth.design.seed, replace=True)
    table = pd.DataFrame(
        {
            "holder": [
                *(_misspell(n, generator) if wrong else n for n, wrong in zip(names, misspelt, strict=True)),
                *outside["name"],
            ],
            "address": [*people["address"].to_numpy()[holder], *outside["address"]],
            "town": [*people["town"].to_numpy()[holder], *outside["town"]],
            "standard": generator.choice(["ISO 9001", "ISO9001:2015", "iso 9001"], len(holder) + strangers),
            "issued": [
                *(f"{generator.integers(1, 28)}.{generator.integers(1, 13)}.{year}" for year in first),
                *[f"1.1.{truth.years[0]}"] * strangers,
            ],
            "tax_number": [*truth.identifiers[holder], *[""] * strangers],
        }
    )
    table = table.sample(frac=1, random_state=truth.design.seed)
    table.insert(0, "certificate", [f"C{number:06d}" for number in range(1, len(table) + 1)])
    with whole_file(path) as place:
        table.drop(columns="tax_number").to_csv(place, index=False, sep="\t")
    with whole_file(path.parent / TRUTH_FOLDER / "certificate_holders.csv") as place:
        table[["certificate", "tax_number"]].to_csv(place, index=False)
    return {"misspelt": int(misspelt.sum()), "strangers": strangers}


def _named(country: SyntheticCountry, columns: Sequence[str]) -> pd.DataFrame:
    numbers = dict(zip(country.truth.hashed, country.truth.identifiers, strict=True))
    table = country.panel.firms
    return table[[*columns]].assign(tax_number=table["firm"].map(numbers), year=table["year"])


def _write_accounts(path: Path, country: SyntheticCountry) -> None:
    """Accounts in thousands, under the year's end rather than the year."""
    money = ["sales", "value_added", "materials", "wages"]
    table = _named(country, ["employment", *money])
    table[money] = (table[money] / 1e3).round(1)
    table["year"] = table["year"].map("31-12-{}".format)
    table = table.rename(columns={"year": "fiscal_year_end"} | {m: f"{m}_thousand_usd" for m in money})
    with whole_file(path) as place:
        table.to_csv(place, index=False)


def _write_survey(path: Path, country: SyntheticCountry, generator: np.random.Generator) -> dict[str, int]:
    """Answers in per cent with decimal commas; silence is written in four ways."""
    shares = ["skill_share", "on_time_delivery", "digital_presence", "rnd_intensity"]
    table = _named(country, shares)
    silent = table[shares].isna().to_numpy()
    told = (100 * table[shares]).map("{:.2f}".format).replace(r"\.", ",", regex=True)
    ways = generator.choice(["", "n/a", "-1000", "s/i"], silent.shape)
    table[shares] = told.astype(object).mask(silent, pd.DataFrame(ways, table.index, shares))
    with whole_file(path) as place:
        table.rename(columns={s: f"{s}_percent" for s in shares}).to_csv(place, index=False, sep=";")
    return {"silent answers": int(silent.sum())}
