"""``offer``: a schedule of tariff lines as a scenario, with coverage, means and the lines that matter most."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from firmtrade_core.cli.ends import records, refusals
from firmtrade_core.cli.options import AsJson


def offer(
    lines: Annotated[
        Path,
        typer.Argument(
            help="A table of lines: hs, base, final, staging; specific rates with value and quantity."
        ),
    ],
    importer: Annotated[str, typer.Option(help="Whose tariffs these are, by code.")],
    trade: Annotated[
        Path | None, typer.Option(help="Its trade by product and exporter, or a file in BACI's format.")
    ] = None,
    start: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"], help="Day of entry into force: every yearly cut then has its date."
        ),
    ] = None,
    concordance: Annotated[
        Path | None,
        typer.Option(
            help="A table of HS products and ISIC Rev. 3 classes; chapters and headings decide unless given."
        ),
    ] = None,
    most: Annotated[int, typer.Option(min=0, help="Lines and sectors listed.")] = 12,
    out: Annotated[Path | None, typer.Option(help="Write the scenario to this file (YAML).")] = None,
    as_json: AsJson = False,
) -> None:
    """Add up tariff lines to sectors by the trade they fall on; exits 2 on wrong input."""
    from firmtrade_core.codes.chapters import broad_sector_of_product
    from firmtrade_core.codes.products import read_concordance
    from firmtrade_core.codes.sectors import broad_sector_of_revision_3
    from firmtrade_core.paths import write_whole
    from firmtrade_core.scenarios import Scenario, TariffSchedule
    from firmtrade_core.scenarios.offers import read_offer
    from firmtrade_core.world.tables import read_table

    with refusals(as_json):
        sector_of = broad_sector_of_product
        if concordance is not None:
            pairs = read_concordance(concordance).pairs.sort_values("weight", ascending=False, kind="stable")
            of = dict(zip(pairs["source"].iloc[::-1], pairs["target"].iloc[::-1], strict=True))

            def sector_of(code: str) -> str | None:
                try:
                    found = (
                        broad_sector_of_revision_3(of[code]) if code in of else broad_sector_of_product(code)
                    )
                except KeyError:
                    return None
                return None if found == "services" else found

        made = read_offer(
            read_table(lines),
            None if trade is None else read_table(trade),
            importer=importer,
            sector_of=sector_of,
        )
        rows = made.rows(None if start is None else start.date())
        scenario = Scenario(
            name=f"Offer of {importer}: {lines.stem}"[:120],
            cards=(TariffSchedule(importers=(importer,), rows=rows),),
        )
        if out is not None:
            write_whole(out, scenario.to_yaml())
    if as_json:
        typer.echo(
            json.dumps(
                {
                    "sectors": records(made.table),
                    "lines": records(made.lines.head(most)),
                    "cuts": made.cuts,
                    "rows": len(rows),
                    "notes": list(made.notes),
                }
            )
        )
        return
    for note in made.notes:
        typer.echo(f"note: {note}")
    typer.echo(f"{'':44}{'change':>9}{'by trade':>18}{'simple mean':>18}{'covered':>9}{'lines':>7}")
    shown = made.table.assign(size=made.table["trade"].fillna(0.0)).sort_values(
        ["size", "change"], ascending=[False, True], kind="stable"
    )
    for row in shown.head(most).to_dict("records"):
        covered = "-" if row["coverage"] != row["coverage"] else f"{100 * row['coverage']:.0f} %"
        typer.echo(
            f"  {row['exporter'] + ' ' + row['sector']:42}{100 * row['change']:+8.2f}p"
            f"{100 * row['base']:8.2f} to {100 * row['final']:5.2f} %{100 * row['simple_base']:8.2f} to {100 * row['simple_final']:5.2f} %"
            f"{covered:>9}{row['lines']:>7}"
        )
    typer.echo("Lines that matter most, points of their sector:")
    for row in made.lines.head(most).to_dict("records"):
        typer.echo(
            f"  {row['hs']:12} {row['exporter']:5} {100 * row['base']:6.2f} to {100 * row['final']:.2f} %, {row['cuts']} cuts: {100 * row['pull']:+.3f}"
        )
    typer.echo(
        f"{len(rows)} rows, {made.cuts} yearly cuts{'' if out is None else f', written to {out}: solve it with `solve {out}`'}"
    )
