"""``channels``: causal effects of firms' attributes on capability and on fixed costs, as a table for programmes."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from firmtrade_core.cli.ends import FAILED, WRONG_INPUT, finite, refusals, share_bar
from firmtrade_core.cli.options import AsJson
from firmtrade_core.labels import grouped
from firmtrade_core.labels.units import in_percent

if TYPE_CHECKING:
    from firmtrade_core.channels.crossfit import Settings
    from firmtrade_core.channels.from_panel import ChannelReport, Question
    from firmtrade_core.panel import FirmPanel


def channels(
    panel: Annotated[
        Path | None, typer.Option(help="Folder of a firm panel in Parquet; synthetic firms unless given.")
    ] = None,
    firms: Annotated[int, typer.Option(min=200, help="How many synthetic firms.")] = 20_000,
    attribute: Annotated[
        list[str] | None,
        typer.Option(
            help='NAME, or "NAME=INSTRUMENT,INSTRUMENT;reliability=0.8;proxy=COLUMN": its instruments, the share of its '
            "variance that is no error, and a second measurement of it that errs independently, each as far as known. "
            "Repeatable; those that programmes move unless given."
        ),
    ] = None,
    leave_out: Annotated[
        list[str] | None,
        typer.Option(
            help="An attribute that is not to be a control, such as exports in disguise; repeatable."
        ),
    ] = None,
    year: Annotated[int | None, typer.Option(help="The last year unless given.")] = None,
    year_before: Annotated[
        bool, typer.Option("--year-before", help="Size and productivity of the year before are controls too.")
    ] = False,
    sigma: Annotated[
        float | None,
        typer.Option(
            min=1.01, help="Elasticity by which effects are read as trade costs; the engine's unless given."
        ),
    ] = None,
    learner: Annotated[
        list[str] | None, typer.Option(help="Of linear, splines, boosting, forest; chosen by loss.")
    ] = None,
    repetitions: Annotated[int, typer.Option(min=1, max=50, help="Divisions into folds.")] = 3,
    advantages: Annotated[
        bool,
        typer.Option(
            "--advantages",
            help="Scale, differentiation or information networks: what kind of advantage each attribute gives, in place of effects.",
        ),
    ] = False,
    shocks: Annotated[
        str | None,
        typer.Option(
            help="Instruments by each firm's own markets and products, in place of effects of attributes: demand (growth of other "
            "firms' sales there), or a file with columns country, product and shock, such as changes of tariffs. One attribute at "
            "most, through which they act."
        ),
    ] = None,
    outcome: Annotated[
        str,
        typer.Option(help="With --shocks: the column whose change from the first year to the last is told."),
    ] = "exports",
    since: Annotated[
        int | None, typer.Option(help="With --shocks: the first year; the panel's unless given.")
    ] = None,
    cluster: Annotated[
        str, typer.Option(help="With --shocks: where shocks move together, country, chapter or both.")
    ] = "country",
    write_table: Annotated[Path | None, typer.Option(help="Write the table of effects to a file.")] = None,
    as_json: AsJson = False,
) -> None:
    """Estimate what attributes do to firms, by several methods, with what speaks for and against each.

    Exits 1 if an attribute has no effect to tell, 2 on wrong input.
    """
    from firmtrade_core.channels import Settings
    from firmtrade_core.channels.work import Request, default_questions, estimate_channels
    from firmtrade_core.panel.source import panel_of
    from firmtrade_core.panel.synthetic.structure import SyntheticDesign
    from firmtrade_core.scenarios.firm_elasticity import firm_elasticity

    with refusals(as_json, {ValueError: WRONG_INPUT}):
        source = panel if panel is not None else SyntheticDesign(firms=firms)
        settings = Settings(repetitions=repetitions, learners=tuple(learner or Settings().learners))
        if sigma is None:
            home = panel_of(source).metadata.home if panel is not None else SyntheticDesign().home
            sigma = firm_elasticity(country=home)
        if shocks is not None:
            _print_shocks(panel_of(source), attribute, shocks, outcome, (since, year), cluster, settings.level, as_json)  # fmt: skip
            return
        if advantages:
            _print_advantages(panel_of(source), attribute, sigma, settings, as_json)
            return
        questions = _questions(attribute) or default_questions(panel_of(source))
        with share_bar(as_json) as bar:
            found = estimate_channels(
                Request(source, questions, settings, year, sigma, tuple(leave_out or ()), year_before),
                progress=bar,
            )
    if write_table is not None:
        found.table.save(write_table)
    if as_json:
        typer.echo(
            json.dumps(finite(asdict(found)) | {"hash": found.content_hash}, allow_nan=False, default=str)
        )
    else:
        _print(found)
    if found.table.refused:
        raise typer.Exit(FAILED)


def _questions(given: list[str] | None) -> tuple[Question, ...]:
    return tuple(_question(text) for text in given or [])


def _question(text: str) -> Question:
    """``NAME=INSTRUMENT,INSTRUMENT;reliability=0.8;proxy=COLUMN``, all but the name optional."""
    from firmtrade_core.channels import ChannelError
    from firmtrade_core.channels.from_panel import Question

    (name, _, instruments), *options = (part.strip().partition("=") for part in text.split(";"))
    known = {key.strip(): value.strip() for key, _, value in options}
    if unknown := sorted({*known} - {"reliability", "proxy"}):
        raise ChannelError(
            f"--attribute {text}: {', '.join(unknown)} is no option of an attribute; give reliability or proxy."
        )
    try:
        reliability = float(known["reliability"]) if "reliability" in known else None
    except ValueError as error:
        raise ChannelError(
            f"--attribute {text}: {known['reliability']} is no share between 0 and 1."
        ) from error
    named = tuple(part.strip() for part in instruments.split(",") if part.strip())
    return Question(name.strip(), named, reliability, known.get("proxy") or None)


def _print_shocks(
    panel: FirmPanel, attribute: list[str] | None, shocks: str, outcome: str, ends: tuple[int | None, int | None],
    cluster: str, level: float, as_json: bool,
) -> None:  # fmt: skip
    from firmtrade_core.channels import ChannelError
    from firmtrade_core.channels.foreign_shocks import CLUSTERS, balance_words, foreign_shocks

    if cluster not in CLUSTERS:
        raise ChannelError(f"--cluster {cluster}: choose {', '.join(CLUSTERS)}.")
    if len(attribute or []) > 1:
        raise ChannelError("Shocks act through one attribute at a time; give --attribute once.")
    years = (panel.years[0] if ends[0] is None else ends[0], panel.years[-1] if ends[1] is None else ends[1])
    found = foreign_shocks(
        panel, outcome, attribute[0] if attribute else None, shocks=None if shocks == "demand" else shocks, years=years,
        cluster=cluster, level=level,
    )  # fmt: skip
    if as_json:
        content = asdict(found) | {
            "unit": found.unit,
            "sentence": found.sentence(),
            "cautions": found.cautions,
        }
        typer.echo(json.dumps(finite(content), allow_nan=False, default=str))
        return
    told = found.found
    typer.echo(
        f"{found.panel}. {'Synthetic: no such firm exists. ' if found.synthetic else ''}{found.sentence()}"
    )
    typer.echo(
        f"{grouped(told.firms)} firms, {grouped(told.cells)} cells of market and product in {grouped(told.clusters)} clusters, which "
        f"count as {told.effective_cells:.0f} equal cells and {told.effective_clusters:.0f} equal clusters; {in_percent(told.covered)} "
        f"of what firms sold has a known shock; {grouped(found.dropped)} exporters left out."
    )
    for line in found.cautions:
        typer.echo(line)
    for name, effect, chance in balance_words(told):
        typer.echo(f"  settled before: {name}: {effect} standard deviations for one of the shocks ({chance})")


def _print_advantages(
    panel: FirmPanel, attribute: list[str] | None, sigma: float, settings: Settings, as_json: bool
) -> None:
    from firmtrade_core.channels.advantages import KINDS, OUTCOMES
    from firmtrade_core.channels.advantages import advantages as held_against

    names = [_question(text).attribute for text in attribute] if attribute else None
    found = held_against(panel, names, sigma=sigma, settings=settings)
    asked = list(dict.fromkeys(found.cells["attribute"]))
    if as_json:
        content = {
            "panel": found.panel, "year": found.year, "level": found.level, "cells": found.cells.to_dict("records"),
            "words": {name: found.words(name) for name in asked}, "refused": dict(found.refused),
        }  # fmt: skip
        typer.echo(json.dumps(finite(content), allow_nan=False, default=str))
        return
    typer.echo(f"{found.panel}, {found.year}. {'Synthetic: no such firm exists. ' if found.synthetic else ''}Association of firms alike in all else that is known, no proven effect.")  # fmt: skip
    for words in KINDS.values():
        typer.echo(f"  {words}")
    shown = found.cells.assign(
        kind=found.cells["kind"],
        outcome=[OUTCOMES[name][1] for name in found.cells["outcome"]],
        effect=[_band((*row,), 2) for row in found.cells[["effect", "low", "high"]].to_numpy(dtype=float)],
        found=found.cells["found"].map({True: "yes", False: ""}),
    )
    heads = {"attribute": "Attribute", "step": "Step", "kind": "Kind", "outcome": "Outcome",
             "effect": f"Effect, standard deviations ({in_percent(found.level)} interval)", "found": "Stands out"}  # fmt: skip
    typer.echo("\n" + shown[list(heads)].rename(columns=heads).to_string(index=False) + "\n")
    for name in asked:
        typer.echo(found.words(name))
    for what, why in found.refused.items():
        typer.echo(f"{what}: not told. {why}")


def _print(found: ChannelReport) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    shown = Table(title=f"{found.panel}, {found.year}: {grouped(found.firms)} firms, {found.markets} markets")
    for name in (
        "attribute",
        "step",
        "effect on capability, log points",
        "trade cost, %",
        "effect on fixed costs, %",
        "evidence",
    ):
        shown.add_column(name, justify="left" if name in ("attribute", "step", "evidence") else "right")
    for per_unit in found.table:
        effect = per_unit.by_step()
        cost, fixed = effect.ad_valorem(found.table.elasticity_of_substitution), effect.fixed_cost_percent
        shown.add_row(
            effect.attribute, per_unit.step[1], _band((effect.capability, *effect.capability_interval), 3), _band(cost, 1), _band(fixed, 1),
            effect.words,
        )  # fmt: skip
    console.print(shown)
    for effect in found.table:
        for caution in effect.cautions:
            console.print(f"{effect.attribute}: {caution}")
    for name, why in found.table.refused.items():
        console.print(f"{name}: no effect. {why}")
    console.print(
        f"Intervals {in_percent(found.table.level)}; trade costs at σ = {found.table.elasticity_of_substitution:.2g}; "
        f"table {found.table.content_hash}"
    )


def _band(values: tuple[float, float, float], digits: int) -> str:
    value, low, high = (f"{each:+.{digits}f}" if math.isfinite(each) else "no end" for each in values)
    return f"{value} ({low} to {high})"
