"""The verb ``panel``: make a synthetic home country, check a firm panel, describe it."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from firmtrade_core.cli.ends import records, refuse
from firmtrade_core.cli.options import AsJson
from firmtrade_core.paths import whole_file

if TYPE_CHECKING:
    import pandas as pd

    from firmtrade_core.panel import FirmPanel

app = typer.Typer(help="Make, check and describe firm panels.", no_args_is_help=True, add_completion=False)

FolderOrFile = Annotated[
    Path, typer.Argument(help="A folder of Parquet files, or a file of Chile's survey (ENIA).")
]


@app.command()
def synthetic(
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Folder for the panel.")] = None,
    home: Annotated[str, typer.Option(help="Economy of the embedded world, such as CHL.")] = "CHL",
    firms: Annotated[int, typer.Option(help="Firms alive in a year.")] = 20_000,
    years: Annotated[int, typer.Option(help="Length of the panel.")] = 6,
    seed: Annotated[int, typer.Option(help="Of all random draws.")] = 2022,
    misspecified: Annotated[
        bool, typer.Option("--misspecified", help="Fat-tailed capability and uneven risk.")
    ] = False,
    raw: Annotated[
        Path | None, typer.Option(help="Folder for the messy files that offices would send.")
    ] = None,
    truth: Annotated[
        Path | None, typer.Option(help="Parquet file for the truth, which no estimator may see.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make the firms of an economy and hold them beside published regularities."""
    from firmtrade_core.panel import PanelError
    from firmtrade_core.panel.synthetic.calibration import compare
    from firmtrade_core.panel.synthetic.country import make_country
    from firmtrade_core.panel.synthetic.design import Variant
    from firmtrade_core.panel.synthetic.raw import write_raw
    from firmtrade_core.panel.synthetic.structure import SyntheticDesign

    variant: Variant = "misspecified" if misspecified else "well_specified"
    try:
        with _working("Making firms", as_json):
            design = SyntheticDesign(home=home, firms=firms, years=years, seed=seed, variant=variant)
            country = make_country(design)
            result: dict[str, Any] = {"panel": repr(country.panel), "years": list(design.calendar)}
            if output is not None:
                result["folder"] = str(country.panel.save(output))
            if truth is not None:
                with whole_file(truth) as part:
                    country.truth.table.to_parquet(part)
                result["truth"] = str(truth)
            if raw is not None:
                result["raw"] = write_raw(country, raw).done
            table = compare(country.panel) if years > 2 else None
    except (PanelError, OSError) as error:
        refuse(error, as_json, code=2)
    if table is not None:
        result["comparison"] = records(table)
    if as_json:
        typer.echo(json.dumps(result, ensure_ascii=False))
        return
    typer.echo("\n".join(f"{key}: {value}" for key, value in result.items() if key != "comparison"))
    if table is not None:
        typer.echo("\n" + _comparison(table))


@app.command()
def validate(path: FolderOrFile, as_json: AsJson = False) -> None:
    """Hold a panel against its rules, row by row; exits 1 where it is not usable."""
    from firmtrade_core.panel import PanelError
    from firmtrade_core.panel.validation import validate as validated

    try:
        with _working("Checking rows", as_json):
            report = validated(_any_panel(path))
    except PanelError as error:
        refuse(error, as_json, code=2)
    if as_json:
        found = {"usable": report.usable, "rows": report.rows, "broken": report.counts.to_dict("records")}
        typer.echo(json.dumps(found, ensure_ascii=False))
    else:
        typer.echo(report.text())
    raise typer.Exit(0 if report.usable else 1)


@app.command()
def describe(path: FolderOrFile, as_json: AsJson = False) -> None:
    """What is in a panel, and what it says about exporters."""
    from firmtrade_core.panel import PanelError
    from firmtrade_core.panel.facts import describe as summarise

    try:
        with _working("Reading", as_json):
            summary = summarise(_any_panel(path))
    except PanelError as error:
        refuse(error, as_json, code=2)
    typer.echo(json.dumps(summary, ensure_ascii=False) if as_json else _text(summary))


def _any_panel(path: Path) -> FirmPanel:
    from firmtrade_core.panel.source import read_panel

    return read_panel(path)


def _comparison(table: pd.DataFrame) -> str:
    lines = ["| regularity | published | here | unit | near | source |", "|---|---|---|---|---|---|"]
    lines += [
        f"| {r['regularity']} | {r['published']:.3g} | {_number(r['here'])} | {r['unit']} | {'yes' if r['near'] else 'no'} "
        f"| {r['source']} |"
        for r in table.to_dict("records")
    ]
    return "\n".join(lines)


def _number(value: float) -> str:
    return "too few firms" if math.isnan(value) else f"{value:.3g}"


def _text(summary: dict[str, Any]) -> str:
    lines = []
    for key, value in summary.items():
        label = key.replace("_", " ")
        if isinstance(value, dict):
            lines.append(f"{label}:")
            lines += [f"  {name}: {_counted(key, v)}" for name, v in value.items()]
        elif isinstance(value, list):
            lines.append(f"{label}: {', '.join(map(str, value)) or 'none'}")
        else:
            lines.append(f"{label}: {value}")
    return "\n".join(lines)


def _counted(key: str, value: float) -> str:
    """A number of the summary with its unit: shares in percent, premia in log points, rows."""
    from firmtrade_core.labels import change, in_percent, level

    if key == "premia":
        return change(value, "log points")
    return in_percent(value) if isinstance(value, float) else level(value, "rows")


def _working(what: str, as_json: bool) -> Any:
    """A spinner on the error stream, quiet where output is for machines."""
    from rich.console import Console

    return Console(stderr=True, quiet=as_json).status(f"{what} ...")
