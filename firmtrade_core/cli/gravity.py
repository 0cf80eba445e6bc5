"""``gravity``: equations of one's own, and tariff elasticities of every goods sector beside the published ones."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer
from typer.core import TyperGroup

from firmtrade_core.cli.ends import FAILED, progress_bar
from firmtrade_core.cli.gravity_equation import counterfactual, estimate, refusing, tariff_units
from firmtrade_core.cli.options import AsJson, TableColumns, TariffUnits
from firmtrade_core.cli.words import pair
from firmtrade_core.labels import grouped, in_percent
from firmtrade_core.paths import whole_file

if TYPE_CHECKING:
    import pandas as pd

    from firmtrade_core.gravity.specification import GravitySpecification


#: Told the sector, how many are done, and of how many.
Progress = Callable[[str, int, int], None]


class _SectorsFirst(TyperGroup):
    """``gravity --world-panel ...`` is short for ``gravity sectors --world-panel ...``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0].startswith("-") and args[0] != "--help":
            args = ["sectors", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_SectorsFirst,
    help="Gravity: an equation of one's own, its counterfactual, or tariff elasticities sector by sector.",
    no_args_is_help=True,
)
app.command()(estimate)
app.command()(counterfactual)

SHOWN_SETS = ("CP", "FGO", "BSY", "GYY", "Shap", "LL", "IS", "U4")


@app.command("sectors")
def sectors(
    world_panel: Annotated[
        Path,
        typer.Option(help="Table of flows: year, exporter, importer, sector, expenditure_musd, tariff."),
    ],
    out: Annotated[Path, typer.Option(help="Folder for results; an interrupted run resumes there.")] = Path(
        "output/gravity"
    ),
    sector: Annotated[
        list[str] | None, typer.Option(help="Only these sectors; all goods unless given.")
    ] = None,
    borders_by_year: Annotated[
        bool,
        typer.Option("--borders-by-year/--one-border", help="Let the border's effect change every year."),
    ] = True,
    curve: Annotated[
        bool,
        typer.Option(
            "--curve", help="Estimate under other choices too; their spread becomes part of every interval."
        ),
    ] = False,
    domestic: Annotated[bool, typer.Option(help="Keep sales at home in the sample.")] = True,
    interval: Annotated[int, typer.Option(min=1, help="Use every so many years.")] = 1,
    cluster: Annotated[
        list[str] | None, typer.Option(help="Of pair, symmetric_pair, exporter, importer, year.")
    ] = None,
    tariff_unit: TariffUnits = "check",
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes; all processors unless given.")
    ] = None,
    write_set: Annotated[
        Path | None, typer.Option(help="Write the elasticities as a set that scenarios can use.")
    ] = None,
    write_years: Annotated[
        Path | None,
        typer.Option(help="Also estimate distance, borders and language year by year, to this file."),
    ] = None,
    source: Annotated[
        str | None, typer.Option(help="Name of the data in files written; its file name else.")
    ] = None,
    column: TableColumns = None,
    as_json: AsJson = False,
) -> None:
    """Estimate ln(1+t) with exporter-year, importer-year and pair effects by PPML, sector by sector.

    Exits 1 if no sector has a usable elasticity, 2 on wrong input.
    """
    from firmtrade_core.gravity.elasticities import elasticities_by_sector
    from firmtrade_core.gravity.sector_runs import estimate_sectors, run_key
    from firmtrade_core.gravity.specification_curve import specification_curve

    with refusing(as_json):
        unit = tariff_units(tariff_unit)
        source, left = source or world_panel.name, _left(world_panel, column)
        world_panel = _with_columns(world_panel, column, out)
        equation = _equation(world_panel, borders_by_year, domestic, interval, cluster)
        with _bar(as_json) as bar:
            estimates = estimate_sectors(
                world_panel,
                out,
                specification=equation,
                sectors=sector,
                workers=workers,
                tariff_unit=unit,
                progress=bar,
            )
            if write_years is not None:
                _write_years(world_panel, write_years, source, bar)
            other = None
            if curve:
                other = specification_curve(world_panel, out, sectors=sector, workers=workers, progress=bar)
                with whole_file(out / "specification_curve.csv") as part:
                    other.to_csv(part, index=False, float_format="%.6g")
        table = elasticities_by_sector(estimates, curve=other)
        if write_set is not None:
            _write(table, write_set, source, equation)
    folder = out / run_key(world_panel, equation, unit)
    with whole_file(folder / "elasticities.parquet") as part:
        table.to_parquet(part, index=False)
    if as_json:
        notes = {"notes": [left] if left else []}
        typer.echo(json.dumps(_content(estimates, table, folder) | notes, allow_nan=False))
    else:
        _print(estimates, table, folder)
        if left:
            typer.echo(left)
    if not (table["status"] == "usable").any():
        raise typer.Exit(FAILED)


def _with_columns(world_panel: Path, column: list[str] | None, out: Path) -> Path:
    """The table with columns under the names that a person gives them: a copy among the results, for every worker to read."""
    from firmtrade_core.gravity.panel import WORLD_COLUMNS
    from firmtrade_core.world.columns import renamed_columns
    from firmtrade_core.world.tables import read_table

    if not column:
        return world_panel
    table = renamed_columns(read_table(world_panel), dict(pair(text) for text in column), world_panel.name)
    out.mkdir(parents=True, exist_ok=True)
    copy = out / f"{world_panel.stem}_columns.parquet"
    with whole_file(copy) as part:
        table[[name for name in WORLD_COLUMNS if name in table]].to_parquet(part, index=False)
    return copy


def _left(world_panel: Path, column: list[str] | None) -> str:
    """Columns of the table that nothing is read from, in words."""
    from firmtrade_core.gravity.panel import WORLD_COLUMNS
    from firmtrade_core.world.columns import unused_columns
    from firmtrade_core.world.tables import column_names

    given = {what: name.strip().casefold() for what, name in (pair(text) for text in column or ())}
    names = column_names(world_panel)
    taken = [name for name in names if name.casefold() in given.values()]
    return unused_columns(names, [*(c for c in WORLD_COLUMNS if c not in given), *taken])


def _equation(
    world_panel: Path, borders_by_year: bool, domestic: bool, interval: int, cluster: list[str] | None
) -> GravitySpecification:
    from firmtrade_core.gravity.sector_runs import TARIFF_EQUATION
    from firmtrade_core.gravity.specification import every
    from firmtrade_core.world.tables import read_table

    equation = TARIFF_EQUATION.with_(borders_by_year=borders_by_year, domestic=domestic)
    if cluster:
        equation = equation.with_(clusters=tuple(cluster))
    if interval > 1:
        years = read_table(world_panel, columns=["year"])["year"].astype(int)
        equation = equation.with_(years=every(interval, int(years.min()), int(years.max())))
    return equation


@contextmanager
def _bar(quiet: bool) -> Iterator[Progress]:
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description:>22}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with progress_bar(quiet, "sectors", columns, None) as move:
        yield lambda sector, done, total: move(description=sector, completed=done, total=total)


def _verdict(table: pd.DataFrame, equation: GravitySpecification) -> str:
    """The set's name: what it is, and how many sectors stand on their own."""
    usable = int((table["status"] == "usable").sum())
    tried = " under every choice" if (table["spread_of_choices"] > 0).any() else ""
    borders = "borders by year" if equation.borders_by_year else "one border"
    return f"Gravity, estimated here (PPML, {borders}; {usable} of {len(table)} sectors stand{tried})"


def _write(table: pd.DataFrame, path: Path, panel: str, equation: GravitySpecification) -> None:
    from firmtrade_core.gravity.elasticities import write_set

    flagged = table.loc[table["status"] != "usable", "sector"]
    pooled = table.attrs["pooled"]
    write_set(
        table,
        path,
        name="GRAV",
        label=_verdict(table, equation),
        source=f"Estimated by firmtrade on {panel}: PPML of expenditure on ln(1+t) with effects of exporter-year, "
        f"importer-year and pair{', borders by year' if equation.borders_by_year else ''}, errors clustered by {', '.join(equation.clusters)}; shrunk by random-effects meta-analysis "
        f"(mean {pooled['mean']:.2f}, spread {pooled['spread']:.2f}).",
        note=f"Own estimates of {len(flagged)} of {len(table)} goods sectors have the wrong sign or are too noisy and "
        f"are replaced by the common mean: {', '.join(flagged)}. Services are assumed.",
    )


def _write_years(world_panel: Path, path: Path, source: str, bar: Progress) -> None:
    from firmtrade_core.gravity.cross_sections import broad_goods, estimate_years, write_years

    found = estimate_years(broad_goods(world_panel), progress=bar)
    write_years(
        found,
        path,
        {
            "source": f"Estimated by firmtrade on {source}, one cross-section per sector and year",
            "equation": "PPML of expenditure on log distance, contiguity, common language and border, exporter and "
            "importer effects, home sales in, errors clustered by pair",
        },
    )


def _content(estimates: pd.DataFrame, table: pd.DataFrame, folder: Path) -> dict[str, Any]:
    from firmtrade_core.gravity.sector_runs import ESTIMATES

    def plain(frame: pd.DataFrame) -> Any:
        return json.loads(frame.to_json(orient="records"))

    return {
        "elasticities": plain(table),
        "pooled": {k: v if v == v else None for k, v in table.attrs["pooled"].items()},
        "estimates": plain(estimates),
        "file": str(folder / ESTIMATES),
    }


def _print(estimates: pd.DataFrame, table: pd.DataFrame, folder: Path) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    from firmtrade_core.codes.sectors import broad_sector
    from firmtrade_core.world.elasticities import elasticity_sets

    sets = elasticity_sets()
    shown = Table(title="Tariff elasticities of consumer values", title_justify="left", box=SIMPLE_HEAD)
    shown.add_column("Sector")
    for heading in ("ε, elasticity", "95 %", "shrunk", "to use", "rows", *SHOWN_SETS):
        shown.add_column(heading, justify="right", no_wrap=True)
    shown.add_column("Verdict")
    for row in table.itertuples():
        published = [
            f"{_published(sets[s].by_sector, str(row.sector), broad_sector):.1f}" for s in SHOWN_SETS
        ]
        shown.add_row(
            str(row.sector),
            f"{row.raw:.2f}",
            f"{row.raw_low:.2f} to {row.raw_high:.2f}",
            f"{row.shrunk:.2f}",
            f"{row.value:.2f}",
            grouped(cast(float, row.observations)),
            *published,
            str(row.status),
        )
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = 160
    console.print(shown)
    pooled = table.attrs["pooled"]
    left_out = estimates.filter(like="rows_separated").to_numpy().sum()
    console.print(
        f"Common mean elasticity {pooled['mean']:.2f} (s.e. {pooled['mean_error']:.2f}), spread {pooled['spread']:.2f}, "
        f"I² {in_percent(pooled['heterogeneity'])}; {int((table['status'] == 'usable').sum())} of {len(table)} usable. "
        f"{grouped(left_out)} separated zero flows left out. Results in {folder}.",
    )


def _published(by_sector: Any, sector: str, broad_sector: Any) -> float:
    try:
        return float(by_sector[broad_sector(sector)])
    except KeyError:
        return float("nan")
