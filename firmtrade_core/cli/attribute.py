"""``attribute``: where a country's change of exports comes from, in a scenario, between two years of data, or among firms."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from firmtrade_core.cli.ends import read_scenario, read_world, records, refusals
from firmtrade_core.cli.options import AsJson, Preset, ScenarioFile, WorldFile

if TYPE_CHECKING:
    from firmtrade_core.attribution import Attribution, FirmGrowth, PredictedGrowth, ProductivityGrowth

#: Partners and products listed.
LISTED = 8

#: The parts may miss the change by this share of it, and no more.
TOLERANCE = 1e-6


def attribute(
    country: Annotated[str, typer.Argument(help="Code of the exporting country.")],
    scenario_file: ScenarioFile = None,
    preset: Preset = None,
    world_file: WorldFile = None,
    home_file: Annotated[
        Path | None, typer.Option("--home", help="The home country's firms, for the firms family.")
    ] = None,
    population: Annotated[
        Path | None,
        typer.Option(
            help="How many firms the home country has: a table with columns sector, size and firms."
        ),
    ] = None,
    first: Annotated[
        Path | None,
        typer.Option("--from", help="World file of the first year, or data of several years."),
    ] = None,
    second: Annotated[
        Path | None, typer.Option("--to", help="World file of the second year; the same data unless given.")
    ] = None,
    panel: Annotated[
        Path | None, typer.Option(help="Folder of a firm panel: growth by what firms did.")
    ] = None,
    synthetic: Annotated[
        int | None, typer.Option(min=300, help="The same for so many synthetic firms of the country.")
    ] = None,
    first_year: Annotated[
        int | None, typer.Option("--from-year", help="The first there is unless given.")
    ] = None,
    last_year: Annotated[
        int | None, typer.Option("--to-year", help="The last there is unless given.")
    ] = None,
    elasticity: Annotated[float, typer.Option(help="Trade elasticity used between two years.")] = 4.0,
    as_json: AsJson = False,
) -> None:
    """Split a change of exports by source; exits 1 if the parts do not add up, 2 on wrong input."""

    with refusals(as_json):
        if panel is not None or synthetic is not None:
            _firms(country, panel, synthetic, first_year, last_year, as_json)
            return
        found = (
            _growth(country, first, second, (first_year, last_year), elasticity)
            if first or second
            else _scenario(country, scenario_file, preset, world_file, home_file, population)
        )
    gap = abs(float(found.parts.sum()) - found.change)
    typer.echo(json.dumps(_content(found, gap)) if as_json else _page(found))
    if gap > TOLERANCE * max(1.0, float(found.before.sum())):
        raise typer.Exit(1)


def _growth(
    country: str,
    first: Path | None,
    second: Path | None,
    years: tuple[int | None, int | None],
    elasticity: float,
) -> Attribution:
    from firmtrade_core.attribution import AttributionError, attribute_growth
    from firmtrade_core.world.years import open_years

    if first is None:
        raise AttributionError("Give --from, and --to where the second year lies in another file.")
    data = open_years(first)
    later = data if second is None else open_years(second)
    if second is None and len(data.years) < 2:
        raise AttributionError(f"{first.name} holds one year; give another file with --to.")
    start, end = years[0] or data.years[0], years[1] or later.years[-1]
    return attribute_growth(data.world(start), later.world(end), country, elasticity)


def _firms(
    country: str,
    folder: Path | None,
    synthetic: int | None,
    first: int | None,
    last: int | None,
    as_json: bool,
) -> None:
    from firmtrade_core.attribution import (
        AttributionError,
        attribute_firms,
        attribute_predictors,
        attribute_productivity,
    )
    from firmtrade_core.attribution.firm_growth import read_source
    from firmtrade_core.panel.synthetic.structure import SyntheticDesign

    history = read_source(folder or SyntheticDesign(home=country, firms=synthetic or 0))
    if folder is not None and history.home.upper() not in (country, "NOT STATED"):
        raise AttributionError(f"The firms in {folder} are of {history.home}, not of {country}.")
    years = first or history.years[0], last or history.years[-1]
    found = attribute_firms(history, *years)
    productivity, refused = [], {}
    for measure in history.measures:
        try:
            productivity.append(attribute_productivity(history, *years, measure))
        except AttributionError as error:
            refused[measure] = str(error)
    try:
        predicted = attribute_predictors(history, *years)
    except AttributionError as error:
        predicted = None
        refused["predictors"] = str(error)
    if as_json:
        content = _firm_content(found, productivity, refused)
        if predicted is not None:
            content["predictors"] = {
                "sentence": predicted.sentence(),
                "parts": records(predicted.steps()),
                "firms": records(predicted.by_set()),
                "kinds": dict(predicted.attributes),
            }
        typer.echo(json.dumps(content))
    else:
        typer.echo(_firm_page(found, productivity, refused))
        if predicted is not None:
            typer.echo(_predicted_page(predicted))
    gap = abs(float(found.steps()["change"].sum() - found.totals["change"]))
    if gap > TOLERANCE * max(1.0, float(found.totals["before"])):
        raise typer.Exit(1)


def _firm_content(
    found: FirmGrowth, productivity: list[ProductivityGrowth], refused: dict[str, str]
) -> dict[str, object]:
    history = found.history
    return {
        "firms": history.label,
        "source": history.source,
        "synthetic": history.synthetic,
        "years": [found.first, found.second],
        "money": f"million {history.money}",
        "sentence": found.sentence(),
        "margins": records(found.steps()),
        "destinations": records(found.table),
        "withheld": found.withheld,
        "productivity": [
            {
                "measure": each.measure,
                "parts": dict(each.parts),
                "total": each.total,
                "firms": dict(each.firms),
            }
            for each in productivity
        ],
        "refused": refused,
    }


def _predicted_page(found: PredictedGrowth) -> str:
    from firmtrade_core.labels import change

    unit, size = found.history.unit
    lines = ["", "What predicts it (90 % intervals; prediction, not effect)", found.sentence()]
    for row in found.steps().to_dict("records"):
        band = (
            f"{change(row['low'] / size, unit)} to {change(row['high'] / size, unit)}"
            if row["low"] == row["low"]
            else ""
        )
        lines.append(f"  {row['label'][:46]:48}{change(row['change'] / size, unit):>18}  {band}")
    return "\n".join(lines)


def _firm_page(found: FirmGrowth, productivity: list[ProductivityGrowth], refused: dict[str, str]) -> str:
    from firmtrade_core.labels import change

    unit, size = found.history.unit
    lines = [found.sentence(), f"{found.history.label}; {found.history.source}", ""]
    for row in found.steps().to_dict("records"):
        lines.append(
            f"  {row['label']:30}{change(row['change'] / size, unit):>18}{change(row['percent']):>12}"
        )
    lines += ["", "Destination"]
    for row in found.table.head(LISTED).to_dict("records"):
        lines.append(f"  {row['name'][:44]:46}{change(row['change'] / size, unit):>18}")
    for each in productivity:
        lines += ["", each.sentence()]
        lines += [
            f"  {row['label']:30}{change(row['change'], 'log points'):>20}"
            for row in each.steps().to_dict("records")
        ]
    lines += [f"{name}: {why}" for name, why in refused.items()]
    if found.withheld:
        lines.append(f"{found.withheld} cells are withheld: they would reveal a firm.")
    return "\n".join(lines)


def _scenario(
    country: str,
    path: Path | None,
    preset: str | None,
    world_file: Path | None,
    home_file: Path | None,
    population: Path | None,
) -> Attribution:
    from firmtrade_core.attribution import attribute_scenario
    from firmtrade_core.cli.solve import home_in_use
    from firmtrade_core.scenarios import ScenarioError, run

    if (path is None) == (preset is None):
        raise ScenarioError("Give --scenario FILE or --preset NAME, one of the two, or --from and --to.")
    scenario, world = read_scenario(path, preset), read_world(world_file)
    home = home_in_use(scenario, world, home_file, population)
    return attribute_scenario(run(scenario, world, home=home), country, scenario.name)


def _content(found: Attribution, gap: float) -> dict[str, object]:
    return {
        "country": found.country,
        "compared": found.title,
        "sentence": found.sentence(),
        "assumption": found.assumption,
        "exports_before_musd": float(found.before.sum()),
        "exports_after_musd": float(found.after.sum()),
        "gap_musd": gap,
        "waterfall": found.waterfall().to_dict("records"),
        "partners": found.by_partner().to_dict("records"),
        "products": found.by_product().to_dict("records"),
    }


def _page(found: Attribution) -> str:
    from firmtrade_core.labels import change, level

    before, after = (level(values.sum() / 1e3, "bn USD") for values in (found.before, found.after))
    lines = [found.sentence(), f"{found.title}: exports {before} to {after}", ""]
    for row in found.waterfall().to_dict("records"):
        lines.append(f"  {row['label']:30}{change(row['change'], 'bn USD'):>18}{change(row['percent']):>12}")
    for title, table in (("Partner", found.by_partner()), ("Product", found.by_product())):
        lines += ["", title]
        for row in table.head(LISTED).to_dict("records"):
            lines.append(f"  {row['name'][:44]:46}{change(row['after'] - row['before'], 'bn USD'):>18}")
    return "\n".join([*lines, "", found.assumption])
