"""``treat``: whom to treat with a budget, by a rule that people can read."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from firmtrade_core.cli.ends import FAILED, read_scenario, read_world, refusals
from firmtrade_core.cli.options import Against, AsJson, WorldFile
from firmtrade_core.labels import grouped
from firmtrade_core.paths import whole_file


def treat(
    policy: Annotated[
        str, typer.Argument(help="What firms get, such as quality_certification or trade_finance.")
    ] = "quality_certification",
    budget: Annotated[float, typer.Option(help="Million USD a year that is paid out.")] = 20.0,
    unit_cost: Annotated[float, typer.Option(help="USD a year per firm treated.")] = 10_000.0,
    small: Annotated[
        float, typer.Option(help="Least share of the treated with fewer than 50 workers.")
    ] = 0.0,
    outside: Annotated[
        float, typer.Option(help="Least share of the treated outside the region with most firms.")
    ] = 0.0,
    depth: Annotated[int, typer.Option(min=1, max=3, help="Questions that the rule may ask in a row.")] = 3,
    against: Against = None,
    world_file: WorldFile = None,
    seed: Annotated[int, typer.Option(help="Of the split of firms and of random choices.")] = 0,
    out: Annotated[
        Path | None, typer.Option(help="Write the rule as a scenario to this YAML file, for solve.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Whom to treat with a budget, valued on firms not used to choose; exits 2 on wrong input."""
    from firmtrade_core.analysis.whom_to_treat import effect_ends, firm_values, whom_to_treat
    from firmtrade_core.equilibrium.errors import EquilibriumError
    from firmtrade_core.equilibrium.states import ComparisonError
    from firmtrade_core.home.default import default_home
    from firmtrade_core.scenarios import Scenario, compile

    with refusals(as_json, {EquilibriumError: FAILED}):
        world = read_world(world_file)
        home = default_home(world)
        if home is None:
            raise ComparisonError("No firms of a home country are loaded: name their file in FIRMTRADE_HOME.")
        given = Scenario() if against is None else read_scenario(against, None)
        content = given.to_dict()
        content["structure"] = {**content.get("structure", {}), "family": "firms"}
        content["cards"] = [*content.get("cards", []), {"kind": "programme", "policy": policy}]
        card = Scenario.parse(content).cards[-1]
        content["cards"].pop()
        equilibrium = compile(Scenario.parse(content), world, home).solve()
        source = home.source
        values = firm_values(equilibrium, home, card)  # type: ignore[arg-type]
        found = whom_to_treat(
            values,
            home,
            card,  # type: ignore[arg-type]
            budget=budget,
            unit_cost=unit_cost,
            small=small,
            outside=outside,
            depth=depth,
            seed=seed,
            ends=effect_ends(equilibrium, home, card),  # type: ignore[arg-type]
        )
        if out is not None:
            base = Scenario.parse(content)
            name = f"{policy.replace('_', ' ').capitalize()} by a rule"
            ruled = base.with_(cards=(*base.cards, *found.cards), name=name)
            with whole_file(out) as part:
                part.write_text(ruled.to_yaml(), encoding="utf-8")
    if as_json:
        told: dict[str, Any] = {
            "policy": policy,
            "budget": budget,
            "unit_cost": unit_cost,
            "rule": list(found.rule),
            "ways": [asdict(way) for way in found.ways],
            "break_even": found.break_even,
            "concession": None
            if math.isnan(found.concession)
            else {"points": found.concession_points, "real_income": found.concession},
            "first_order": found.first_order,
            "solved": found.solved,
            "residual": values.residual,
            "source": source,
        }
        typer.echo(json.dumps(told, allow_nan=False))
        return
    lines = [f"Firms: {source}", "Treat", *(f"  {line}" for line in found.rule)]
    lines.append(
        "On firms not used to choose: real income per dollar that people pay, share of small firms, outside the largest region"
    )
    for way in found.ways:
        spread = f" (sd {way.spread:.3g})" if way.spread else ""
        lines.append(
            f"  {way.name:30} {way.per_dollar:10.4g}{spread}, 90 % {way.low:.4g} to {way.high:.4g}  {100 * way.small:5.1f} %  {100 * way.outside:5.1f} %"
        )
    lines.append(f"The rule stops paying at {grouped(found.break_even)} USD a year per firm")
    lines.append(
        f"All chosen at once: {found.first_order:+.4g} million USD at the margin, {found.solved:+.4g} by a whole solution"
    )
    if not math.isnan(found.concession):
        lines.append(
            f"The same in duties forgone: {found.concession_points:.3g} points off own tariffs, {found.concession:+.3g} million USD"
        )
    typer.echo("\n".join(lines))
