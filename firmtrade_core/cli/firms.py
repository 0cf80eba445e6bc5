"""``firms``: estimate capability from a firm panel, and explain it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast, get_args

import typer

from firmtrade_core.cli.ends import FAILED, refusals, stop
from firmtrade_core.cli.firm_facts import moments, told
from firmtrade_core.cli.firm_results import cut_off, diversify, imports, over_time, reach
from firmtrade_core.cli.options import AsJson, Seed
from firmtrade_core.labels import grouped
from firmtrade_core.paths import whole_file

if TYPE_CHECKING:
    import pandas as pd

    from firmtrade_core.capability import CapabilityResults
    from firmtrade_core.capability.learners import Kind
    from firmtrade_core.capability.years import YearTreatments

app = typer.Typer(
    help="What makes firms export: capability estimated from a firm panel.", no_args_is_help=True
)

app.command()(imports)
app.command()(reach)
app.command()(cut_off)
app.command()(diversify)
app.command()(over_time)
app.command()(moments)
app.command()(told)

Folder = Annotated[
    Path | None,
    typer.Argument(
        metavar="[PANEL]",
        help="Folder of a firm panel, or a file of Chile's survey (ENIA); the reference design unless given.",
    ),
]
Flow = Annotated[str, typer.Option(help="export or import.")]
Learned = Annotated[str, typer.Option("--learner", help="boosting, splines, elastic_net or random_forest.")]
TwoIndices = Annotated[
    bool, typer.Option("--two-indices/--one-index", help="Let attributes move fixed costs too (g).")
]
Draws = Annotated[int, typer.Option(min=0, help="Bootstrap draws.")]
Redrawn = Annotated[
    str,
    typer.Option("--bootstrap", help="model (every firm's shocks drawn anew) or firms (with replacement)."),
]
Sector = Annotated[str | None, typer.Option(help="Firms of one sector, with a function of their own.")]
YearBefore = Annotated[
    bool, typer.Option("--year-before", help="Size and productivity of the year before explain too.")
]
Attributes = Annotated[
    str | None,
    typer.Option(
        help="Columns that explain, by commas, such as employment,materials,capital; the panel's attributes unless given."
    ),
]
Sectors = Annotated[
    str | None,
    typer.Option(
        help="What industry codes are: isic2, isic3, isic4 (ten broad sectors), the same with -finer (28 sectors of world trade), or a CSV file with the columns code and sector."
    ),
]
HomeSales = Annotated[
    bool,
    typer.Option(
        "--home-sales/--exports-alone",
        help="Sales at home tell capability too: the model's is the same there.",
    ),
]


@app.command()
def estimate(
    folder: Folder = None,
    flow: Flow = "export",
    learner: Learned = "boosting",
    two_indices: TwoIndices = True,
    sector: Sector = None,
    year_before: YearBefore = False,
    attributes: Attributes = None,
    sectors: Sectors = None,
    years: Annotated[
        int | None, typer.Option(min=1, help="The last so many years alone; all unless given.")
    ] = None,
    home_sales: HomeSales = False,
    draws: Draws = 20,
    bootstrap: Redrawn = "model",
    seed: Seed = 0,
    out: Annotated[
        Path | None, typer.Option(help="Write firms and their capability to this Parquet file.")
    ] = None,
    compare: Annotated[
        bool,
        typer.Option("--compare", help="Add pure econometrics and pure machine learning on unseen firms."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Estimate and print the table; exits 2 on data that cannot carry the estimate."""
    results = _estimated(
        folder,
        flow,
        learner,
        two_indices,
        seed,
        as_json,
        sector=sector,
        year_before=year_before,
        draws=draws,
        kind=bootstrap,
        attributes=attributes,
        sectors=sectors,
        years=years,
        home_sales=home_sales,
    )
    treatments = _treatments(results, as_json)
    rivals = _compared(results, as_json) if compare else None
    if out is not None:
        with whole_file(out) as part:
            results.firms.to_parquet(part, index=False)
    if as_json:
        typer.echo(
            json.dumps(
                {
                    "parameters": json.loads(results.parameters.to_json(orient="index", force_ascii=False)),
                    "log_likelihood": results.log_likelihood,
                    "diagnostics": results.diagnostics,
                    "explained": results.explained_words,
                }
                | (
                    {}
                    if treatments is None
                    else {"years": json.loads(treatments.table.to_json(orient="index"))}
                )
                | ({} if rivals is None else {"comparison": rivals.reset_index().to_dict("records")}),
                ensure_ascii=False,
            )
        )
        return
    typer.echo(results.table())
    if treatments is not None:
        typer.echo(treatments.words)
    if rivals is not None:
        typer.echo("\nFirms that no model had seen (90 % intervals):")
        from firmtrade_core.words.capability import MEASURE_UNITS

        typer.echo(
            _columns(rivals.reset_index().assign(unit=lambda t: t["measure"].map(MEASURE_UNITS)), "unit")
        )


@app.command()
def stored() -> None:
    """Estimate anew, and store, what the pages Firms and Channels open with: synthetic firms, the usual questions."""
    from firmtrade_core.report import stored_estimates

    for kind in stored_estimates.EDITIONS:
        typer.echo(f"{kind}: {grouped(stored_estimates.FIRMS[kind])} synthetic firms ...")
        path = stored_estimates.estimate(kind)
        typer.echo(f"written to {path} ({grouped(path.stat().st_size)} bytes)")


@app.command()
def explain(
    folder: Folder = None,
    flow: Flow = "export",
    two_indices: TwoIndices = True,
    index: Annotated[str, typer.Option(help="m (capability) or g (fixed costs).")] = "m",
    attributes: Attributes = None,
    group: Annotated[
        list[str] | None,
        typer.Option(
            help="An attribute's group, as in log_materials=productivity; by its name unless given."
        ),
    ] = None,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Shapley values of m or g by attribute, and where the variance of exports comes from: prediction, not effect."""
    from firmtrade_core.capability import CapabilityError
    from firmtrade_core.capability.explanation import explain as explanation
    from firmtrade_core.capability.explanation import variance_shares

    wrong = [given for given in group or () if "=" not in given]
    if wrong:
        stop(f"{wrong[0]} names no group: write attribute=group.", 2, as_json)
    groups = dict(given.split("=", 1) for given in group or ())
    results = _estimated(
        folder, flow, "boosting", two_indices or index == "g", seed, as_json, attributes=attributes
    )
    with refusals(as_json, {CapabilityError: FAILED}):
        found = explanation(results, "g" if index == "g" else "m")
        shares = variance_shares(results, groups)
    if as_json:
        content: dict[str, Any] = {
            "importance": found.importance.to_dict(),
            "residual": found.residual,
            "shares": shares["share"].to_dict(),
        }
        typer.echo(json.dumps(content, ensure_ascii=False))
        return
    typer.echo(
        f"Mean absolute Shapley value of {index} by attribute (what predicts, not what a policy moves):"
    )
    typer.echo(_columns(found.importance.rename("Importance, log points").to_frame()))
    typer.echo(
        f"largest gap in additivity {found.residual:.1e}\n\nVariance of log potential exports of all firms, by source:"
    )
    typer.echo(_columns(shares.dropna(axis=1).rename(columns=lambda name: f"{name}, share of 1")))


@app.command()
def home(
    folder: Annotated[
        Path | None,
        typer.Argument(
            metavar="[PANEL]",
            help="Folder of a firm panel, or a file of Chile's survey (ENIA); the synthetic home country unless given.",
        ),
    ] = None,
    effects: Annotated[
        Path | None,
        typer.Option(
            help="Table of effects, as `channels --write-table` writes it; estimated anew unless given."
        ),
    ] = None,
    out: Annotated[Path, typer.Option(help="Write the firms to this Parquet file.")] = Path("home.parquet"),
    no_effects: Annotated[
        bool, typer.Option("--no-effects", help="Leave effects out: programmes then have none to move.")
    ] = False,
    attributes: Attributes = None,
    year_before: YearBefore = False,
    sectors: Sectors = None,
    home_sales: HomeSales = True,
    year: Annotated[int | None, typer.Option(help="Baseline year; the last unless given.")] = None,
    firms: Annotated[int, typer.Option(min=200, help="How many synthetic firms.")] = 20_000,
    learner: Learned = "boosting",
    population: Annotated[
        Path | None,
        typer.Option(
            help="Firms of the country: a table with columns sector, size (1-9, 10-49, 50-249, 250+ or any) and firms; the "
            "panel's own weights unless given."
        ),
    ] = None,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """From a panel to firms in the world: capability (two indices), presence, effects, in one file for `--home`.

    Exits 2 on data that cannot carry it.
    """
    from rich.console import Console

    from firmtrade_core.home.making import HomeRequest, make_home

    request = HomeRequest(
        folder, effects, year, firms, _learner(learner, as_json), seed, population, _listed(attributes), sectors,
        year_before, home_sales, not no_effects,
    )  # fmt: skip
    waiting = Console(stderr=True, quiet=as_json).status("Reading the panel ...", spinner="line")
    with waiting as status, refusals(as_json):
        made = make_home(request, progress=lambda _, said: status.update(f"{said} ..."))
        made.save(out)

    if as_json:
        typer.echo(json.dumps(made.summary() | {"file": str(out)}, ensure_ascii=False))
        return
    typer.echo(f"{out}: {grouped(len(made))} firms of {made.country} ({made.source})")
    for name, effect in made.effects.items():
        typer.echo(
            f"{name:22}{effect.unit:>24}  capability {effect.capability:+.3f} (s.e. {effect.capability_error:.3f}) log points, "
            f"fixed costs saved {effect.fixed_cost_saving:+.3f} (s.e. {effect.fixed_cost_error:.3f}) log points, {effect.grade}"
        )


def _columns(table: pd.DataFrame, unit: str = "") -> str:
    """A table in lines: heads that carry their unit, or a column that names each row's."""
    if unit:
        table = table.rename(columns={unit: "Unit, as its row says"})
    return str(table.round(3).to_string(index=not unit))


def _learner(name: str, as_json: bool) -> Kind:
    from firmtrade_core.capability.learners import Kind

    if name not in get_args(Kind):
        stop(f"Learner {name} is unknown; choose among {', '.join(get_args(Kind))}.", 2, as_json)
    return cast(Kind, name)


def _estimated(
    folder: Path | None,
    flow: str,
    learner: str,
    two_indices: bool,
    seed: int,
    as_json: bool,
    *,
    sector: str | None = None,
    year_before: bool = False,
    draws: int = 0,
    kind: str = "model",
    attributes: str | None = None,
    sectors: str | None = None,
    years: int | None = None,
    home_sales: bool = False,
) -> CapabilityResults:
    from rich.console import Console

    from firmtrade_core.capability import CapabilityData, Learner, Settings, estimate
    from firmtrade_core.capability.bootstrap import Kind as Redrawing
    from firmtrade_core.capability.learners import Kind
    from firmtrade_core.capability.sources import from_panel
    from firmtrade_core.panel.attributes import with_earlier_outcomes
    from firmtrade_core.panel.sectors import sector_table, with_sectors
    from firmtrade_core.panel.source import panel_of
    from firmtrade_core.panel.synthetic.design import ReferenceDesign, draw_reference

    if learner not in get_args(Kind) or flow not in ("export", "import") or kind not in get_args(Redrawing):
        stop(f"Learner {learner}, flow {flow} or bootstrap {kind} is unknown; see --help.", 2, as_json)
    waiting = Console(stderr=True).status("Reading the panel ...", spinner="line")
    with waiting as status, refusals(as_json):
        if folder is None:
            observed = draw_reference(ReferenceDesign(firms=2000, markets=15)).observed
            data = CapabilityData.from_arrays(
                observed.log_sales, observed.attributes, markets=observed.markets
            )
        else:
            panel = panel_of(folder)
            if sectors is not None:
                panel.need("sector")
                panel = with_sectors(panel, sector_table(sectors, panel.firms["sector"]))
            data = from_panel(
                with_earlier_outcomes(panel) if year_before else panel,
                flow="import" if flow == "import" else "export",
                attributes=_listed(attributes),
                years=None if years is None else panel.years[-years:],
                sectors="markets" if "trade" in panel.tables else "shared",
                within=None if sector is None else (sector,),
                home_sales=home_sales,
            )
        settings = Settings(learner=Learner(kind=cast(Kind, learner)), two_indices=two_indices, seed=seed)
        results = estimate(data, settings, progress=lambda said, _: status.update(f"{said} ..."))
        return results.with_bootstrap(
            draws,
            kind=cast(Redrawing, kind),
            seed=seed,
            progress=lambda said, _: status.update(f"{said} ..."),
        )


def _listed(names: str | None) -> tuple[str, ...] | None:
    return None if names is None else tuple(name.strip() for name in names.split(",") if name.strip())


def _treatments(results: CapabilityResults, as_json: bool) -> YearTreatments | None:
    """Under each treatment of years, where one market's years are what tells capability from luck."""
    from rich.console import Console

    from firmtrade_core.capability.years import treatments_of_years

    if len(results.data.markets) > 1:
        return None
    with Console(stderr=True, quiet=as_json).status("Years ...", spinner="line") as status:
        return treatments_of_years(
            results.data,
            results.settings,
            known=results,
            progress=lambda said, _: status.update(f"{said} ..."),
        )


def _compared(results: CapabilityResults, as_json: bool) -> pd.DataFrame:
    """Held-out measures of the three models on the same folds."""
    from firmtrade_core.capability.comparison import compare

    with refusals(as_json):
        return compare(results.data, settings=results.settings, seed=results.settings.seed).table
