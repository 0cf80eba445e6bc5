"""``robustness``: a headline under every choice that could have been made otherwise, each run again from its start."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from firmtrade_core.cli.ends import FAILED, read_scenario, read_world, records, refusals, share_bar
from firmtrade_core.cli.options import AsJson, Preset, ScenarioArgument, WorldFile
from firmtrade_core.paths import whole_file

if TYPE_CHECKING:
    from firmtrade_core.analysis.robustness import Robustness, Start


def robustness(
    scenario_file: ScenarioArgument = None,
    preset: Preset = None,
    country: Annotated[str, typer.Option(help="Whose headline, by code.")] = "USA",
    outcome: Annotated[
        str,
        typer.Option(
            help="real_income (the default), exports, imports, prices, wages, duties_bn, equivalent_variation ..."
        ),
    ] = "real_income",
    kind: Annotated[
        list[str] | None,
        typer.Option(
            help="Only these kinds of choices: elasticities, shrinkage, law, markups, closure, links, cells; with programmes for "
            "firms also cleaning, imputation, learners, folds, prior, measurement, process."
        ),
    ] = None,
    firms: Annotated[
        int,
        typer.Option(
            min=300, help="With programmes: invented firms that every run makes and estimates anew."
        ),
    ] = 2_000,
    panel: Annotated[
        Path | None,
        typer.Option(help="With programmes: a folder with a firm panel, instead of invented firms."),
    ] = None,
    raw: Annotated[
        Path | None, typer.Option(help="With programmes: a folder of raw files, from which every run begins.")
    ] = None,
    raw_home: Annotated[str, typer.Option(help="Country of the raw files.")] = "CHL",
    salt: Annotated[Path | None, typer.Option(help="Secret of hashed identifiers of the raw files.")] = None,
    table_year: Annotated[
        int | None, typer.Option(help="Year of firm tables that have no such column.")
    ] = None,
    world_file: WorldFile = None,
    home_file: Annotated[
        Path | None, typer.Option("--home", help="The home country's firms; as for solve unless given.")
    ] = None,
    steps: Annotated[
        Path | None, typer.Option(help="Keep finished runs in this folder, and go on from them.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Write the table to this CSV file.")] = None,
    as_json: AsJson = False,
) -> None:
    """A headline under alternative choices; exits 1 if the scenario has no answer, 2 on wrong input, 130 when interrupted."""
    from firmtrade_core.analysis import robustness as study
    from firmtrade_core.cli.solve import _home_in_use
    from firmtrade_core.equilibrium.errors import EquilibriumError
    from firmtrade_core.jobs import Checkpoints
    from firmtrade_core.jobs.spread import ClusterError, close
    from firmtrade_core.report.export import about_world, to_csv
    from firmtrade_core.report.page_tables import robustness_table

    again = "" if steps is None else " Run the same command again to go on."
    codes = {EquilibriumError: FAILED, ClusterError: FAILED}
    with refusals(as_json, codes, interrupted=f"Interrupted.{again}"):
        try:
            scenario, world = read_scenario(scenario_file, preset), read_world(world_file)
            home = _home_in_use(scenario, world, home_file)
            with share_bar(as_json) as bar:
                found = study.robustness(
                    scenario,
                    world,
                    home,
                    country=country.upper(),
                    outcome=outcome,
                    start=_start(
                        firms, panel, raw, raw_home, salt, table_year, "" if home is None else home.country
                    ),
                    kinds=tuple(kind or ()),
                    progress=bar,
                    checkpoints=None if steps is None else Checkpoints(steps),
                )
            if out is not None:
                with whole_file(out) as part:
                    part.write_bytes(to_csv(robustness_table(found), about_world(world)))
        finally:
            close()
    typer.echo(json.dumps(_plain(found), ensure_ascii=False, allow_nan=False) if as_json else _text(found))


def _start(
    firms: int,
    panel: Path | None,
    raw: Path | None,
    raw_home: str,
    salt: Path | None,
    table_year: int | None,
    home: str,
) -> Start:
    from firmtrade_core.analysis.robustness import RawFiles
    from firmtrade_core.panel.synthetic.structure import SyntheticDesign

    if panel is not None:
        return panel
    if raw is None:
        return SyntheticDesign(firms=firms, years=3, home=home or "CHL")
    from firmtrade_core.cli.harmonise import _files
    from firmtrade_core.harmonise.pipeline import Settings
    from firmtrade_core.harmonise.salt import own_salt
    from firmtrade_core.report.pipeline import is_invented

    files = tuple(_files(raw, None))
    return RawFiles(files, own_salt(salt), Settings(home=raw_home, table_year=table_year), is_invented(files))


def _plain(found: Robustness) -> dict[str, object]:
    return {
        "outcome": found.outcome,
        "unit": found.unit,
        "country": found.country,
        "value": found.value,
        "against": found.against if math.isfinite(found.against) else None,
        "same_sign": found.same_sign if math.isfinite(found.same_sign) else None,
        "range": list(found.range),
        "sentence": found.sentence,
        "rows": records(found.table()),
        "notes": list(found.notes),
        "seconds": found.seconds,
    }


def _text(found: Robustness) -> str:
    from firmtrade_core.analysis.robustness import KINDS
    from firmtrade_core.labels import change

    lines = [f"{found.country}, {found.outcome.replace('_', ' ')}: {found.sentence}", ""]
    last = ""
    for row in found.rows:
        if row.kind != last:
            lines.append(f"{KINDS[row.kind][0]} (run again from {KINDS[row.kind][1]})")
            last = row.kind
        told = f"no answer: {row.problem}" if row.problem else change(row.value, found.unit)
        lines.append(f"  {row.label[:72]:74}{told}")
    for kind, why in found.untouched.items():
        lines.append(f"{KINDS[kind][0]}: not run. {why}")
    lines += ["", *found.notes, f"{found.seconds:.1f} seconds of processor"]
    return "\n".join(lines)
