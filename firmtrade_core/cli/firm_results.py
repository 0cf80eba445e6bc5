"""``firms imports`` and ``firms reach``: what a scenario means for groups of the home country's firms."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from firmtrade_core.cli.ends import FAILED, finite, read_scenario, read_world, records, refusals, stop
from firmtrade_core.cli.options import AsJson, PanelOrSynthetic, Seed, SyntheticFirms, WorldFile
from firmtrade_core.cli.solve import home_in_use

if TYPE_CHECKING:
    from firmtrade_core.equilibrium import Equilibrium
    from firmtrade_core.home import HomeFirms
    from firmtrade_core.home.treatment import Treatment

Given = Annotated[Path | None, typer.Argument(metavar="[SCENARIO]", help="A scenario file (YAML).")]
Preset = Annotated[str | None, typer.Option(help="A preset instead of a file.")]
HomeFile = Annotated[
    Path | None, typer.Option("--home", help="A file of home firms; the shipped synthetic ones unless given.")
]


def imports(
    path: Given = None,
    preset: Preset = None,
    elasticity: Annotated[
        float,
        typer.Option(
            help="Between inputs from home and from abroad; 2.38 is assumed (remembered from Blaum, Lelarge and Peters 2018, not "
            "checked against the article)."
        ),
    ] = 2.38,
    world_file: WorldFile = None,
    home_file: HomeFile = None,
    as_json: AsJson = False,
) -> None:
    """What a scenario does to firms through the inputs they import, with each firm's own costs; exits 2 on wrong input."""
    from firmtrade_core.home.imports import with_own_inputs

    def work(_: Any, equilibrium: Equilibrium, treatment: Treatment) -> None:
        found = with_own_inputs(equilibrium, treatment, elasticity)
        groups = found.groups()
        own, plain = found.exports_percent
        if as_json:
            told = {
                "sentence": found.sentence(),
                "elasticity": elasticity,
                "exports_percent": own,
                "exports_percent_mean_cost": plain,
                "groups": {key: records(by) for key, by in groups.items()},
                "rounds": found.rounds,
                "certificate": found.with_own.certificate.largest,
                "source": found.home.source,
            }
            typer.echo(json.dumps(told, allow_nan=False))
            return
        lines = [f"Firms: {found.home.source}", found.sentence()]
        for by in groups.values():
            lines += ["", f"{'':20}{'firms':>10}{'import':>10}{'of materials':>14}{'saved':>10}{'cost':>10}{'exports':>10}{'at mean cost':>14}"]  # fmt: skip
            lines += [_import_line(row) for row in by.to_dict("records")]
        typer.echo("\n".join(lines))

    _with_firms(path, preset, world_file, home_file, as_json, work)


def _cells(row: dict[Any, Any], write: Any, **widths: int) -> str:
    """Numbers of a row, each written alike in so many places; a stroke where one is missing."""
    return "".join(
        f"{write(row[name]) if row[name] == row[name] else '-':>{width}}" for name, width in widths.items()
    )


def _import_line(row: dict[Any, Any]) -> str:
    from firmtrade_core.labels import change, grouped, in_percent

    shares = _cells(row, in_percent, importers=10, imported=14)
    changes = _cells(row, change, saving=10, cost=10, exports=10, exports_mean_cost=14)
    return f"{row['group']:20}{_cells(row, grouped, firms=10)}{shares}{changes}"


def reach(
    path: Given = None,
    preset: Preset = None,
    measure: Annotated[str, typer.Option(help="exports or sales.")] = "exports",
    world_file: WorldFile = None,
    home_file: HomeFile = None,
    as_json: AsJson = False,
) -> None:
    """Who is reached and who gains, by size, age, ownership, region and exporting; flags gains that go to few."""
    from firmtrade_core.home.inclusion import KINDS, MEASURES, Measure, inclusion

    if measure not in MEASURES:
        stop(f"{measure} is no measure of a gain; choose {' or '.join(MEASURES)}.", 2, as_json)
    chosen: Measure = "exports" if measure == "exports" else "sales"

    def work(_: Any, equilibrium: Equilibrium, treatment: Treatment) -> None:
        found = inclusion(equilibrium, treatment)
        safe = found.safeguard(chosen)
        if as_json:
            told = {
                "measure": measure,
                "flagged": safe.flagged,
                "sentence": safe.sentence(),
                "groups": {kind: records(found.table(kind, chosen)) for kind in found.groups},
                "source": found.home.source,
            }
            typer.echo(json.dumps(told, allow_nan=False))
            return
        lines = [f"Firms: {found.home.source}", f"{'FLAGGED: ' if safe.flagged else ''}{safe.sentence()}"]
        for kind in found.groups:
            lines += ["", f"By {KINDS[kind]:21}{'firms':>10}{'of firms':>10}{'of reached':>12}{'of before':>11}{'of gains':>10}{'change':>10}"]  # fmt: skip
            lines += [_reach_line(row) for row in found.table(kind, chosen).to_dict("records")]
        typer.echo("\n".join(lines))

    _with_firms(path, preset, world_file, home_file, as_json, work)


def _reach_line(row: dict[Any, Any]) -> str:
    from firmtrade_core.labels import change, grouped, in_percent

    shares = _cells(row, in_percent, share_of_firms=10, share_reached=12, share_before=11, share_of_gains=10)
    return f"{row['group'][:24]:24}{_cells(row, grouped, firms=10)}{shares}{_cells(row, change, percent=10)}"


def cut_off(
    folder: Annotated[
        Path | None,
        typer.Argument(
            metavar="[PANEL]", help="Folder of a firm panel with links; synthetic firms unless given."
        ),
    ] = None,
    together: Annotated[int, typer.Option(min=1, help="How many firms are lost together at most.")] = 20,
    measure: Annotated[str, typer.Option(help="What is lost with a firm: sales or exports.")] = "sales",
    exhaustive: Annotated[
        bool, typer.Option("--exhaustive", help="Try every set, where they are few.")
    ] = False,
    year: Annotated[int | None, typer.Option(help="The last one unless given.")] = None,
    firms: Annotated[int, typer.Option(min=50, help="How many synthetic firms.")] = 2_000,
    as_json: AsJson = False,
) -> None:
    """Which suppliers, lost together, cost most, with a bound on what any other set could cost; exits 2 on wrong input."""
    from firmtrade_core.home.supplier_loss import supplier_network, worst_suppliers
    from firmtrade_core.panel.source import panel_of
    from firmtrade_core.panel.synthetic.structure import SyntheticDesign

    if measure not in ("sales", "exports"):
        stop(f"{measure} is nothing that is lost with a firm here; choose sales or exports.", 2, as_json)
    with refusals(as_json):
        network = supplier_network(panel_of(folder or SyntheticDesign(firms=firms)), year, measure)
        found = worst_suppliers(network, together, exhaustive)
    told = found.told()
    if as_json:
        content = {
            "firms": network.label,
            "year": network.year,
            "sentence": found.sentence(),
            "sets": records(told),
            "largest_instead": found.largest_share if network.synthetic else None,
        }
        typer.echo(json.dumps(content, allow_nan=False))
        return
    from firmtrade_core.labels import in_percent

    lines = [f"{network.label}, {network.year}", found.sentence(), ""]
    lines.append(
        f"{'lost together':>14}{'of all sales':>14}{'their own':>12}{'at most':>10}{'certified':>11}"
    )
    total = float(network.value.sum())
    lines += [
        f"{row['together']:>14}{in_percent(row['share']):>14}{in_percent(row['own'] / total):>12}"
        f"{in_percent(row['most'] / total):>10}{in_percent(row['certified']):>11}"
        for row in told.to_dict("records")
    ]
    typer.echo("\n".join(lines))


def over_time(
    folder: PanelOrSynthetic = None,
    firms: SyntheticFirms = 2_000,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Sunk costs of entry, what exporting teaches, coming and going by market; exits 2 on wrong input."""
    from firmtrade_core.channels.over_time import over_time as study
    from firmtrade_core.panel.source import panel_of
    from firmtrade_core.panel.synthetic.structure import SyntheticDesign

    with refusals(as_json):
        found = study(panel_of(folder or SyntheticDesign(firms=firms)), seed=seed)
    if as_json:
        sunk = found.sunk
        content = {
            "firms": found.label,
            "source": found.source,
            "sentences": found.sentences(),
            "sunk": None
            if sunk is None
            else {"parameters": sunk.table.to_dict("index"), "effect": sunk.effect, "pooled": sunk.pooled, "raw": sunk.raw},
            "learning": [
                {"outcome": each.outcome, "after": each.after, "before": each.before, "trend": each.trend, "table": records(each.table)}
                for each in found.learning
            ],
            "markets": None if found.markets is None else records(found.markets),
            "refused": found.refused,
        }  # fmt: skip
        typer.echo(json.dumps(finite(content), allow_nan=False))
        return
    lines = [f"{found.label}; {found.source}", "", *found.sentences()]
    if found.markets is not None:
        lines += ["", f"{'Market':12}{'exporters':>10}{'enter':>8}{'leave':>8}{'stay 1':>8}{'stay 3':>8}{'size at entry':>15}"]  # fmt: skip
        lines += [_market_line(row) for row in found.markets.head(10).to_dict("records")]
    lines += [f"{what} cannot be told: {why}" for what, why in found.refused.items()]
    typer.echo("\n".join(lines))


def _market_line(row: dict[Any, Any]) -> str:
    from firmtrade_core.labels import grouped, in_percent, number

    shares = _cells(row, in_percent, entry=8, exit=8, stay_1=8, stay_3=8)
    return (
        f"{row['destination']:12}{_cells(row, grouped, exporters=10)}{shares}{_cells(row, number, size=15)}"
    )


def diversify(
    path: Given = None,
    preset: Preset = None,
    country: Annotated[
        str | None, typer.Option(help="Code of the exporter; the firms' country unless given.")
    ] = None,
    opening: Annotated[
        float,
        typer.Option(
            help="Change of fixed costs of all destinations but the largest, such as -0.2, on top of the scenario."
        ),
    ] = 0.0,
    world_file: WorldFile = None,
    home_file: HomeFile = None,
    as_json: AsJson = False,
) -> None:
    """How widely exports are spread, how much they swing, what losing the largest partner costs; exits 2 on wrong input."""
    from firmtrade_core.analysis.diversification import MEASURES, diversification, largest_partner, lever
    from firmtrade_core.scenarios import Scenario, compile

    def work(compiled: Any, equilibrium: Equilibrium, treatment: Treatment) -> None:
        code = (country or treatment.home.country).upper()
        if opening:
            card = lever(code, largest_partner(equilibrium, code), opening)
            content = compiled.scenario.to_dict()
            content["cards"] = [*content.get("cards", []), card]
            again = compile(Scenario.parse(content), compiled.world, treatment.home)
            assert again.treatment is not None
            equilibrium, treatment = again.solve(equilibrium), again.treatment
        found = diversification(equilibrium, code, treatment)
        if as_json:
            told = {
                "sentence": found.sentence(),
                "measures": found.table.to_dict("index"),
                "new_pairs": found.pairs,
                "cost_per_pair": found.cost_per_pair,
                "worth_per_pair": found.worth_per_pair,
                "groups": {kind: records(by) for kind, by in found.groups.items()},
                "source": treatment.home.source,
            }
            typer.echo(json.dumps(finite(told), allow_nan=False))
            return
        lines = [found.sentence(), "", f"{'':70}{'before':>10}{'after':>10}"]
        lines += [
            f"{f'{label}, {unit}':70}{row['before']:>10.4g}{row['after']:>10.4g}"
            for row, (label, unit) in zip(found.table.to_dict("records"), MEASURES.values(), strict=True)
        ]
        typer.echo("\n".join(lines))

    _with_firms(path, preset, world_file, home_file, as_json, work)


def _with_firms(
    path: Path | None,
    preset: str | None,
    world_file: Path | None,
    home_file: Path | None,
    as_json: bool,
    work: Any,
) -> None:
    """Solve the scenario under the firms family, and hand scenario, equilibrium and the firms in it on."""
    from firmtrade_core.equilibrium.errors import EquilibriumError
    from firmtrade_core.equilibrium.states import ComparisonError
    from firmtrade_core.scenarios import compile

    with refusals(as_json, {EquilibriumError: FAILED}):
        scenario = read_scenario(path, preset)
        scenario = scenario.with_(structure=scenario.structure.model_copy(update={"family": "firms"}))
        world = read_world(world_file)
        home: HomeFirms | None = home_in_use(scenario, world, home_file, None)
        if home is None:
            raise ComparisonError(
                "No firms of a home country are loaded: give their file with --home, or in FIRMTRADE_HOME."
            )
        compiled = compile(scenario, world, home)
        assert compiled.treatment is not None
        work(compiled, compiled.solve(), compiled.treatment)
