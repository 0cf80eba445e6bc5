"""The verb ``harmonise``: a folder of messy files in; a panel, a log and a scorecard out."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from firmtrade_core.cli.ends import progress_bar
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
)
from firmtrade_core.cli.words import for_the_command_line
from firmtrade_core.labels import grouped

if TYPE_CHECKING:
    from firmtrade_core.harmonise.pipeline import Outcome, Settings

#: Steps of a run that was interrupted lie here, inside the output.
STEPS = ".steps"


def harmonise(
    folder: Annotated[
        Path, typer.Argument(help="Customs files, firm tables, concordances, rates; or one file.")
    ],
    output: OutputFolder,
    home: Annotated[
        str | None, typer.Option(help="ISO code of the country, to compare with the world.")
    ] = None,
    world: Annotated[Path | None, typer.Option(help="World file; the embedded world unless given.")] = None,
    concordances: Concordances = None,
    edition: Annotated[str, typer.Option(help="HS0 to HS6, ISIC3, families, or none to keep codes.")] = "HS6",
    weights: Annotated[str, typer.Option(help="Of codes that became several: equal or observed.")] = "equal",
    first_month: Annotated[int, typer.Option(help="Month in which years of trade begin.")] = 1,
    fiscal_month: Annotated[int, typer.Option(help="Month in which years of firm tables begin.")] = 1,
    shift: Annotated[list[str] | None, typer.Option(help="Days to shipment: export=3.")] = None,
    column: FieldColumns = None,
    constant: Constants = None,
    partners: Partners = None,
    rates: Rates = None,
    correct: Corrections = None,
    act_on: Annotated[
        list[str] | None, typer.Option(help="Suspicions to set aside; 'none' for no rule.")
    ] = None,
    draws: Annotated[int, typer.Option(help="Completed firm tables; 0 leaves gaps.")] = 0,
    empty_outliers: Annotated[bool, typer.Option(help="Empty outlying cells of firm tables.")] = False,
    accept: Annotated[float, typer.Option(help="Probability from which names are linked.")] = 0.95,
    decisions: Annotated[Path | None, typer.Option(help="Reviewed pairs: left, right, same.")] = None,
    review: Annotated[
        Path | None, typer.Option(help="Write pairs in doubt, with names, to this CSV.")
    ] = None,
    table_year: Annotated[int | None, typer.Option(help="Year of firm tables without one.")] = None,
    salt: Salt = None,
    as_json: AsJson = False,
) -> None:
    """Harmonise messy records into a firm panel with a log and a scorecard. Interrupted, it goes on when run again."""
    from firmtrade_core.codes.products import ConcordanceError
    from firmtrade_core.harmonise.annual import Weights
    from firmtrade_core.harmonise.errors import HarmoniseError
    from firmtrade_core.harmonise.pipeline import Settings
    from firmtrade_core.harmonise.suspicions import DEFAULT_RULES
    from firmtrade_core.world.errors import WorldError

    try:
        if weights not in ("equal", "observed"):
            raise HarmoniseError(f"Weights are equal or observed, not {weights}.")
        chosen: Weights = "equal" if weights == "equal" else "observed"
        settings = Settings(
            home=_home(home),
            world=world,
            edition=None if edition.casefold() == "none" else edition,
            weights=chosen,
            first_month=first_month,
            shift_days={flow: _days(text) for flow, text in _pairs(shift).items()},
            fiscal_month=fiscal_month,
            constants=_pairs(constant),
            columns=_pairs(column),
            corrections=_corrections(correct),
            partners=_partners(partners),
            rates=_there(rates),
            act_on=tuple(sorted(DEFAULT_RULES))
            if act_on is None
            else tuple(r for r in act_on if r != "none"),
            outliers_missing=empty_outliers,
            draws=draws,
            accept=accept,
            review=min(0.3, accept),
            decisions=decisions,
            table_year=table_year,
        )
        outcome = _run(_files(folder, concordances), output, salt, settings, review, quiet=as_json)
    except (HarmoniseError, ConcordanceError, WorldError) as error:
        message = _advised(str(error))
        if as_json:
            typer.echo(json.dumps({"error": type(error).__name__, "message": message}))
        else:
            typer.echo(message, err=True)
        raise typer.Exit(2) from error
    except KeyboardInterrupt:
        typer.echo("Interrupted; run the same command again to go on.", err=True)
        raise typer.Exit(130) from None
    _print(outcome, as_json)
    # Records none of which can be used are no panel.
    raise typer.Exit(0 if any(source["kept"] for source in outcome.sources) else 1)


def _advised(message: str) -> str:
    """A message with the options of this door that do what it asks for."""
    if "say which column" in message:
        message += " Here: --column FIELD=COLUMN (such as --column product=cmdCode) or --constant FIELD=TEXT (flow=export)."
    if "list of country codes" in message or "(code, country)" in message:
        named = re.search(r" list \((\w+)\)", message)
        message += f" Here: --partners {named[1] if named else 'brazil'}, or --partners TABLE.csv."
    if "table of rates" in message:
        message += " Here: --rates TABLE.csv."
    if "year of all rows" in message:
        message += " The year of firm tables: --table-year 2019."
    if "name a folder of UNSD or WITS" in message:
        message += " Here: --concordances FOLDER, or --edition none."
    return for_the_command_line(message)


def _run(
    files: list[Path],
    output: Path,
    salt: Path | None,
    settings: Settings,
    review: Path | None,
    *,
    quiet: bool,
) -> Outcome:
    import shutil

    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn

    from firmtrade_core.harmonise.pipeline import harmonise as run
    from firmtrade_core.harmonise.salt import own_salt
    from firmtrade_core.jobs import Checkpoints
    from firmtrade_core.paths import whole_file

    private = output / STEPS
    columns = (
        BarColumn(),
        TextColumn("{task.percentage:3.0f} %"),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
    )
    with progress_bar(quiet, "Looking at the files", columns, transient=True) as move:
        outcome = run(
            files, output, own_salt(salt), settings,
            progress=lambda done, words: move(completed=done, description=words),
            checkpoints=Checkpoints(private / "checkpoints"),
        )  # fmt: skip
    if review is not None and outcome.review is not None:
        import pandas as pd

        with whole_file(review) as part:
            pd.read_parquet(outcome.review).to_csv(part, index=False)
    shutil.rmtree(private, ignore_errors=True)
    return outcome


def _files(folder: Path, concordances: Path | None) -> list[Path]:
    from firmtrade_core.harmonise.errors import HarmoniseError

    if not folder.exists():
        raise HarmoniseError(f"{folder} does not exist.")
    found = (
        [folder] if folder.is_file() else [p for p in folder.iterdir() if p.is_file() and p.name[0] != "."]
    )
    if concordances is not None:
        if not concordances.is_dir():
            raise HarmoniseError(f"{concordances} is no folder of concordances.")
        found += [p for p in concordances.iterdir() if p.suffix.lower() in (".csv", ".tsv", ".txt", ".xlsx")]
    if not found:
        raise HarmoniseError(f"{folder} is empty.")
    return found


def _pairs(texts: list[str] | None) -> dict[str, str]:
    from firmtrade_core.harmonise.errors import HarmoniseError

    if wrong := [text for text in texts or () if "=" not in text]:
        raise HarmoniseError(f"{wrong[0]!r} lacks its '='.")
    return dict(text.split("=", 1) for text in texts or ())


def _partners(text: str | None) -> str | Path | None:
    """A list by its name, or a table."""
    return Path(text) if text and Path(text).is_file() else text


def _home(text: str | None) -> str | None:
    """Code of the reporting country, by code or name."""
    from firmtrade_core.codes.places import PRESENT, explain_unknown, read_place
    from firmtrade_core.harmonise.errors import HarmoniseError

    if text is None:
        return None
    place = read_place(text)
    if place.kind not in PRESENT:
        raise HarmoniseError(f"--home: {explain_unknown(text)}")
    return place.code


def _there(path: Path | None) -> Path | None:
    from firmtrade_core.harmonise.errors import HarmoniseError

    if path is not None and not path.is_file():
        raise HarmoniseError(f"{path} does not exist.")
    return path


def _days(text: str) -> int:
    from firmtrade_core.harmonise.errors import HarmoniseError

    try:
        return int(text)
    except ValueError:
        raise HarmoniseError(f"{text!r} is no number of days.") from None


def _corrections(texts: list[str] | None) -> dict[str, dict[str, str]]:
    from firmtrade_core.harmonise.errors import HarmoniseError

    corrections: dict[str, dict[str, str]] = {}
    for key, meaning in _pairs(texts).items():
        field, colon, written = key.partition(":")
        if not colon:
            raise HarmoniseError(f"{key}={meaning} lacks its field, as in country:{key}={meaning}.")
        corrections.setdefault(field, {})[written] = meaning
    return corrections


def _print(outcome: Outcome, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(outcome.to_json(), ensure_ascii=False, default=str))
        return
    from firmtrade_core.labels import level

    for source in outcome.sources:
        typer.echo(
            f"{source['file']}: {grouped(source['kept'])} of {grouped(source['rows'])} rows kept ({source['kind']})"
        )
    typer.echo("\nQuality             index, 0 to 1  evidence")
    for item in outcome.scorecard:
        value = "not told" if item["value"] is None else f"{item['value']:.3f}"
        typer.echo(f"  {item['dimension']:13} {value:>8}  {'; '.join(item['evidence'][:2])}")
    typer.echo("\nWhat was found")
    for finding in outcome.findings:
        typer.echo(f"  {level(finding['rows'], 'rows'):>16}  {finding['title']}: {finding['action']}")
    typer.echo("\nSteps")
    for step in outcome.steps:
        typer.echo(f"  {step['step']}: {grouped(step['before'])} to {grouped(step['after'])} {step['unit']}")
    if outcome.linkage:
        typer.echo(
            f"\n{grouped(outcome.linkage['linked'])} firms linked by name, {grouped(outcome.linkage['to_review'])} pairs to review"
        )
    for note in outcome.notes:
        # What a file says above its heads is no advice.
        typer.echo(f"  note: {note if 'above the heads skipped' in note else _advised(note)}")
    typer.echo(f"\nPanel, log and scorecard are in {outcome.folder}")
