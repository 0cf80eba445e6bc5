"""``solve``: the world after a scenario, with headline numbers and the certificate."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from firmtrade_core.cli.ends import FAILED, read_scenario, read_world, records, refusals
from firmtrade_core.cli.options import AsJson, Elasticity, Preset, ScenarioArgument, WorldFile

if TYPE_CHECKING:
    import pandas as pd

    from firmtrade_core.analysis.uncertainty import Bands
    from firmtrade_core.equilibrium import Equilibrium
    from firmtrade_core.home import HomeFirms
    from firmtrade_core.scenarios import Scenario
    from firmtrade_core.world.world import World

#: Families by how firms differ in them.
STRUCTURES = {
    "differing": "differing",
    "none": "armington",
    "alike": "krugman",
    "pareto": "pareto",
    "lognormal": "lognormal",
    "firms": "firms",
}

#: Countries listed among winners and among losers.
LISTED = 5


def solve(
    scenario_file: ScenarioArgument = None,
    preset: Preset = None,
    presets: Annotated[bool, typer.Option("--presets", help="List the shipped scenarios and stop.")] = False,
    world_file: WorldFile = None,
    family: Annotated[
        str | None,
        typer.Option(help="differing, armington, eaton_kortum, krugman, pareto, lognormal or firms."),
    ] = None,
    structure: Annotated[
        str | None,
        typer.Option(
            help="How firms differ: differing (the home country's own where loaded, else lognormal; the default), none, "
            "alike, pareto, lognormal, or firms (the home country's own, lognormal elsewhere)."
        ),
    ] = None,
    elasticity: Elasticity = None,
    elasticity_kind: Annotated[
        str | None, typer.Option(help="What a number is the elasticity to: cost or tariff.")
    ] = None,
    markups: Annotated[
        str | None,
        typer.Option(
            help="Markups: a published set such as LL (the default), one markup over cost such as 0.2, or none (they "
            "follow from the trade elasticity)."
        ),
    ] = None,
    deficits: Annotated[
        str | None, typer.Option(help="Trade deficits: proportional (the default), fixed or removed.")
    ] = None,
    entry: Annotated[
        str | None, typer.Option(help="Number of firms: restricted (the default) or free.")
    ] = None,
    labour_supply: Annotated[
        float | None, typer.Option(help="Labour-supply elasticity, 0 or more; 0 unless given.")
    ] = None,
    duties: Annotated[
        str | None, typer.Option(help="How duties come back: lump_sum (the default) or labour_tax.")
    ] = None,
    fixed_cost_abroad: Annotated[
        float | None,
        typer.Option(help="Share of fixed costs paid in the market's labour, 0 to 1; 0 unless given."),
    ] = None,
    firms_like: Annotated[
        str | None,
        typer.Option(
            help="Lognormal firms as unequal as measured exporters: BRA, MEX, PER, mean, or low and high, the ends of the band for "
            "another country; the published spread of France unless given."
        ),
    ] = None,
    home_file: Annotated[
        Path | None,
        typer.Option(
            "--home",
            help="The home country's firms, for the firms family and programmes; FIRMTRADE_HOME or the synthetic ones "
            "shipped unless given; none goes without.",
        ),
    ] = None,
    population: Annotated[
        Path | None,
        typer.Option(
            help="How many firms the home country has: a table with columns sector, size (1-9, 10-49, 50-249, 250+ persons "
            "or any) and firms. Weights are brought to it; the file's own unless given."
        ),
    ] = None,
    autarky: Annotated[
        bool,
        typer.Option("--gains-from-trade", help="Also what trade is worth: real income against autarky."),
    ] = False,
    with_bands: Annotated[
        bool,
        typer.Option(
            "--bands",
            help="Also the 90 % bands, from 200 draws, with other laws of firms and a verdict on the sign.",
        ),
    ] = False,
    out: Annotated[Path | None, typer.Option(help="Write all results to this Parquet file.")] = None,
    as_json: AsJson = False,
) -> None:
    """Solve a scenario and print what it does; exits 1 if no certified result exists, 2 on wrong input."""
    from firmtrade_core.equilibrium.errors import (
        CertificateError,
        ConvergenceError,
        IndeterminacyError,
    )
    from firmtrade_core.scenarios import load_preset, preset_names

    with refusals(as_json, dict.fromkeys((CertificateError, ConvergenceError, IndeterminacyError), FAILED)):
        if presets:
            shipped = {name: load_preset(name).description for name in preset_names()}
            typer.echo(
                json.dumps(shipped) if as_json else "\n".join(f"{k:34}{v}" for k, v in shipped.items())
            )
            return
        scenario = _with_structure(
            read_scenario(scenario_file, preset),
            {
                "family": _family(family, structure),
                # Pareto firms' profits often exceed value added elsewhere once σ follows from the home firms.
                "elsewhere": "lognormal" if structure == "firms" else None,
                "elasticity": None if elasticity is None else _number_or_name(elasticity),
                "elasticity_kind": elasticity_kind,
                "deficits": deficits,
                "entry": entry,
                "labour_supply_elasticity": labour_supply,
                "duties": duties,
                "fixed_cost_abroad": fixed_cost_abroad,
                "firms_like": firms_like,
            },
            markups,
        )
        world = read_world(world_file)
        home = home_in_use(scenario, world, home_file, population)
        _solve_and_print(scenario, world, home, out, as_json, autarky, with_bands)


# Input ------------------------------------------------------------------------------------------


def _with_structure(scenario: Scenario, asked: dict[str, Any], markups: str | None) -> Scenario:
    """The scenario with the choices that options name; None leaves one as it is."""
    from firmtrade_core.scenarios import Scenario

    given = scenario.structure.model_dump() | {
        name: value for name, value in asked.items() if value is not None
    }
    if markups is not None:
        given["within_elasticity"] = _within(markups)
    return Scenario.parse({**scenario.to_dict(), "structure": given})


def _within(markups: str) -> float | str | None:
    """γ of what --markups says."""
    from firmtrade_core.scenarios import ScenarioError

    found = _number_or_name(markups)
    if isinstance(found, str):
        return None if found == "none" else found
    if not 0 < found <= 100:
        raise ScenarioError(f"--markups {markups}: give a markup over cost above 0, such as 0.2 (20 %).")
    return 1 + 1 / found


def _family(family: str | None, structure: str | None) -> str | None:
    """The family that either option names."""
    from firmtrade_core.scenarios import ScenarioError

    if structure is None:
        return family
    if family is not None:
        raise ScenarioError("Give --structure or --family, one of the two: both say how firms differ.")
    if structure not in STRUCTURES:
        raise ScenarioError(f"{structure!r} is no structure; choose {', '.join(STRUCTURES)}.")
    return STRUCTURES[structure]


def home_in_use(
    scenario: Scenario, world: World, path: Path | None, population: Path | None = None
) -> HomeFirms | None:
    """The home country's firms where the scenario has a use for them, weighted to a population where one is given.

    Raises
    ------
    FirmsError
        If a file cannot be read, or a population is given and no firms are in use.
    """
    from firmtrade_core.home.population import load_population
    from firmtrade_core.margins import FirmsError

    found = _home_in_use(scenario, world, path)
    if population is None:
        return found
    if found is None:
        raise FirmsError(
            "--population weights the home country's firms, and this scenario uses none: give --home FILE, or "
            "--structure firms."
        )
    return found.weighted_to(load_population(population))


def _home_in_use(scenario: Scenario, world: World, path: Path | None) -> HomeFirms | None:
    from firmtrade_core.home import HomeFirms
    from firmtrade_core.home.default import WITHOUT, default_home, named_file

    if path is not None:
        return None if str(path) == WITHOUT else HomeFirms.load(path)
    wanted = scenario.structure.family == "firms" or scenario.treats_firms
    named = scenario.structure.family == "differing" and named_file() is not None
    return default_home(world) if wanted or named else None


def _number_or_name(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


# Output -----------------------------------------------------------------------------------------


def _solve_and_print(
    scenario: Scenario,
    world: World,
    home: HomeFirms | None,
    out: Path | None,
    as_json: bool,
    autarky: bool,
    with_bands: bool,
) -> None:
    from firmtrade_core.analysis.who_gains import worth_of_trade
    from firmtrade_core.scenarios import compile
    from firmtrade_core.scenarios.results import country_table, write_results
    from firmtrade_core.words.scenario import describe

    compiled = compile(scenario, world, home)
    result = compiled.solve()
    table = country_table(result).sort_values("real_income", ascending=False, kind="stable")
    sentence = describe(scenario, world)
    if out is not None:
        write_results(result, scenario, out)
    worth = worth_of_trade(result) if autarky else None
    drawn = _drawn(scenario, world, home, result) if with_bands else None
    if as_json:
        content = _content(scenario, sentence, compiled.report, result, table, home)
        if worth is not None:
            content["gains_from_trade"] = {
                row["country"]: row["gain"] / 100 if row["gain"] == row["gain"] else None
                for row in worth.to_dict("records")
            }
        if drawn is not None:
            content["bands"] = _band_content(drawn)
        typer.echo(json.dumps(content, allow_nan=False))
    else:
        typer.echo(_page(scenario, sentence, compiled.report, result, table, home))
        if worth is not None:
            typer.echo("\n" + "\n".join(_worth_lines(worth)))
        if drawn is not None:
            typer.echo("\n" + "\n".join(_band_lines(drawn, table)))
    if not result.certificate.holds:
        raise typer.Exit(FAILED)


def _content(
    scenario: Scenario,
    sentence: str,
    report: tuple[str, ...],
    result: Equilibrium,
    table: pd.DataFrame,
    home: HomeFirms | None,
) -> dict[str, Any]:
    from firmtrade_core.analysis.budget import budgets, payers
    from firmtrade_core.scenarios.assumptions import assumed
    from firmtrade_core.scenarios.results import certificate_content

    return {
        "scenario": {
            "name": scenario.name,
            "sentence": sentence,
            "content_hash": scenario.content_hash,
            "structure": scenario.structure.model_dump(mode="json"),
            "assumed": assumed(scenario, result),
        },
        "world": {"name": result.world.name, "content_hash": result.world.content_hash},
        "report": list(report),
        "firms": None
        if home is None
        else {"country": home.country, "count": len(home), "source": home.source},
        "headline": _headline(result),
        "budget": budgets(result).to_dict(orient="records") if payers(result) else [],
        "countries": records(table),
        "certificate": certificate_content(result),
    }


def _headline(result: Equilibrium) -> dict[str, float]:
    """World totals: equivalent variation and duties in million USD, trade between countries as a fraction."""
    before, after = (
        border.sum() - border.diagonal().sum() for border in (result.world.border_value, result.border_value)
    )
    return {
        "equivalent_variation": float(result.equivalent_variation.sum()),
        "world_trade": float(after / before - 1) if before > 0 else 0.0,
        "duties_before": float(result.world.duties.sum()),
        "duties_after": float(result.duties.sum()),
    }


def _page(
    scenario: Scenario,
    sentence: str,
    report: tuple[str, ...],
    result: Equilibrium,
    table: pd.DataFrame,
    home: HomeFirms | None,
) -> str:
    from firmtrade_core.analysis.budget import payers
    from firmtrade_core.analysis.budget import sentence as sentence_of
    from firmtrade_core.labels import change, level
    from firmtrade_core.scenarios.assumptions import assumed

    world, headline, certificate = result.world, _headline(result), result.certificate
    n, s = world.shape
    lines = [
        scenario.name,
        sentence,
        *(f"  note: {note}" for note in report),
        "",
        f"World          {world.name}, {n} countries x {s} sectors",
        f"Structure      {assumed(scenario, result)}",
        *([] if home is None else [f"Firms          {level(len(home), 'firms')}: {home.source}"]),
        f"World trade    {change(headline['world_trade'] * 100)}",
        f"World welfare  {change(headline['equivalent_variation'] / 1e3, 'bn USD')}",
        f"Duties         {level(headline['duties_before'] / 1e3, 'bn USD')} to "
        f"{level(headline['duties_after'] / 1e3, 'bn USD')}",
        *(
            f"Budget         {sentence_of(result, code).removeprefix('The budget ')}"
            for code in payers(result)[:LISTED]
        ),
        "",
        *_elastic(result),
        f"{'Real income':34}{'change':>10}{'dollars':>18}{'exports':>10}",
    ]
    listed = len(table) if len(table) <= 2 * LISTED else LISTED
    lines += [_row(record) for record in table.head(listed).to_dict(orient="records")]
    if listed < len(table):
        lines += ["  ..."]
        lines += [_row(record) for record in table.tail(listed).to_dict(orient="records")]
    holds = "holds" if certificate.holds else "DOES NOT HOLD"
    lines += [
        "",
        f"Certificate {holds}: largest residual {certificate.largest:.1e} relative, allowed {certificate.tolerance:.0e} "
        f"({certificate.worst}); {certificate.iterations} iterations, {certificate.seconds * 1e3:.0f} ms, "
        f"hash {certificate.content_hash}",
    ]
    return "\n".join(lines)


def _drawn(scenario: Scenario, world: World, home: HomeFirms | None, result: Equilibrium) -> Bands:
    """Bands; what cannot have any ends the command as wrong input does."""
    from firmtrade_core.analysis.uncertainty import UncertaintyError, bands
    from firmtrade_core.scenarios import ScenarioError

    try:
        return bands(scenario, world, home, centre=result)
    except UncertaintyError as error:
        raise ScenarioError(str(error)) from error


def _band_content(drawn: Bands) -> dict[str, Any]:
    """Every outcome by country and of the world, with what the bands rest on."""
    from firmtrade_core.report.page_tables import band_table

    rows = band_table(drawn).frame.rename(columns=str.lower)
    return {
        "level": 0.9,
        "rows": records(rows),
        "rests_on": list(drawn.notes),
    }


def _band_lines(drawn: Bands, table: pd.DataFrame) -> list[str]:
    """Real income of those that gain and lose most, and of the world, with band, other laws and verdict."""
    codes = [*table["country"]]
    codes = codes if len(codes) <= 2 * LISTED else [*codes[:LISTED], *codes[-LISTED:]]
    lines = ["90 % bands of real income"]
    lines += [f"  {drawn.band('real_income', code).words}  {code}" for code in codes]
    lines += [f"  {drawn.band('world_real_income').words}  world", ""]
    return lines + [f"  {note}" for note in drawn.notes]


def _worth_lines(worth: pd.DataFrame) -> list[str]:
    """What trade is worth, the most and the least, and where it is not defined."""
    from firmtrade_core.labels import level

    known = worth.dropna(subset=["gain"])
    rows = known if len(known) <= 2 * LISTED else known.iloc[[*range(LISTED), *range(-LISTED, 0)]]
    lines = ["Gains from trade: real income above that in autarky, trade balanced before and after"]
    lines += [f"  {row['name']:32}{level(float(row['gain']), '%'):>12}" for row in rows.to_dict("records")]
    lines += [
        f"  {row['name']:32}not defined: sells no {row['missing']} at home"
        for row in worth[worth["gain"].isna()].to_dict("records")
    ]
    return lines


def _elastic(result: Equilibrium) -> list[str]:
    """Where labour supply responds, that dollars net the extra work, and by how much welfare differs from real income."""
    if not result.parameters.labour_supply_elasticity:
        return []
    from firmtrade_core.labels import change

    world = result.world
    welfare = 100 * float(result.equivalent_variation.sum() / world.income.sum())
    income = 100 * float((world.income * (result.real_income_change - 1)).sum() / world.income.sum())
    return [
        f"Dollars are welfare: the equivalent variation, real income less the cost of working more. World: welfare "
        f"{change(welfare)} of income, real income {change(income)}.",
        "",
    ]


def _row(record: dict[Any, Any]) -> str:
    from firmtrade_core.codes.countries import country_name
    from firmtrade_core.labels import change

    columns = (
        f"{change(record['real_income'] * 100):>10}",
        f"{change(record['equivalent_variation'] / 1e3, 'bn USD'):>18}",
        f"{change(record['exports'] * 100):>10}",
    )
    return f"  {country_name(record['country']):32}{''.join(columns)}"
