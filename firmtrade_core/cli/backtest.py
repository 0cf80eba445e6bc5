"""``backtest``: what the model predicted from earlier data and what happened, and forecasts of one's own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from firmtrade_core.cli.ends import read_scenario, read_world, refusals
from firmtrade_core.cli.options import AsJson, Preset, ScenarioArgument, WorldFile

if TYPE_CHECKING:
    from firmtrade_core.backtests.board import Board, Episode

app = typer.Typer(
    help="What the model predicted from earlier data and what happened; forecasts of your own.",
    invoke_without_command=True,
)

#: Words for a method's kind.
_KINDS = {"model": "model", "econometrics": "econometrics", "learning": "machine learning"}


@app.callback()
def backtest(
    context: typer.Context,
    world_panel: Annotated[
        Path | None,
        typer.Option(help="A table of the world's flows by year: its rule-chosen episodes are made anew."),
    ] = None,
    agreements: Annotated[
        Path | None,
        typer.Option(help="A table of trade with agreements (exporter, importer, year, trade, rta)."),
    ] = None,
    tariffs: Annotated[
        Path | None,
        typer.Option(help="Tariffs beside it (exporter, importer, year, MFN_TARIFF)."),
    ] = None,
    misses: Annotated[int, typer.Option(min=0, help="Misses named by episode.")] = 5,
    store: Annotated[
        bool,
        typer.Option(
            "--store", help="Write the board that ships (assets/backtests/board.json) and its elasticities."
        ),
    ] = False,
    out: Annotated[Path | None, typer.Option(help="Write the board as JSON to this file.")] = None,
    as_json: AsJson = False,
) -> None:
    """Print the board of predictions; episodes whose data do not ship are the stored run unless their files are given."""
    if context.invoked_subcommand is not None:
        return
    from firmtrade_core.backtests.board import current_board, full_board
    from firmtrade_core.backtests.board import store as write
    from firmtrade_core.backtests.errors import BacktestError

    def say(words: str) -> None:
        typer.echo(f"{words} ...", err=True)

    with refusals(as_json):
        if store and (world_panel is None or agreements is None):
            raise BacktestError(
                "--store needs --world-panel, --agreements and --tariffs: the board is stored whole."
            )
        if world_panel is not None or agreements is not None or tariffs is not None:
            board = full_board(world_panel, agreements, tariffs, say=say)
        else:
            board = current_board(say=say)
        if store:
            write(board)
        if out is not None:
            write(board, out)
    if as_json:
        typer.echo(board.to_json().rstrip())
    else:
        typer.echo("\n".join(lines(board, misses)))


def lines(board: Board, misses: int = 5) -> list[str]:
    """The board as text: a block per episode, skill first."""
    found = [
        "What the model predicted from earlier data, and what happened",
        "Log changes of goods imports by importer and partner, weighted by imports before. skill: 1 is perfect, 0 no better than",
        "every partner growing alike (known afterwards), below 0 worse. corr and slope: of actual on predicted. rms: log points, of",
        "the prediction, of no change; relative to the importer's total: of the prediction, of equal growth.",
        "",
    ]
    for episode in board.episodes:
        found += [*_episode(episode, board, misses), ""]
    if board.elasticities:
        found.append(
            "Imports before duties, % per % of (1 + tariff), by years since the change (local projections):"
        )
        found += [
            f"  year {row['horizon']:.0f}: {row['estimate']:6.2f}  ({row['low']:.2f} to {row['high']:.2f})"
            for row in board.elasticities
        ]
    return found


def _episode(episode: Episode, board: Board, misses: int) -> list[str]:
    stored = f" [stored run of {board.made.isoformat()}]" if episode.stored else ""
    found = [
        f"{episode.title}{stored}",
        f"  {'':62}{'years':>5}{'pairs':>7}{'skill':>8}{'corr':>7}{'slope':>8}{'rms':>7}{'none':>7}{'rel.':>7}{'equal':>7}",
    ]
    for row in episode.rows:
        label = f"{row['label']}{', pairs all predict' if row['sample'] != 'all' else ''}"
        if row["predictions"] == 0:
            found.append(f"  {label[:61]:62}no equilibrium: {row.get('why', '')}")
            continue
        found.append(
            f"  {label[:61]:62}{row['horizon']:>5.0f}{row['predictions']:>7.0f}"
            + "".join(
                f"{_number(row[name]):>{width}}"
                for name, width in (
                    ("skill", 8), ("correlation", 7), ("slope", 8), ("error", 7), ("no_change", 7),
                    ("relative_error", 7), ("equal_growth", 7),
                )
            )
        )  # fmt: skip
    for row in episode.without:
        if str(row["without"]).startswith("without"):
            found.append(
                f"  {row['without']} (trade elasticity 4): correlation {_number(row['correlation'])}, slope {_number(row['slope'])}, "
                f"skill {_number(row['skill'])}, {row['predictions']:.0f} pairs"
            )
    for row in episode.misses[:misses]:
        found.append(
            f"  missed: {row['importer']} from {row['partner']}, {row['since']} to {row['until']}: {row['missed']:+.2f} log points "
            f"({100 * row['share']:.0f} % of squared error)"
        )
    return found


def _number(value: Any) -> str:
    number = float(value)
    return "-" if number != number else f"{number:.2f}"


# Forecasts of one's own ------------------------------------------------------------------------------


@app.command("enter")
def enter(
    scenario_file: ScenarioArgument = None,
    preset: Preset = None,
    importer: Annotated[str, typer.Option(help="Whose imports by partner are forecast, by code.")] = "USA",
    name: Annotated[
        str, typer.Option(help="What to call the forecast; the scenario's name unless given.")
    ] = "",
    since: Annotated[str, typer.Option(help="The period before, such as 2026.")] = "",
    until: Annotated[str, typer.Option(help="The period forecast, such as 2027.")] = "",
    note: Annotated[str, typer.Option(help="For the reader of later.")] = "",
    world_file: WorldFile = None,
) -> None:
    """Enter a forecast: growth of a country's imports by partner under a scenario, with the day and a hash."""
    from firmtrade_core.backtests.errors import BacktestError
    from firmtrade_core.backtests.own import Forecasts, forecast_of
    from firmtrade_core.cli.solve import home_in_use
    from firmtrade_core.scenarios import run

    with refusals(False):
        if not since.strip() or not until.strip():
            raise BacktestError("Say which periods are compared: --since 2026 --until 2027.")
        scenario, world = read_scenario(scenario_file, preset), read_world(world_file)
        result = run(scenario, world, home=home_in_use(scenario, world, None))
        made = forecast_of(
            result, importer, name or scenario.name, since, until, scenario=scenario, note=note
        )
        kept = Forecasts().enter(made)
    typer.echo(
        f"Entered “{made.name}” on {made.entered.isoformat()}: imports of {made.importer}, {made.since} to {made.until}, "
        f"{len(made.changes)} partners.\nHash {kept.digest}"
    )


@app.command("forecasts")
def forecasts(as_json: AsJson = False) -> None:
    """List the forecasts entered, with day and hash."""
    from firmtrade_core.backtests.own import Forecasts

    with refusals(as_json):
        found = Forecasts().forecasts()
    if as_json:
        typer.echo(
            json.dumps(
                [
                    {**json.loads(e.forecast.to_json()), "digest": e.digest, "unchanged": e.unchanged}
                    for e in found
                ]
            )
        )
        return
    for each in found:
        told = "" if each.unchanged else "  CHANGED SINCE: its hash no longer fits"
        made = each.forecast
        typer.echo(
            f"{made.entered.isoformat()}  {made.name}: imports of {made.importer}, {made.since} to {made.until}, "
            f"{len(made.changes)} partners  {each.digest}{told}"
        )
    if not found:
        typer.echo(
            "No forecast has been entered; enter one with: backtest enter SCENARIO.yaml --since ... --until ..."
        )


@app.command("score")
def score_one(
    name: Annotated[str, typer.Argument(help="The forecast's name.")],
    data: Annotated[Path, typer.Argument(help="A table with columns partner, before and after.")],
    misses: Annotated[int, typer.Option(min=0, help="Misses named.")] = 10,
    as_json: AsJson = False,
) -> None:
    """Score a forecast entered earlier against data; exits 1 if its hash no longer fits, 2 on wrong input."""
    from firmtrade_core.backtests import misses as missed
    from firmtrade_core.backtests.own import Forecasts
    from firmtrade_core.world.tables import read_table

    with refusals(as_json):
        kept = Forecasts().forecast(name)
        found, table = kept.forecast.held_against(read_table(data))
    rows = missed(table, misses)
    if as_json:
        plain = {k: (v if v == v else None) for k, v in found.to_dict().items()}
        typer.echo(
            json.dumps(
                {
                    "name": kept.forecast.name,
                    "entered": kept.forecast.entered.isoformat(),
                    "digest": kept.digest,
                }
                | {"unchanged": kept.unchanged, "score": plain}
                | {"misses": rows[["partner", "actual", "predicted", "missed", "share"]].to_dict("records")}
            )
        )
    else:
        made = kept.forecast
        typer.echo(
            f"“{made.name}”, entered on {made.entered.isoformat()}, hash {kept.digest}"
            f"{'' if kept.unchanged else ': CHANGED SINCE, the hash no longer fits'}"
        )
        typer.echo(
            f"{found.predictions} partners: correlation {_number(found.correlation)}, slope {_number(found.slope)}, skill "
            f"{_number(found.skill)} (0: no better than all growing alike); rms {_number(found.error)} log points, of no change "
            f"{_number(found.no_change)}"
        )
        for row in rows.to_dict("records"):
            typer.echo(
                f"  missed: {row['partner']}: {row['actual']:+.2f} happened, {row['predicted']:+.2f} forecast; {row['missed']:+.2f} "
                f"relative to all ({100 * row['share']:.0f} % of squared error)"
            )
    if not kept.unchanged:
        raise typer.Exit(1)
