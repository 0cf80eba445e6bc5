"""``matters``: which lever matters most for an outcome, before anything is moved."""

from __future__ import annotations

import json
import math
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from firmtrade_core.cli.ends import FAILED, WRONG_INPUT, read_scenario, read_world, refusals
from firmtrade_core.cli.options import AsJson, WorldFile


def matters(
    country: Annotated[str, typer.Argument(help="Whose outcome, by code.")],
    outcome: Annotated[
        str,
        typer.Option(
            help="real_income (the default), equivalent_variation, exports, duties, or jobs (with --sector)."
        ),
    ] = "real_income",
    sector: Annotated[str | None, typer.Option(help="Whose jobs.")] = None,
    lever: Annotated[
        str,
        typer.Option(
            help="tariff (the default), export_subsidy, production_subsidy, trade_cost, fixed_cost or productivity."
        ),
    ] = "tariff",
    by: Annotated[
        str,
        typer.Option(help="Rows: cell (the default), partner, sector, or country (who sets it, in all)."),
    ] = "cell",
    of: Annotated[str | None, typer.Option(help="Levers of this country alone.")] = None,
    count: Annotated[int, typer.Option(min=1, help="Rows shown.")] = 15,
    against: Annotated[
        Path | None, typer.Option(metavar="SCENARIO.yaml", help="What is in force, and the structure.")
    ] = None,
    world_file: WorldFile = None,
    as_json: AsJson = False,
) -> None:
    """What one point of every lever in the world does to an outcome; exits 2 on wrong input."""
    from firmtrade_core.analysis.optimal import rank
    from firmtrade_core.analysis.optimal.marginal import STEPS
    from firmtrade_core.equilibrium import GradientError, Outcome
    from firmtrade_core.equilibrium.errors import EquilibriumError
    from firmtrade_core.scenarios import Scenario, compile

    with refusals(as_json, {GradientError: WRONG_INPUT, EquilibriumError: FAILED}):
        given = Scenario() if against is None else read_scenario(against, None)
        compiled = compile(given, read_world(world_file))
        equilibrium = compiled.solve()
        began = time.perf_counter()
        asked: Any = (outcome, country, sector)
        found = rank(equilibrium, Outcome(*asked), lever, by=by, of=of)  # type: ignore[arg-type]
        seconds = time.perf_counter() - began
    rows = found.rows[:count]
    if as_json:
        content = {
            "outcome": outcome,
            "country": country,
            "sector": sector,
            "lever": lever,
            "step": STEPS[found.lever],
            "unit": found.unit,
            "rows": [
                dict(zip(found.heads, row.codes, strict=True))
                | {"value": row.value, "level": None if math.isnan(row.level) else row.level}
                for row in rows
            ],
            "residual": found.residual,
            "seconds": seconds,
        }
        typer.echo(json.dumps(content, allow_nan=False))
        return
    spoken = equilibrium.world.sector_name
    typer.echo(
        f"What {STEPS[found.lever]} does to {outcome.replace('_', ' ')} of {country}, {found.unit}; by {', '.join(found.heads)}"
    )
    for row in rows:
        codes = [
            spoken(code) if head == "sector" else code
            for head, code in zip(found.heads, row.codes, strict=True)
        ]
        typer.echo(f"  {', '.join(codes):52} {row.value:+12.4g}")
    typer.echo(
        f"derivatives at what is in force, not of a large move; adjoint residual {found.residual:.1e}; {seconds:.2f} seconds"
    )
