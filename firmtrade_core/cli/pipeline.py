"""The verb ``pipeline``: raw files in, a briefing out; stopped and started again, it goes on where it was."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast, get_args

import typer

from firmtrade_core.cli.ends import (
    FAILED,
    WRONG_INPUT,
    finite,
    read_scenario,
    read_world,
    refusals,
    share_bar,
)
from firmtrade_core.cli.options import (
    AsJson,
    Concordances,
    Constants,
    Corrections,
    FieldColumns,
    OutputFolder,
    Partners,
    Rates,
    Salt,
    ScenarioFile,
    Seed,
    WorldFile,
)

if TYPE_CHECKING:
    from firmtrade_core.report.pipeline import PipelineResult, Plan
    from firmtrade_core.scenarios import Scenario


def pipeline(
    folder: Annotated[Path, typer.Argument(help="Raw files: customs, firm tables, concordances, rates.")],
    output: OutputFolder,
    home: Annotated[str, typer.Option(help="ISO code of the firms' country.")],
    scenario_file: ScenarioFile = None,
    preset: Annotated[str, typer.Option(help="A scenario the product ships, by name.")] = "us_ten_points",
    world_file: WorldFile = None,
    salt: Salt = None,
    table_year: Annotated[
        int | None, typer.Option(help="Year of firm tables without one, such as a register.")
    ] = None,
    edition: Annotated[str, typer.Option(help="HS0 to HS6, families, or none to keep codes.")] = "HS6",
    column: FieldColumns = None,
    constant: Constants = None,
    partners: Partners = None,
    rates: Rates = None,
    correct: Corrections = None,
    concordances: Concordances = None,
    learner: Annotated[
        str, typer.Option(help="Of capability: boosting, splines, elastic_net, random_forest.")
    ] = "boosting",
    attribute: Annotated[
        list[str] | None,
        typer.Option(
            help="Attribute whose effect is sought; all that programmes move unless given; 'none' for none."
        ),
    ] = None,
    repetitions: Annotated[int, typer.Option(min=1, max=50, help="Divisions into folds for effects.")] = 3,
    effect_learner: Annotated[
        list[str] | None, typer.Option(help="For effects, of linear, splines, boosting, forest.")
    ] = None,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Raw files to a briefing: harmonise, panel, capability, channels, home firms, scenario, page.

    Run it again after stopping it: finished stages are reused. Exits 1 where a stage cannot be carried out, 2 on wrong
    input, 130 when interrupted.
    """
    from firmtrade_core.capability import CapabilityError
    from firmtrade_core.cli.harmonise import _advised, _corrections, _pairs, _partners, _there
    from firmtrade_core.equilibrium.errors import EquilibriumError
    from firmtrade_core.harmonise.pipeline import Settings
    from firmtrade_core.margins import FirmsError, TailError
    from firmtrade_core.panel import PanelError
    from firmtrade_core.report.pipeline import PipelineError, run_pipeline

    failed = (PipelineError, CapabilityError, FirmsError, TailError, PanelError, EquilibriumError)
    codes: dict[type[Exception], int] = {**dict.fromkeys(failed, FAILED), ValueError: WRONG_INPUT}
    with refusals(as_json, codes, _advised, "Interrupted; run the same command again to go on."):
        settings = Settings(
            home=_code(home),
            world=world_file,
            edition=None if edition.casefold() == "none" else edition,
            table_year=table_year,
            columns=_pairs(column),
            constants=_pairs(constant),
            partners=_partners(partners),
            rates=_there(rates),
            corrections=_corrections(correct),
        )
        plan = _plan(
            folder, settings, read_scenario(scenario_file, None if scenario_file else preset), world_file, salt, learner, attribute, repetitions,
            effect_learner, seed, concordances,
        )  # fmt: skip
        with share_bar(as_json) as bar:
            made = run_pipeline(plan, output, progress=bar)
    typer.echo(
        json.dumps(finite(made.to_json()), ensure_ascii=False, default=str) if as_json else _page(made)
    )


def _code(home: str) -> str:
    """Code of the firms' country, by code or name; what is no country is refused where the world is looked up."""
    from firmtrade_core.codes.places import PRESENT, read_place

    place = read_place(home)
    return str(place.code) if place.kind in PRESENT else home.upper()


def _plan(
    folder: Path,
    settings: object,
    scenario: Scenario,
    world_file: Path | None,
    salt: Path | None,
    learner: str,
    attributes: list[str] | None,
    repetitions: int,
    effect_learners: list[str] | None,
    seed: int,
    concordances: Path | None = None,
) -> Plan:
    from firmtrade_core.capability.learners import Kind
    from firmtrade_core.channels import Settings as ChannelSettings
    from firmtrade_core.cli.harmonise import _files
    from firmtrade_core.harmonise.pipeline import Settings
    from firmtrade_core.harmonise.salt import own_salt
    from firmtrade_core.report.pipeline import Plan, is_invented

    if learner not in get_args(Kind):
        raise ValueError(f"Learner {learner} is unknown; choose among {', '.join(get_args(Kind))}.")
    files = tuple(_files(folder, concordances))
    world = read_world(world_file)
    assert isinstance(settings, Settings)
    if settings.home not in world.countries:
        raise ValueError(f"{world.name} has no country {settings.home}; give its code, as in --home CHL.")
    return Plan(
        files,
        world,
        scenario,
        own_salt(salt),
        settings,
        cast(Kind, learner),
        seed,
        None if attributes is None else tuple(name for name in attributes if name != "none"),
        ChannelSettings(
            repetitions=repetitions, learners=tuple(effect_learners or ChannelSettings().learners), seed=seed
        ),
        is_invented(files),
    )


def _page(made: PipelineResult) -> str:
    from firmtrade_core.labels import change, level

    lines = [made.findings.sentence, ""]
    lines += [
        f"  {item.label:28}{change(item.value, item.unit):>16}   {item.detail}"
        for item in made.findings.headlines
    ]
    for name, (before, after) in made.findings.exporting.items():
        unit = "firm-market pairs" if "pairs" in name.lower() else "firms"
        lines.append(f"  {name:28}{level(before, unit):>16} to {level(after, unit)}")
    lines += ["", "Stages"]
    lines += [
        f"  {stage.name:12}{'done before' if stage.reused else f'{stage.seconds:.1f} s':>14}"
        for stage in made.stages
    ]
    lines += [f"  note: {note}" for note in made.notes]
    return "\n".join([*lines, "", f"The briefing is {made.briefing}"])
