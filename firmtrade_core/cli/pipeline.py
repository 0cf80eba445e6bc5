"""The verb ``pipeline``: raw files in, a briefing out; stopped and started again, it goes on where it was."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn, cast, get_args

import typer

from firmtrade_core.cli.channels import WRONG_INPUT, _Bar, _finite

if TYPE_CHECKING:
    from firmtrade_core.report.pipeline import PipelineResult, Plan
    from firmtrade_core.scenarios import Scenario

FAILED, INTERRUPTED = 1, 130


def pipeline(
    folder: Annotated[Path, typer.Argument(help="Raw files: customs, firm tables, concordances, rates.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder to write.")],
    home: Annotated[str, typer.Option(help="ISO code of the firms' country.")],
    scenario_file: Annotated[Path | None, typer.Option("--scenario", help="A scenario as YAML.")] = None,
    preset: Annotated[str, typer.Option(help="A scenario the product ships, by name.")] = "us_ten_points",
    world_file: Annotated[
        Path | None, typer.Option("--world", help="A world file; the embedded world unless given.")
    ] = None,
    salt: Annotated[
        Path | None, typer.Option(help="Secret of the hashed identifiers; made if missing.")
    ] = None,
    table_year: Annotated[
        int | None, typer.Option(help="Year of firm tables without one, such as a register.")
    ] = None,
    edition: Annotated[str, typer.Option(help="HS0 to HS6, families, or none to keep codes.")] = "HS6",
    column: Annotated[
        list[str] | None, typer.Option(help="Which column holds what, where its name does not tell: firm=ID.")
    ] = None,
    constant: Annotated[
        list[str] | None, typer.Option(help="What holds for every line: flow=export.")
    ] = None,
    partners: Annotated[
        str | None,
        typer.Option(
            help="What codes of partners are: brazil, chile, us, eurostat, fao, imf, cow, fips, ioc, or a table (code, country); ISO's unless given."
        ),
    ] = None,
    rates: Annotated[
        Path | None, typer.Option(help="Exchange rates of your own: date, currency, usd (or per_usd).")
    ] = None,
    correct: Annotated[list[str] | None, typer.Option(help="What a text means: country:EEUU=USA.")] = None,
    concordances: Annotated[
        Path | None, typer.Option(help="Folder of UNSD or WITS concordance files.")
    ] = None,
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
    seed: Annotated[int, typer.Option()] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Raw files to a briefing: harmonise, panel, capability, channels, home firms, scenario, page.

    Run it again after stopping it: finished stages are reused. Exits 1 where a stage cannot be carried out, 2 on wrong
    input, 130 when interrupted.
    """
    from firmtrade_core.capability import CapabilityError
    from firmtrade_core.cli.harmonise import _advised, _corrections, _pairs, _partners, _there
    from firmtrade_core.codes.products import ConcordanceError
    from firmtrade_core.equilibrium.errors import EquilibriumError
    from firmtrade_core.harmonise.errors import HarmoniseError
    from firmtrade_core.harmonise.pipeline import Settings
    from firmtrade_core.margins import FirmsError, TailError
    from firmtrade_core.panel import PanelError
    from firmtrade_core.report.pipeline import PipelineError, run_pipeline
    from firmtrade_core.scenarios import ScenarioError
    from firmtrade_core.world.errors import WorldError

    try:
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
            folder, settings, _scenario(scenario_file, preset), world_file, salt, learner, attribute, repetitions,
            effect_learner, seed, concordances,
        )  # fmt: skip
        with _Bar(quiet=as_json) as bar:
            made = run_pipeline(plan, output, progress=bar)
    except (PipelineError, CapabilityError, FirmsError, TailError, PanelError, EquilibriumError) as error:
        _stop(str(error), FAILED, as_json)
    except (HarmoniseError, ConcordanceError, ScenarioError, WorldError, ValueError) as error:
        _stop(_advised(str(error)), WRONG_INPUT, as_json)
    except OSError as error:
        _stop(
            f"{error.filename or 'A file'} cannot be used: {error.strerror or error}.", WRONG_INPUT, as_json
        )
    except KeyboardInterrupt:
        _stop("Interrupted; run the same command again to go on.", INTERRUPTED, as_json)
    typer.echo(
        json.dumps(_finite(made.to_json()), ensure_ascii=False, default=str) if as_json else _page(made)
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
    from firmtrade_core.world.embedded import load_embedded_world
    from firmtrade_core.world.world import World

    if learner not in get_args(Kind):
        raise ValueError(f"Learner {learner} is unknown; choose among {', '.join(get_args(Kind))}.")
    files = tuple(_files(folder, concordances))
    world = load_embedded_world() if world_file is None else World.load(world_file)
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


def _scenario(path: Path | None, preset: str) -> Scenario:
    from firmtrade_core.scenarios import Scenario, load_preset
    from firmtrade_core.scenarios.yaml_text import LONGEST

    if path is None:
        return load_preset(preset)
    with path.open("rb") as file:
        return Scenario.from_yaml(file.read(LONGEST + 1))


def _stop(message: str, code: int, as_json: bool) -> NoReturn:
    typer.echo(json.dumps({"error": message}, ensure_ascii=False) if as_json else message, err=not as_json)
    raise typer.Exit(code)


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
