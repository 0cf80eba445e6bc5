"""``attribute``: where a country's change of exports comes from, in a scenario or between two years of data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from firmtrade_core.attribution import Attribution
    from firmtrade_core.world.world import World

#: Partners and products listed.
LISTED = 8

#: The parts may miss the change by this share of it, and no more.
TOLERANCE = 1e-6


def attribute(
    country: Annotated[str, typer.Argument(help="Code of the exporting country.")],
    scenario_file: Annotated[Path | None, typer.Option("--scenario", help="A scenario as YAML.")] = None,
    preset: Annotated[str | None, typer.Option(help="A scenario the product ships, by name.")] = None,
    world_file: Annotated[
        Path | None, typer.Option("--world", help="A world file; the embedded world unless given.")
    ] = None,
    home_file: Annotated[
        Path | None, typer.Option("--home", help="The home country's firms, for the firms family.")
    ] = None,
    first: Annotated[Path | None, typer.Option("--from", help="World file of the first year.")] = None,
    second: Annotated[Path | None, typer.Option("--to", help="World file of the second year.")] = None,
    elasticity: Annotated[float, typer.Option(help="Trade elasticity used between two years.")] = 4.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Split a change of exports by source; exits 1 if the parts do not add up, 2 on wrong input."""
    from firmtrade_core.attribution import AttributionError
    from firmtrade_core.equilibrium.errors import EquilibriumError
    from firmtrade_core.margins import FirmsError, TailError
    from firmtrade_core.scenarios import ScenarioError
    from firmtrade_core.world.errors import WorldError

    try:
        found = (
            _growth(country, first, second, elasticity)
            if first or second
            else _scenario(country, scenario_file, preset, world_file, home_file)
        )
    except (AttributionError, EquilibriumError, FirmsError, TailError, ScenarioError, WorldError) as error:
        _stop(str(error), as_json)
    except OSError as error:
        _stop(f"{error.filename or 'The file'} cannot be read: {error.strerror}.", as_json)
    gap = abs(float(found.parts.sum()) - found.change)
    typer.echo(json.dumps(_content(found, gap)) if as_json else _page(found))
    if gap > TOLERANCE * max(1.0, float(found.before.sum())):
        raise typer.Exit(1)


def _stop(message: str, as_json: bool) -> None:
    typer.echo(json.dumps({"error": message}) if as_json else message, err=not as_json)
    raise typer.Exit(2)


def _growth(country: str, first: Path | None, second: Path | None, elasticity: float) -> Attribution:
    from firmtrade_core.attribution import AttributionError, attribute_growth
    from firmtrade_core.world.files import load_world

    if first is None or second is None:
        raise AttributionError("Give both world files, --from and --to.")
    return attribute_growth(load_world(first), load_world(second), country, elasticity)


def _scenario(
    country: str, path: Path | None, preset: str | None, world_file: Path | None, home_file: Path | None
) -> Attribution:
    from firmtrade_core.attribution import attribute_scenario
    from firmtrade_core.scenarios import HomeFirms, Scenario, ScenarioError, load_preset, run
    from firmtrade_core.scenarios.yaml_text import LONGEST

    if (path is None) == (preset is None):
        raise ScenarioError("Give --scenario FILE or --preset NAME, one of the two, or --from and --to.")
    if path is None:
        scenario = load_preset(preset or "")
    else:
        with path.open("rb") as file:
            scenario = Scenario.from_yaml(file.read(LONGEST + 1))
    home = None if home_file is None else HomeFirms.load(home_file)
    return attribute_scenario(run(scenario, _world(world_file), home=home), country, scenario.name)


def _world(path: Path | None) -> World:
    from firmtrade_core.world.embedded import load_embedded_world
    from firmtrade_core.world.files import load_world

    return load_embedded_world() if path is None else load_world(path)


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
