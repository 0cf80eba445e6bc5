"""``gravity estimate`` and ``gravity counterfactual``: an equation of one's own, from a table to an equilibrium."""

from __future__ import annotations

import json
import re
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from firmtrade_core.cli.ends import WRONG_INPUT, refusals
from firmtrade_core.cli.options import AsJson, TableColumns, TariffUnits
from firmtrade_core.cli.words import for_the_command_line, pair
from firmtrade_core.labels import grouped, probability
from firmtrade_core.paths import whole_file

if TYPE_CHECKING:
    import pandas as pd

    from firmtrade_core.gravity.estimated import GravityEstimate
    from firmtrade_core.gravity.panel import GravityPanel, TariffUnit

Table = Annotated[
    Path, typer.Argument(help="Bilateral flows: CSV, Parquet, Stata or Excel; exporter, importer, year ...")
]
Formula = Annotated[
    str,
    typer.Argument(
        help="trade ~ log(dist) + rta + lag(rta, 4) + by(border, year) | exporter^year + importer^year + pair. Also x:y, "
        "is(column, value), lead(x, n), log1p(x), domestic, border."
    ),
]
Estimator = Annotated[str, typer.Option(help="ppml, ols or ols_remoteness.")]
Clusters = Annotated[
    list[str] | None, typer.Option("--cluster", help="pair unless given; several for multiway clusters.")
]
Years = Annotated[str | None, typer.Option(help="Years in the sample: 1986,1990,1994 or 1986:2006:4.")]
Domestic = Annotated[bool, typer.Option(help="Keep sales at home in the sample.")]
Zeros = Annotated[bool, typer.Option(help="Keep zero flows in the sample.")]
Sector = Annotated[str | None, typer.Option(help="One sector of the table; all, pooled, unless given.")]
Gaps = Annotated[
    str, typer.Option(help="Pairs missing in a year: leave (unknown), zero (no trade) or refuse.")
]
Rates = Annotated[
    Path | None,
    typer.Option(
        "--rates",
        help="Exchange rates of your own (date, currency, usd or per_usd), where a column currency tells the flows' money.",
    ),
]

#: What the formula may ask for without the table holding it: it is then taken from the map.
_FROM_THE_MAP = re.compile(r"(?<![\w])(dist|contiguity|language)(?![\w])")


def estimate(
    table: Table,
    formula: Formula,
    estimator: Estimator = "ppml",
    cluster: Clusters = None,
    years: Years = None,
    domestic: Domestic = True,
    zeros: Zeros = True,
    sector: Sector = None,
    gaps: Gaps = "leave",
    tariff_unit: TariffUnits = "check",
    column: TableColumns = None,
    rates: Rates = None,
    combine: Annotated[
        list[str] | None, typer.Option(help="A linear combination of coefficients: rta + lag(rta, 4).")
    ] = None,
    reset: Annotated[bool, typer.Option("--reset", help="Add the RESET test.")] = False,
    effects: Annotated[Path | None, typer.Option(help="Write all fixed effects to this CSV.")] = None,
    predict: Annotated[
        Path | None,
        typer.Option(help="Write the flows predicted for every row of the table, in sample or not."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Estimate a gravity equation written as a formula; exits 2 on wrong input."""
    found, panel = _estimated(
        table,
        formula,
        estimator,
        cluster,
        years,
        domestic,
        zeros,
        sector,
        gaps,
        tariff_unit,
        column,
        rates,
        as_json,
    )
    from firmtrade_core.gravity.effects import effects_table
    from firmtrade_core.gravity.effects import predict as predicted

    with refusing(as_json):
        combined = [found.combination(text) for text in combine or []]
        tests = [found.reset_test()] if reset else []
        if effects is not None:
            _write(effects_table(found), effects)
        if predict is not None:
            _write(panel.table.assign(predicted=predicted(found, panel)), predict)
    if as_json:
        content = {
            "coefficients": _plain(found.table()),
            "combinations": [vars(c) for c in combined],
            "tests": [vars(t) for t in tests],
            "observations": found.observations,
            "goodness": dict(found.goodness),
            "notes": list(found.notes),
        }
        typer.echo(json.dumps(content))
        return
    import pandas as pd

    rows = pd.concat([found.table(), pd.DataFrame([vars(c) for c in combined])], ignore_index=True)
    _print(
        rows,
        f"{grouped(found.observations)} observations; errors clustered by {', '.join(found.specification.clusters)}",
    )
    for test in tests:
        typer.echo(f"RESET, {test.hypothesis}: chi-squared {test.statistic:.2f}, {probability(test.p_value)}")
    for note in found.notes:
        typer.echo(note)


def counterfactual(
    table: Table,
    formula: Formula,
    change: Annotated[
        list[str],
        typer.Option(
            help="A regressor's new value between countries: border=0, or rta=1@CHL,USA for members only."
        ),
    ],
    elasticity: Annotated[float, typer.Option(help="Trade elasticity of the equation's trade costs: σ - 1.")],
    year: Annotated[int | None, typer.Option(help="The table's last in the sample unless given.")] = None,
    reference: Annotated[
        str | None,
        typer.Option(help="Country whose consumer price is the unit; the largest market unless given."),
    ] = None,
    second_stage: Annotated[
        str | None,
        typer.Option(help="What predicts the costs of pairs without an effect: log(dist) + contiguity."),
    ] = None,
    estimator: Estimator = "ppml",
    cluster: Clusters = None,
    years: Years = None,
    sector: Sector = None,
    gaps: Gaps = "leave",
    tariff_unit: TariffUnits = "check",
    column: TableColumns = None,
    rates: Rates = None,
    out: Annotated[Path | None, typer.Option(help="Write the table by country to this CSV.")] = None,
    as_json: AsJson = False,
) -> None:
    """Estimate, complete the costs, change regressors, and solve: conditional and full equilibrium by country."""
    from firmtrade_core.analysis.gravity_counterfactual import gravity_counterfactual, read_change
    from firmtrade_core.gravity.variables import split

    found, panel = _estimated(
        table,
        formula,
        estimator,
        cluster,
        years,
        True,
        True,
        sector,
        gaps,
        tariff_unit,
        column,
        rates,
        as_json,
    )
    chosen = year if year is not None else int(found.cells["year"].max())
    with refusing(as_json):
        result = gravity_counterfactual(
            found,
            panel,
            [read_change(text) for text in change],
            year=chosen,
            elasticity=elasticity,
            sector=sector,
            reference=reference,
            second_stage=split(second_stage, "+") if second_stage else (),
        )
        by_country = result.table()
        if out is not None:
            _write(by_country, out)
    certificate = result.equilibrium.certificate
    if as_json:
        content = {
            "coefficients": _plain(found.table()),
            "countries": _plain(by_country),
            "completed_pairs": int(result.structure.completed.sum()),
            "reference": result.structure.reading.reference,
            "largest_residual": certificate.largest,
        }
        typer.echo(json.dumps(content))
        return
    _print(found.table(), f"{grouped(found.observations)} observations")
    _print(
        by_country,
        f"Changes in percent; prices in units of {result.structure.reading.reference}'s consumer price; {chosen}, ε = "
        f"{elasticity:g}; largest residual {certificate.largest:.0e}",
        "%",
    )
    completed = int(result.structure.completed.sum())
    if completed:
        typer.echo(f"Costs of {completed} pairs that never trade were predicted by the second stage.")


def _estimated(
    table: Path,
    formula: str,
    estimator: str,
    cluster: list[str] | None,
    years: str | None,
    domestic: bool,
    zeros: bool,
    sector: str | None,
    gaps: str,
    tariff_unit: str,
    column: list[str] | None,
    rates: Path | None,
    as_json: bool,
) -> tuple[GravityEstimate, GravityPanel]:
    from firmtrade_core.gravity.estimate import estimate as estimated
    from firmtrade_core.gravity.formula import read_formula, read_years
    from firmtrade_core.gravity.geography import with_geography
    from firmtrade_core.gravity.panel import GravityPanel
    from firmtrade_core.world.columns import renamed_columns, unused_columns
    from firmtrade_core.world.money import BY_COLUMN, in_million_dollars, own_rates
    from firmtrade_core.world.tables import read_table

    with refusing(as_json):
        if gaps not in ("leave", "zero", "refuse"):
            raise ValueError(f"--gaps is {gaps!r}; choose leave, zero or refuse.")
        flow, equation = read_formula(
            formula,
            estimator=estimator,
            clusters=tuple(cluster or ("pair",)),
            domestic=domestic,
            zeros=zeros,
            years=read_years(years) if years else None,
        )
        read = renamed_columns(read_table(table), dict(pair(text) for text in column or ()), table.name)
        said = ""
        if "currency" in read and flow in read:
            own = own_rates(read_table(rates), rates.name) if rates is not None else None
            read, said = in_million_dollars(read, flow, currency=BY_COLUMN, rates=own)
            read = read.drop(columns="currency")
        explained = formula.partition("~")[2].partition("|")[0]
        panel = GravityPanel.from_table(
            read,
            flow=flow,
            gaps=gaps,  # type: ignore[arg-type]
            tariff="tariff" if "tariff" in read and "tariff" in explained else None,
            tariff_unit=tariff_units(tariff_unit),
        )
        if set(_FROM_THE_MAP.findall(explained)) - set(read.columns):
            panel = with_geography(panel, unknown="leave")
        words = {
            *re.findall(r"\w+", formula),
            *(cluster or ()),
            "exporter",
            "importer",
            "sector",
            "year",
            flow,
        }
        if told := [note for note in (said, unused_columns(read.columns, words)) if note]:
            panel = replace(panel, notes=(*panel.notes, *told))
        panel = panel.only(sectors=[sector]) if sector else panel
        return estimated(panel, equation), panel


def _write(table: pd.DataFrame, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as part:
        table.to_csv(part, index=False)


def _plain(table: pd.DataFrame) -> Any:
    return json.loads(table.to_json(orient="records"))


def tariff_units(text: str) -> TariffUnit:
    """How tariffs are written, as a person says.

    Raises
    ------
    ValueError
        If it is none of the ways there are.
    """
    units: dict[str, TariffUnit] = {"check": "check", "fraction": "fraction", "percent": "percent"}
    if text not in units:
        raise ValueError(f"--tariff-unit is {text!r}; choose {', '.join(units)}.")
    return units[text]


def refusing(as_json: bool) -> AbstractContextManager[None]:
    """Ends a verb on equations in words, with what its options are called (`ends.refusals`)."""

    def advised(message: str) -> str:
        if "lacks column" in message or "lacks a column" in message:
            message += " Name it: --column exporter=NAME."
        return for_the_command_line(message)

    return refusals(as_json, {ValueError: WRONG_INPUT}, advised)


#: Columns that say by their name what they are counted in: standard errors from zero, a probability.
_NAMED = {"std_error": "s.e.", "statistic": "z", "p_value": "p"}


def _print(table: pd.DataFrame, title: str, unit: str = "log points per unit") -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table as Shown

    shown = Shown(title=title, title_justify="left", box=SIMPLE_HEAD)
    for column in table.columns:
        shown.add_column(
            _NAMED.get(column, column.replace("_", " ")),
            justify="left" if table[column].dtype == object else "right",
            no_wrap=True,
        )
    if unit:
        shown.add_column("unit")
    for row in table.itertuples(index=False):
        cells = [f"{v:.4f}" if isinstance(v, float) else str(v) for v in row]
        shown.add_row(*cells, *([unit] if unit else []))
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = 160
    console.print(shown)
