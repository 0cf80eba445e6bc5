"""``firms moments`` and ``firms told``: what exporters show of the law of firms, and what came of a rule's advice."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from firmtrade_core.cli.ends import refusals
from firmtrade_core.cli.options import AsJson, PanelOrSynthetic, Seed, SyntheticFirms


def moments(
    tables: Annotated[
        list[Path],
        typer.Argument(
            help="Tables of exporters by destination and year: columns c, d, y, nf, total_v, top5_share, and med_exports or "
            "p05_norm_exports to p95_norm_exports."
        ),
    ],
    draws: Annotated[int, typer.Option(help="Of destinations, for the bands.")] = 200,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Spread, tail and slope of presence of exporters, with bands, for `solve --firms-like`; exits 2 on wrong input."""
    from firmtrade_core.codes.countries import country_name
    from firmtrade_core.gravity.exporter_moments import exporter_moments, moments_table

    with refusals(as_json):
        found = exporter_moments(tables, draws=draws, seed=seed)
    if as_json:
        typer.echo(json.dumps(moments_table(found).to_dict("records"), allow_nan=False))
        return
    for each in found:
        name = "A country not among them" if each.country == "all" else country_name(each.country)
        s, tail, slope = each.dispersion, each.tail, each.presence_slope
        typer.echo(
            f"{name}, {each.years[0]} to {each.years[1]}, {each.destinations} destinations, s by {each.by}: "
            f"spread s {s.value:.2f} log points ({s.low:.2f} to {s.high:.2f}); exporters rise by {slope.value:.2f} % "
            f"({slope.low:.2f} to {slope.high:.2f} %) for 1 % of sales; "
            f"a Pareto tail would be {tail.value:.2f}, a ratio ({tail.low:.2f} to {tail.high:.2f})"
            f"{': below 1 it has no finite mean, and a Pareto law is refused' if tail.value <= 1 else ''}."
        )
    typer.echo("Bands are of 90 %.")


def told(
    folder: PanelOrSynthetic = None,
    first: Annotated[
        int | None, typer.Option(help="Year of the advice; the middle one unless given.")
    ] = None,
    last: Annotated[int | None, typer.Option(help="Year looked at; the last unless given.")] = None,
    share: Annotated[float, typer.Option(help="Of firms told, in each group.")] = 0.1,
    attributes: Annotated[
        str | None, typer.Option(help="Columns that the rule may see, by commas; the panel's unless given.")
    ] = None,
    firms: SyntheticFirms = 2_000,
    as_json: AsJson = False,
) -> None:
    """Who would have been told to be treated in an early year, and what they did since; exits 2 on wrong input."""
    from dataclasses import asdict

    from firmtrade_core.capability.hindsight import hindsight
    from firmtrade_core.panel.source import panel_of
    from firmtrade_core.panel.synthetic.structure import SyntheticDesign

    names = None if attributes is None else [name.strip() for name in attributes.split(",") if name.strip()]
    with refusals(as_json):
        found = hindsight(
            panel_of(folder or SyntheticDesign(firms=firms)), first, last, share=share, attributes=names
        )
    if as_json:
        typer.echo(json.dumps(asdict(found) | {"sentences": found.sentences()}, allow_nan=False))
        return
    typer.echo(f"{found.panel}. {'Synthetic: no such firm exists.' if found.synthetic else ''}".strip())
    typer.echo("\n".join(found.sentences()))
