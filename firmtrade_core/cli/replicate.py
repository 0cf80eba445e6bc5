"""``replicate``: published results against ours."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from firmtrade_core.labels import grouped

if TYPE_CHECKING:
    from firmtrade_core.published.replication import Report

MISSED, WRONG_INPUT, MISSING_DATA = 1, 2, 3

_PIPED_WIDTH = 140


def replicate(
    names: Annotated[list[str] | None, typer.Argument(help="Which replications; all unless named.")] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Print every row, not the furthest alone.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print all rows as JSON.")] = False,
    keep: Annotated[
        bool, typer.Option("--store", help="Keep the run as the one shipped with the product.")
    ] = False,
) -> None:
    """Reproduce published results: published, ours, difference, band, verdict.

    Exits 1 if a row misses its band and 3 where data are missing, naming them and their public origin.
    """
    from firmtrade_core.published import replicate as replication

    reports: list[Report] = []
    missing: dict[str, str] = {}
    for name in names or replication.replications():
        try:
            reports.append(replication.replicate(name))
        except replication.MissingDataError as error:
            missing[name] = str(error)
        except replication.UnknownReplicationError as error:
            typer.echo(str(error), err=True)
            raise typer.Exit(WRONG_INPUT) from None
    if as_json:
        records = [replication.as_record(report) for report in reports]
        typer.echo(json.dumps({"reports": records, "missing": missing}, indent=1, allow_nan=False))
    else:
        for report in reports:
            _print(report, everything)
    for words in missing.values():
        typer.echo(f"{words} The stored run is in assets/{replication.STORED_RUN}.", err=True)
    if keep and reports:
        typer.echo(f"Stored in {replication.store(reports)}.", err=True)
    if not all(report.holds for report in reports):
        raise typer.Exit(MISSED)
    if missing:
        raise typer.Exit(MISSING_DATA)


def _print(report: Report, everything: bool) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = _PIPED_WIDTH
    outcome = report.verdict if report.holds else f"misses; {report.verdict}"
    table = Table(
        title=f"{report.title}: {outcome}", title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0)
    )
    for heading in ("Result", "Where"):
        table.add_column(heading)
    for heading in ("Published", "Ours", "Difference", "Band"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("In")
    table.add_column("Verdict")
    for row in (report.table() if everything else report.summary()).itertuples():
        table.add_row(
            f"{row.result}, {row.unit}".removesuffix(", "),
            str(row.place),
            _number(row.published),
            _number(row.ours),
            _number(row.difference),
            _number(row.band),
            str(row.difference_unit),
            str(row.verdict),
            style="bold red" if row.verdict == "misses" else None,
        )
    console.print(table)
    for cause in dict.fromkeys(row.cause for row in report.rows):
        bands = [row for row in report.rows if row.cause == cause]
        console.print(f"- {len(bands)} bands: {cause}")
    for note in report.notes:
        console.print(f"- {note}")
    console.print(f"{report.citation} ({report.dated})\n", style="dim")


def _number(value: object) -> str:
    """Four decimals, scientific where those show nothing; a dash where there is no number."""
    number = float("nan") if value is None else float(str(value))
    if number != number:
        return "-"
    return f"{number:.1e}" if 0 < abs(number) < 1e-4 else f"{grouped(number, '.4f')}"
