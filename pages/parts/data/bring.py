"""A world of one's own: upload, preview, columns, a report by row, and then the session looks at it."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field, replace
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from firmtrade_core.codes.sectors import is_goods
from firmtrade_core.figures.outcomes import BILLION, foreign
from firmtrade_core.labels import grouped, level
from firmtrade_core.report.export import Table, to_csv, written_now
from firmtrade_core.report.templates import TEMPLATES
from firmtrade_core.world.columns import ROLES, guess_columns, unused_columns, with_roles
from firmtrade_core.world.embedded import load_embedded_world
from firmtrade_core.world.errors import WorldError
from firmtrade_core.world.loaders import LOADERS
from firmtrade_core.world.money import (
    BY_COLUMN,
    UNITS,
    in_million_dollars,
    known_currencies,
    own_rates,
    told_by_head,
)
from firmtrade_core.world.uploads import Upload
from firmtrade_core.world.validation import Issue, Validation, validate_flows
from firmtrade_core.world.world import Provenance, World
from pages.parts.data import kept
from pages.parts.data.own_country import own_country
from pages.parts.data.worlds import UPLOADED, current_world
from pages.parts.frame import access
from pages.parts.frame.page import complain
from pages.parts.frame.store import current
from pages.parts.frame.templates import templates
from pages.parts.frame.uploads import load_uploaded, read_uploaded_table, read_uploaded_world

TABLES = ["csv", "tsv", "parquet", "dta", "xlsx"]

#: Rows of a report on screen; all of them can be downloaded.
ROWS_SHOWN, PREVIEW_ROWS, PREVIEW_COLUMNS = 100, 6, 14

_REMEMBERED = "brought"

#: Arguments that messages of the library advise, and the fields of this page that they are.
_FIELDS = {
    r'(?:[Pp]ass |with )?missing="zero"': "choose “Cells without a row: are zero”",
    r'(?:[Pp]ass |with )?codes="repair"': "choose “Country codes: mend what is clear”",
    r'codes="any"': "“are my own”",
    r'(?:[Pp]ass |with )?tariff_unit="percent"': "choose “Tariffs are percent”",
    r'(?:[Pp]ass |with )?tariff_unit="fraction"': "choose “Tariffs are fractions, however high”",
    r"insist that (?:they are|it is) meant \(insist=True\)": "tick “What looks odd is meant”",
    r"with year=(\d+)?": r"in the field “Year”",
    r": rates=\.": " above, as “Exchange rates”.",
    r"say which, year=,": "say which in the field “Year”,",
    r"pass country_codes=": "add the file of country codes",
}


#: How tariffs are written.
TARIFF_UNITS = {
    "check": "fractions (0.10), if they do not look like percent",
    "fraction": "fractions, however high",
    "percent": "percent (10)",
}


@dataclass(frozen=True)
class Extra:
    """A table that a data set wants beside it."""

    role: str
    label: str
    columns: str
    needed: bool = False


_SECTORS = Extra(
    "sectors", "Your sectors", "sector, group: which of the file's sectors go into which of yours"
)
_TARIFFS = Extra("tariffs", "Tariffs", "exporter, importer, sector, tariff (fractions)")


@dataclass(frozen=True)
class Kind:
    """A kind of file that can be brought."""

    title: str
    words: str
    types: list[str]
    loader: str = ""
    extras: tuple[Extra, ...] = ()
    has_years: bool = False


@dataclass(frozen=True)
class Brought:
    """What reading a file gave: a result, or what to mend."""

    result: Any = None
    problem: str = ""


def _loaders() -> dict[str, Kind]:
    extras: dict[str, tuple[Extra, ...]] = dict.fromkeys(LOADERS, (_SECTORS, _TARIFFS))
    extras["baci"] = (
        Extra("country_codes", "Country codes", "the publisher's country_codes_V….csv", needed=True),
        Extra(
            "concordance", "Products to sectors", "product (HS, two, four or six digits), sector", needed=True
        ),
        Extra(
            "output",
            "Output",
            "country, sector, output_musd: domestic sales are what exports leave of it",
            needed=True,
        ),
        _TARIFFS,
    )
    return {
        name: Kind(
            loader.title,
            f"As published ({loader.origin}): {loader.files}.",
            TABLES,
            name,
            extras[name],
            has_years=True,
        )
        for name, loader in LOADERS.items()
    }


KINDS = {
    "world": Kind(
        "A world file (.world)",
        "Saved by this product, by World.save or by the command-line verb world.",
        ["world"],
    ),
    "country": Kind(
        "Your country's trade, laid over this world",
        "A row for each partner and product (codes of the Harmonised System, or sectors of this world), as Comtrade, a customs office "
        "or a ministry writes it. The other countries, output and value added stay as they are.",
        TABLES,
    ),
    "table": Kind(
        "A table of flows of your own (CSV, Parquet, Stata)",
        "One row for each exporter, importer and sector, with a value and, if there is one, a tariff. Sales at home are the "
        "rows in which exporter and importer are the same.",
        TABLES,
        extras=(
            Extra("inputs", "Input-output links", "country, input, user, value_musd"),
            Extra(
                "rates",
                "Exchange rates",
                "date (a year, a month or a day), currency, usd (US dollars for one unit) or per_usd (units for one dollar): for "
                "values in a currency that the European Central Bank does not quote, such as the Chilean peso",
            ),
        ),
    ),
    **_loaders(),
}


def bring() -> None:
    """The whole section."""
    st.html('<h2 class="ft-heading">Bring your own world</h2>')
    uploaded: World | None = st.session_state.get(UPLOADED)
    if uploaded is not None:
        st.html(
            f'<p class="ft-good">This session looks at <b>{escape(uploaded.name)}</b>, which you uploaded.</p>'
        )
        row = st.container(horizontal=True, gap="small")
        row.button("Go back to the shipped world", icon=":material/undo:", on_click=_forget)
        row.download_button(
            "Save this world as a file",
            lambda: world_bytes(uploaded),
            f"{re.sub(r'[^a-z0-9]+', '_', uploaded.name.lower()).strip('_')[:60] or 'world'}.world",
            mime="application/octet-stream",
            icon=":material/download:",
            on_click="ignore",
            key="bring_save",
        )
    left, right = st.columns([2, 3], gap="large")
    with left:
        name = st.selectbox(
            "What you have", list(KINDS), format_func=lambda key: KINDS[key].title, key="bring_kind"
        )
        kind = KINDS[name]
        st.html(
            f'<p class="ft-quiet">{escape(kind.words)} The file is read and let go; a world made of it stays with '
            "this tab, through reloads, in memory alone.</p>"
        )
    with right:
        file = access.uploader(kind.title, type=kind.types, key=f"bring_{name}", label_visibility="collapsed")
        extras = _extras(kind, name)
        forms = {extra.role for extra in kind.extras} & set(TEMPLATES)
        mine = {"table": ["flows"], "country": ["country"]}.get(name, [])
        templates(*mine, *(role for role in TEMPLATES if role in forms))
    if file is None:
        return
    upload = Upload(file.name, file.getvalue())
    if name == "world":
        _offer(_remembered(("world", file.file_id), lambda: read_uploaded_world(upload)), upload.name)
    elif name == "country":
        # A table is laid over what was looked at when it came, not over what became of it.
        world = st.session_state.setdefault(f"laid_over_{file.file_id}", current_world())
        own_country(upload, file.file_id, world, current(world), _remembered, _refused, _offer_world)
    elif name == "table":
        _own_table(upload, file.file_id, extras)
    else:
        _published(kind, upload, file.file_id, extras)


def _extras(kind: Kind, name: str) -> dict[str, tuple[str, Upload]]:
    """Tables beside the file: role to (identity, file)."""
    found = {}
    for extra in kind.extras:
        file = access.uploader(
            extra.label if extra.needed else f"{extra.label} (optional)",
            type=TABLES,
            key=f"bring_{name}_{extra.role}",
            help=f"Columns {extra.columns}.",
        )
        if file is not None:
            found[extra.role] = (file.file_id, Upload(file.name, file.getvalue()))
    return found


def _remembered(key: Hashable, make: Callable[[], Any]) -> Brought:
    """What reading gave, once for each set of files and choices; only the latest few are kept."""
    kept: dict[Hashable, Brought] = st.session_state.setdefault(_REMEMBERED, {})
    if key not in kept:
        with st.spinner("Reading …"):
            try:
                kept[key] = Brought(make())
            except WorldError as error:
                kept[key] = Brought(problem=_for_this_page(str(error)))
            except MemoryError:
                kept[key] = Brought(problem="It needs more memory than there is. Aggregate it first.")
        for old in list(kept)[:-4]:
            del kept[old]
    return kept[key]


def _for_this_page(message: str) -> str:
    """Advice to a library in the words of this page's own fields."""
    for argument, field_here in _FIELDS.items():
        message = re.sub(argument, field_here, message)
    return message


def _forget() -> None:
    st.session_state.pop(UPLOADED, None)
    kept.forget(st.session_state.get(kept.SECRET, ""))
    st.session_state[kept.SECRET] = ""


def _use(world: World) -> None:
    """Look at a world from now on, through reloads of this tab."""
    kept.forget(st.session_state.get(kept.SECRET, ""))
    st.session_state[UPLOADED] = world
    st.session_state[kept.SECRET] = kept.keep(world)


def world_bytes(world: World) -> bytes:
    """A world as the file that `World.load` and this page read."""
    with tempfile.TemporaryDirectory() as folder:
        return world.save(Path(folder) / "world.world").read_bytes()


# A table of one's own -----------------------------------------------------------------------------


@dataclass(frozen=True)
class _Choices:
    """How a table is to be read."""

    roles: dict[str, str | None]
    options: dict[str, Any]
    unit: float
    currency: str
    year: int | None
    name: str
    source: str
    goods: tuple[str, ...] = field(default=())
    unused: str = ""


def _own_table(upload: Upload, identity: str, extras: dict[str, tuple[str, Upload]]) -> None:
    read = _remembered(("table", identity), lambda: read_uploaded_table(upload))
    if read.problem:
        _refused(upload.name, read.problem)
        return
    table: pd.DataFrame = read.result
    _preview(table)
    roles = _role_pickers(table, identity)
    choices = _choices(table, roles, upload.name)
    chosen = with_roles(table, roles)
    key = (identity, tuple(roles.items()), tuple(choices.options.items()))
    wanted = ("year", "tariff_unit", "missing", "codes")
    options = {name: choices.options[name] for name in wanted}
    report = _remembered(("report", key), lambda: validate_flows(chosen, **options))
    _report(report.result, upload.name)
    if not report.result.usable:
        return
    choices = _goods(chosen, choices)
    if choices.currency == BY_COLUMN:
        chosen = chosen.assign(currency=table["currency"])
    whole = (
        key,
        choices.unit,
        choices.currency,
        choices.year,
        choices.goods,
        choices.name,
        choices.source,
        tuple(i for i, _ in extras.values()),
    )
    inputs, rates = (extras[role][1] if role in extras else None for role in ("inputs", "rates"))
    built = _remembered(("world", whole), lambda: _build(chosen, choices, inputs, rates))
    _offer(built, upload.name)


def _role_pickers(table: pd.DataFrame, identity: str) -> dict[str, str | None]:
    guess = guess_columns([str(column) for column in table.columns])
    places = st.columns(len(ROLES), gap="small", vertical_alignment="bottom")
    roles = {
        role.name: place.selectbox(
            role.label,
            [None, *map(str, table.columns)],
            index=None
            if guess[role.name] is None
            else 1 + list(map(str, table.columns)).index(str(guess[role.name])),
            format_func=lambda column: "none" if column is None else column,
            placeholder="choose" if role.needed else "none",
            help=role.help,
            key=f"bring_role_{role.name}_{identity}",
        )
        for role, place in zip(ROLES, places, strict=True)
    }
    taken = [column for column in roles.values() if column is not None]
    twice = {column for column in taken if taken.count(column) > 1}
    return {
        name: None if column in twice and guess[name] != column else column for name, column in roles.items()
    }


def _choices(table: pd.DataFrame, roles: dict[str, str | None], file_name: str) -> _Choices:
    first, second = st.columns(5, gap="small"), st.columns(4, gap="small")
    year_column = roles["year"]
    years: list[int | None] = [*_years(table[year_column])] if year_column else []
    year = first[0].selectbox(
        "Year", years or [None], format_func=lambda y: "one only" if y is None else str(y)
    )
    column = roles["expenditure_musd"]
    size, told = told_by_head(column) if column else (1e6, None)
    sizes = list(UNITS.values())
    unit = first[1].selectbox(
        "Values are in",
        list(UNITS),
        index=sizes.index(size) if size in sizes else sizes.index(1e6),
        format_func={
            "unit": "ones",
            "thousand": "thousands",
            "million": "millions",
            "billion": "billions",
        }.__getitem__,
        key=f"bring_unit_{column}",
    )
    currencies = [
        *known_currencies(),
        *([BY_COLUMN] if "currency" in table and "currency" not in roles.values() else []),
    ]
    currency = first[2].selectbox(
        "of",
        currencies,
        index=currencies.index(BY_COLUMN if BY_COLUMN in currencies else told or "USD"),
        format_func=lambda code: "as column currency tells" if code == BY_COLUMN else code,
        help="Other currencies become US dollars at the mean rate of the year: the European Central Bank's, or that of a table of "
        "your own (Exchange rates, above).",
        key=f"bring_currency_{column}",
    )
    basis = first[3].selectbox(
        "Values are",
        ["consumer", "border"],
        format_func={"consumer": "with the tariff", "border": "at the border, before it"}.__getitem__,
    )
    tariff_unit = first[4].selectbox("Tariffs are", list(TARIFF_UNITS), format_func=TARIFF_UNITS.__getitem__)
    codes = second[0].selectbox(
        "Country codes",
        ["check", "repair", "any"],
        format_func={
            "check": "must be current",
            "repair": "mend what is clear",
            "any": "are my own",
        }.__getitem__,
    )
    missing = second[1].selectbox(
        "Cells without a row",
        ["refuse", "zero"],
        format_func={"refuse": "are a mistake", "zero": "are zero"}.__getitem__,
    )
    name = second[2].text_input("Name of this world", file_name.rsplit(".", 1)[0][:60], max_chars=80)
    source = second[3].text_input("Source", placeholder="Cited under every figure", max_chars=300)
    insist = st.checkbox(
        "What looks odd is meant",
        key="bring_insist",
        help="Takes tariffs and values of single countries as they stand, although they look like another unit than the others'.",
    )
    options = {
        "year": year, "tariff_unit": tariff_unit, "missing": missing, "codes": codes, "value": basis, "insist": insist,
    }  # fmt: skip
    dated = year
    if currency != "USD" and year is None:
        given = st.number_input(
            "Year of the values, for the exchange rate", 1999, 2100, value=None, step=1, width=400
        )
        dated = int(given) if given else None
    used = [column for column in roles.values() if column is not None]
    unused = unused_columns(table.columns, [*used, *(["currency"] if currency == BY_COLUMN else [])])
    if unused:
        st.html(f'<p class="ft-quiet">{escape(unused)} Choose one above where it plays a role.</p>')
    for note in table.attrs.get("notes", ()):
        st.html(f'<p class="ft-quiet">{escape(str(note))}</p>')
    return _Choices(
        roles,
        options,
        UNITS[unit],
        currency,
        dated,
        name.strip() or "My world",
        source.strip(),
        unused=unused,
    )


def _years(column: pd.Series) -> list[int]:
    values = pd.to_numeric(column, errors="coerce").dropna()
    return sorted({int(value) for value in values}, reverse=True)[:300]


def _goods(table: pd.DataFrame, choices: _Choices) -> _Choices:
    sectors = list(dict.fromkeys(table["sector"].astype(str).str.strip()))
    chosen = st.multiselect(
        "Which sectors are goods",
        sectors,
        default=[sector for sector in sectors if is_goods(sector)],
        help="Policies on all goods leave the others, services, alone.",
        key=f"bring_goods_{hash(tuple(sectors))}",
    )
    return replace(choices, goods=tuple(chosen or sectors))


def _build(table: pd.DataFrame, choices: _Choices, inputs: Upload | None, rates: Upload | None) -> World:
    names = load_embedded_world().sector_names
    if "year" in table and choices.options["year"] is not None:
        table = table[pd.to_numeric(table["year"], errors="coerce") == choices.options["year"]].reset_index(
            drop=True
        )
    table, said = in_million_dollars(
        table,
        "expenditure_musd",
        currency=choices.currency,
        unit=choices.unit,
        year=choices.year,
        rates=None if rates is None else own_rates(read_uploaded_table(rates), rates.name),
    )
    changes: tuple[str, ...] = (said,) if said else ()
    table = table.drop(columns="currency", errors="ignore")
    if choices.roles["tariff"] is None:
        changes = (*changes, "The table has no tariffs: they are unknown, and counted as 0.")
    if choices.unused:
        changes = (*changes, choices.unused)
    return World.from_long(
        table,
        None if inputs is None else read_uploaded_table(inputs),
        goods=choices.goods,
        sector_names={code: name for code, name in names.items() if code in set(table["sector"])},
        close_inputs=inputs is not None,
        provenance=Provenance(source=choices.source or "a table of the user's own", changes=changes),
        name=choices.name,
        **choices.options,
    )


# A published data set -----------------------------------------------------------------------------


def _published(kind: Kind, upload: Upload, identity: str, extras: dict[str, tuple[str, Upload]]) -> None:
    lacking = [extra.label for extra in kind.extras if extra.needed and extra.role not in extras]
    if lacking:
        st.html(
            f'<p class="ft-empty">Add {escape(", ".join(lacking))}: the data set needs it to become a world.</p>'
        )
        return
    options: dict[str, Any] = {}
    if kind.has_years:
        year = st.number_input(
            "Year (where the file holds several, or its name tells none)",
            1900,
            2100,
            value=None,
            step=1,
            width=400,
        )
        options = {"year": int(year)} if year else {}
    if "tariffs" in extras:
        options["tariff_unit"] = st.selectbox(
            "Tariffs are",
            list(TARIFF_UNITS),
            format_func=TARIFF_UNITS.__getitem__,
            key="bring_tariff_unit",
            width=400,
        )
    tables = {role: table for role, (_, table) in extras.items()}
    key = (kind.loader, identity, tuple(i for i, _ in extras.values()), tuple(options.items()))
    found = _remembered(key, lambda: load_uploaded(kind.loader, upload, tables, **options))
    _offer(found, upload.name)


# What is shown ------------------------------------------------------------------------------------


def _preview(table: pd.DataFrame) -> None:
    shown = table.head(PREVIEW_ROWS).iloc[:, :PREVIEW_COLUMNS]
    more = len(table.columns) - shown.shape[1]
    head = "".join(f"<th>{escape(_short(column))}</th>" for column in shown.columns)
    rows = "".join(
        f"<tr>{''.join(f'<td>{escape(_short(value))}</td>' for value in row)}</tr>"
        for row in shown.itertuples(index=False, name=None)
    )
    size = f"{grouped(len(table))} rows, {grouped(len(table.columns))} columns"
    st.html(
        f'<h3 class="ft-heading">The first rows of {size}{f" ({more} not shown)" if more else ""}</h3>'
        '<div class="ft-words" tabindex="0" role="region" aria-label="First rows of the file">'
        f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _short(value: Any) -> str:
    text = "" if pd.isna(value) else str(value)
    return text if len(text) <= 32 else f"{text[:31]}…"


def _report(report: Validation, file_name: str) -> None:
    rows = grouped(report.checked)
    if not report.issues:
        st.html(f'<p class="ft-good">All {rows} rows can be read as they are.</p>')
        return
    stopping = [issue for issue in report.issues if issue.stops]
    mended = [issue for issue in report.issues if not issue.stops]
    title = (
        f"{len(stopping)} things to mend in {rows} rows"
        if stopping
        else f"{rows} rows can be read; this will be mended"
    )
    title = title.replace("1 things", "1 thing")
    items = "".join(_issue(issue) for issue in [*stopping, *mended])
    st.html(f'<h3 class="ft-heading">{title}</h3><ul class="ft-report">{items}</ul>')
    table = report.by_row()
    lines = "".join(
        f"<tr><td>{row or 'table'}</td><td>{escape(column)}</td><td>{escape(value)}</td><td>{escape(problem)}</td>"
        f"<td>{escape(advice)}</td></tr>"
        for row, column, value, problem, advice, _ in table.head(ROWS_SHOWN).itertuples(
            index=False, name=None
        )
    )
    more = f"the first {ROWS_SHOWN} of {grouped(len(table))}" if len(table) > ROWS_SHOWN else "all"
    with st.expander(f"Row by row ({more})"):
        st.html(
            '<div class="ft-words ft-tall" tabindex="0" role="region" aria-label="Report row by row"><table><thead><tr><th>Row</th>'
            "<th>Column</th><th>What stands there</th><th>Problem</th><th>What to do</th></tr></thead>"
            f"<tbody>{lines}</tbody></table></div>"
        )
    st.download_button(
        "The whole report as CSV",
        lambda: to_csv(
            Table("report", f"Report on {file_name}", table, {"row": "position"}),
            (("File", file_name), written_now()),
        ),
        "report.csv",
        mime="text/csv",
        icon=":material/download:",
        type="tertiary",
        on_click="ignore",
        key="bring_report",
    )


def _issue(issue: Issue) -> str:
    where = ""
    if issue.rows:
        first = ", ".join(str(row) for row in issue.rows[:6])
        word = "row" if issue.count == 1 else "rows"
        where = f" ({word} {first}{f' and {grouped(issue.count - 6)} more' if issue.count > 6 else ''})"
    kind = "stops" if issue.stops else "mends"
    return f'<li class="ft-{kind}"><b>{escape(issue.problem)}</b>{where}. {escape(issue.advice)}</li>'


def _refused(name: str, why: str) -> None:
    complain(f"{name} was not loaded", why, "The world shown above stays in force; so does your scenario.")


def _offer_world(world: World, file_name: str) -> None:
    _offer(Brought(world), file_name)


def _offer(found: Brought, file_name: str) -> None:
    """What the world would be, and a button that takes it."""
    if found.problem:
        _refused(file_name, found.problem)
        return
    world: World = found.result
    n, s = world.shape
    facts = (
        (
            "World",
            f"{world.name}: {n} economies, {s} sectors, {'with' if world.inputs is not None else 'no'} input-output links",
        ),
        ("Output", level(float(world.gross_output.sum()) * BILLION, "bn USD")),
        ("Trade between countries", level(float(foreign(world.border_value).sum()) * BILLION, "bn USD")),
        ("Duties", level(float(world.duties.sum()) * BILLION, "bn USD")),
        (
            "Goods",
            _listed(
                [
                    world.sector_name(c)
                    for c, g in zip(world.sectors, np.asarray(world.goods), strict=True)
                    if g
                ]
            ),
        ),
        ("Content hash", world.content_hash),
    )
    lines = "".join(f"<dt>{escape(term)}</dt><dd>{escape(words)}</dd>" for term, words in facts)
    changes = "".join(f"<li>{escape(change)}</li>" for change in world.provenance.changes)
    mended = (
        f'<h3 class="ft-heading">What was mended</h3><ul class="ft-list">{changes}</ul>' if changes else ""
    )
    with st.container(border=True, key="ft_offer"):
        st.html(
            f'<h3 class="ft-heading">{escape(file_name)} can be read</h3><dl class="ft-facts">{lines}</dl>{mended}'
        )
        st.button(
            "Use this world in this session",
            icon=":material/public:",
            on_click=lambda: _use(world),
            disabled=_in_use(world),
            key="bring_use",
        )


def _in_use(world: World) -> bool:
    present: World | None = st.session_state.get(UPLOADED)
    return present is not None and present.content_hash == world.content_hash


def _listed(names: list[str], most: int = 12) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
