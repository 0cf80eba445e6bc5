"""``backtest``: what the model predicted from earlier data and what happened, and forecasts of one's own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

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
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Print the board of predictions; episodes whose data do not ship are the stored run unless their files are given."""
    if context.invoked_subcommand is not None:
        return
    from firmtrade_core.backtests.board import current_board, full_board
    from firmtrade_core.backtests.board import store as write
    from firmtrade_core.backtests.errors import BacktestError
    from firmtrade_core.equilibrium.errors import EquilibriumError
    from firmtrade_core.gravity.errors import GravityError
    from firmtrade_core.world.errors import WorldError

    def say(words: str) -> None:
        typer.echo(f"{words} ...", err=True)

    try:
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
    except (BacktestError, GravityError, WorldError, EquilibriumError, OSError) as error:
        typer.echo(json.dumps({"error": str(error)}) if as_json else str(error), err=not as_json)
        raise typer.Exit(2) from None
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
