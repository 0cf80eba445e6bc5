"""The verb ``world``: show, check, build and load worlds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from firmtrade_core.cli.ends import refuse
from firmtrade_core.cli.options import AsJson, Rates, WorldFile, WorldOutput
from firmtrade_core.cli.words import for_the_command_line, pair
from firmtrade_core.labels import in_percent, level

if TYPE_CHECKING:
    import pandas as pd

    from firmtrade_core.world.world import World

app = typer.Typer(help="Show, check, build and load worlds.", no_args_is_help=True, add_completion=False)


@app.command()
def show(
    path: Annotated[
        Path | None, typer.Argument(help="A world file; the embedded world unless given.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Summary, provenance and fit of a world."""
    from firmtrade_core.world.errors import WorldError

    try:
        _print(summary(_embedded() if path is None else _any_world(path)), as_json)
    except WorldError as error:
        refuse(error, as_json, 2, for_the_command_line)


@app.command()
def check(
    path: Annotated[
        Path, typer.Argument(help="A world file, or a tidy table of flows (Parquet, CSV, Stata).")
    ],
    year: Annotated[int | None, typer.Option(help="Which year of a table.")] = None,
    missing: Annotated[str, typer.Option(help="Cells of a table without a row: refuse or zero.")] = "refuse",
    codes: Annotated[str, typer.Option(help="Country codes of a table: check, repair or any.")] = "check",
    tariff_unit: Annotated[
        str,
        typer.Option(
            help="Tariffs of a table: check (fractions, if they do not look like percent), fraction (however high) or percent."
        ),
    ] = "check",
    value: Annotated[
        str, typer.Option(help="Values of a table, with duties or before: consumer or border.")
    ] = "consumer",
    currency: Annotated[
        str | None,
        typer.Option(
            help="Of a table's values: EUR, CLP, or 'column' where a column currency tells; USD unless its head tells."
        ),
    ] = None,
    unit: Annotated[
        str | None,
        typer.Option(
            help="Of a table's values: unit, thousand, million or billion; million unless its head tells."
        ),
    ] = None,
    rates: Rates = None,
    insist: Annotated[
        bool,
        typer.Option(
            "--insist", help="Take single countries' tariffs and values that look like another unit."
        ),
    ] = False,
    column: Annotated[
        list[str] | None, typer.Option(help="Which column of a table is what: exporter=origin.")
    ] = None,
    output: WorldOutput = None,
    as_json: AsJson = False,
) -> None:
    """Whether a file is a usable world; exits 1 and says why where it is not."""
    from firmtrade_core.world.errors import WorldError

    try:
        how: dict[str, Any] = _choices(missing=missing, codes=codes, tariff_unit=tariff_unit, value=value)
        how |= {"insist": True} if insist else {}
        world = _any_world(path, year, column, (currency, unit, rates), **how)
        if output is not None:
            world.save(output)
    except WorldError as error:
        refuse(error, as_json, 1, for_the_command_line)
    result: dict[str, Any] = {
        "usable": True,
        "world": world.name,
        "hash": world.content_hash,
        "repairs": world.provenance.changes,
    }
    _print(result, as_json)


@app.command()
def build(
    output: WorldOutput = None,
    as_json: AsJson = False,
) -> None:
    """Build the embedded world from the national figures and hold it against the observed tables."""
    from firmtrade_core.world import embedded
    from firmtrade_core.world.errors import WorldError, WorldFileError

    try:
        path = output or embedded.embedded_world_path()
        embedded.build_embedded_world().save(path, digits=embedded.SHIPPED_DIGITS)
        _print(summary(_any_world(path)), as_json)
    except WorldError as error:
        refuse(error, as_json, 3 if isinstance(error, WorldFileError) else 1, for_the_command_line)


@app.command()
def chains(
    country: Annotated[str, typer.Argument(help="Economy, such as MEX.")],
    path: WorldFile = None,
    most: Annotated[int, typer.Option(min=1, help="How many partners to print.")] = 8,
    as_json: AsJson = False,
) -> None:
    """Value chains of a country: what it earns at home from exports, and whom it depends on through third countries."""
    from firmtrade_core.analysis.value_chains import MIX_OF_ORIGINS, value_chains
    from firmtrade_core.world.errors import WorldError

    try:
        found = value_chains(_embedded() if path is None else _any_world(path))
        partners, sectors = found.exposure(country.upper()), found.sectors(country.upper())
        words = found.sentence(country.upper())
    except WorldError as error:
        refuse(error, as_json, 2, for_the_command_line)
    if as_json:
        content = {
            "domestic_share_of_exports": found.domestic_share(country.upper()),
            "sectors": sectors.to_dict("records"),
            "partners": partners.to_dict("records"),
            "assumed": MIX_OF_ORIGINS,
        }
        typer.echo(json.dumps(content, ensure_ascii=False))
        return
    typer.echo(f"{words}\n{MIX_OF_ORIGINS}\n")
    shares = {name: partners[name].map(in_percent) for name in ("sold", "through_third", "bought")}
    shown = partners.assign(**shares).head(most)
    heads = {"name": "Partner", "sold": "Uses up of what the country earns", "through_third": "of it through third countries",
             "bought": "share in what the country uses"}  # fmt: skip
    typer.echo(shown[list(heads)].rename(columns=heads).to_string(index=False))
    told = sectors[sectors["exports"] > 0].assign(domestic=lambda t: t["domestic"].map(in_percent))
    heads = {"name": "Sector", "exports": "Exports, bn USD", "domestic": "Earned at home", "upstreamness": "Sales until final use, number"}  # fmt: skip
    typer.echo("\n" + told[list(heads)].rename(columns=heads).round(2).to_string(index=False))


@app.command()
def load(
    name: Annotated[str, typer.Argument(help="oecd-icio, itpd-e, baci, wiod or figaro.")],
    path: Annotated[Path, typer.Argument(help="The file as published.")],
    destination: Annotated[Path, typer.Option("-o", "--output", help="Where to write the world file.")],
    year: Annotated[
        int | None, typer.Option(help="Which year, where the file holds several or its name tells none.")
    ] = None,
    sectors: Annotated[
        Path | None, typer.Option(help="Table: sector, group. Folds sectors to your own.")
    ] = None,
    tariffs: Annotated[Path | None, typer.Option(help="Table: exporter, importer, sector, tariff.")] = None,
    tariff_unit: Annotated[
        str,
        typer.Option(
            help="Of that table: check (fractions, if they do not look like percent), fraction (however high) or percent."
        ),
    ] = "check",
    output_table: Annotated[
        Path | None, typer.Option("--output-table", help="BACI: country, sector, output_musd.")
    ] = None,
    concordance: Annotated[Path | None, typer.Option(help="BACI: product, sector.")] = None,
    country_codes: Annotated[
        Path | None,
        typer.Option(help="BACI: the publisher's country_codes_V....csv; the one beside the file."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Read a published data set into a world file."""
    from firmtrade_core.world.errors import WorldError
    from firmtrade_core.world.loaders import load as load_by_name
    from firmtrade_core.world.tables import read_table

    try:
        options: dict[str, Any] = {"year": year} if year is not None else {}
        options |= _choices(tariff_unit=tariff_unit) if tariffs is not None else {}
        tables = {
            "tariffs": tariffs,
            "output": output_table,
            "concordance": concordance,
            "sectors": sectors,
        }
        options |= {key: read_table(given) for key, given in tables.items() if given is not None}
        if country_codes is not None:
            options["country_codes"] = country_codes
        world = load_by_name(name, path, **options)
        world.save(destination)
        _print(summary(world), as_json)
    except WorldError as error:
        refuse(error, as_json, 2, for_the_command_line)


def summary(world: World) -> dict[str, Any]:
    """What a person wants to know about a world first."""
    from firmtrade_core.world.embedded import FIT_LABELS, fit_words

    abroad = (
        world.border_value.sum()
        - world.border_value[range(len(world.countries)), range(len(world.countries))].sum()
    )
    provenance = world.provenance
    return {
        "name": world.name,
        "countries": len(world.countries),
        "sectors": len(world.sectors),
        "input_output_links": world.inputs is not None,
        "output_bn_usd": round(float(world.gross_output.sum()) / 1e3, 1),
        "trade_bn_usd": round(float(abroad) / 1e3, 1),
        "duties_bn_usd": round(float(world.duties.sum()) / 1e3, 1),
        "hash": world.content_hash,
        "source": provenance.source,
        "year": provenance.year,
        "licence": provenance.licence,
        "estimated": list(provenance.estimated),
        "estimated_share": provenance.estimated_share,
        "changes": list(provenance.changes),
        "fit": {FIT_LABELS.get(key, key): fit_words(world, key) for key in provenance.fit},
        "unknown_tariffs": _unknown(world),
    }


def _unknown(world: World) -> str:
    """Whose imports have no known tariff, and how much trade is without one."""
    from firmtrade_core.codes.countries import country_name

    if not world.tariff_unknown.any():
        return "none"
    value = world.border_value
    abroad = value.sum() - value[range(len(world.countries)), range(len(world.countries))].sum()
    share = float((value * world.tariff_unknown).sum() / abroad)
    who = [country_name(c) for c, known in zip(world.countries, world.duties_known, strict=True) if not known]
    return f"on {in_percent(share)} of trade; none is known of {', '.join(who[:10]) or 'nobody in full'}"


def _embedded() -> World:
    from firmtrade_core.world.embedded import load_embedded_world

    return load_embedded_world()


def _any_world(
    path: Path,
    year: int | None = None,
    column: list[str] | None = None,
    money: tuple[str | None, str | None, Path | None] = (None, None, None),
    **how: Any,
) -> World:
    """A world file, or a tidy table by its suffix; its columns by name, or as the person says."""
    from firmtrade_core.world.columns import with_given_columns
    from firmtrade_core.world.tables import SUFFIXES, read_table
    from firmtrade_core.world.world import Provenance, World

    if path.suffix.lower() in SUFFIXES:
        read, given = read_table(path), dict(pair(text) for text in column or ())
        table = with_given_columns(read, given, path.name)
        table, said = _in_dollars(table, read, given, year, money)
        changes = Provenance(source="a table of the user's own", changes=(said,) if said else ())
        return World.from_long(table, year=year, name=path.stem, provenance=changes, **how)
    return World.load(path)


def _in_dollars(
    table: pd.DataFrame,
    read: pd.DataFrame,
    given: dict[str, str],
    year: int | None,
    money: tuple[str | None, str | None, Path | None],
) -> tuple[pd.DataFrame, str]:
    """The table in million US dollars, by what the person says or else its head; and what was done."""
    import pandas as pd

    from firmtrade_core.world.columns import guess_columns
    from firmtrade_core.world.errors import WorldError
    from firmtrade_core.world.money import BY_COLUMN, UNITS, in_million_dollars, own_rates, told_by_head
    from firmtrade_core.world.tables import read_table

    currency, unit, rates = money
    if unit is not None and unit not in UNITS:
        raise WorldError(f"--unit is {unit!r}; choose {', '.join(UNITS)}.")
    head = given.get("expenditure_musd") or guess_columns(list(map(str, read.columns)))["expenditure_musd"]
    size, told = told_by_head(head) if head and head != "expenditure_musd" else (1e6, None)
    if year is not None and "year" in table:
        # Other years may have no rate: they are not asked for.
        of_year = pd.to_numeric(table["year"], errors="coerce") == year
        table = table[of_year].reset_index(drop=True) if of_year.any() else table
    chosen = currency if currency in (None, BY_COLUMN) else currency.upper()
    return in_million_dollars(
        table,
        "expenditure_musd",
        currency=chosen or told or (BY_COLUMN if "currency" in table else "USD"),
        unit=UNITS[unit] if unit else size,
        year=year,
        rates=own_rates(read_table(rates), rates.name) if rates is not None else None,
    )


#: What a choice about a table may be.
_ALLOWED = {
    "missing": ("refuse", "zero"),
    "codes": ("check", "repair", "any"),
    "tariff_unit": ("check", "fraction", "percent"),
    "value": ("consumer", "border"),
}


def _choices(**given: str) -> dict[str, str]:
    from firmtrade_core.world.errors import WorldError

    for name, chosen in given.items():
        if chosen not in _ALLOWED[name]:
            raise WorldError(f"{name}={chosen!r} is none of {', '.join(_ALLOWED[name])}.")
    return given


def _print(result: dict[str, Any], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(result, ensure_ascii=False))
        return
    for key, value in result.items():
        if key.endswith("_bn_usd"):
            typer.echo(f"{key.removesuffix('_bn_usd')}: {level(float(value), 'bn USD')}")
            continue
        label = key.replace("_", " ")
        if isinstance(value, dict):
            typer.echo(f"{label}:")
            for name, number in value.items():
                typer.echo(f"  {name}: {number}")
        elif isinstance(value, list | tuple):
            typer.echo(f"{label}:" + ("" if value else " none"))
            for item in value:
                typer.echo(f"  - {item}")
        else:
            typer.echo(
                f"{label}: {in_percent(value) if key == 'estimated_share' and value is not None else value}"
            )
