"""``matters``: which lever matters most for an outcome, before anything is moved."""

from __future__ import annotations

import json
import math
import time
from pathlib import Path
from typing import Annotated, Any

import typer


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
    world_file: Annotated[
        Path | None, typer.Option("--world", help="A world file; the embedded world unless given.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """What one point of every lever in the world does to an outcome; exits 2 on wrong input."""
    from firmtrade_core.analysis.optimal import OptimumError, rank
    from firmtrade_core.analysis.optimal.marginal import STEPS
    from firmtrade_core.cli.solve import _scenario, _stop, _world
    from firmtrade_core.equilibrium import GradientError, Outcome
    from firmtrade_core.equilibrium.errors import EquilibriumError
    from firmtrade_core.margins import FirmsError, TailError
    from firmtrade_core.scenarios import Scenario, ScenarioError, compile
    from firmtrade_core.world.errors import WorldError

    try:
        given = Scenario() if against is None else _scenario(against, None)
        compiled = compile(given, _world(world_file))
        equilibrium = compiled.solve()
        began = time.perf_counter()
        asked: Any = (outcome, country, sector)
        found = rank(equilibrium, Outcome(*asked), lever, by=by, of=of)  # type: ignore[arg-type]
        seconds = time.perf_counter() - began
    except (ScenarioError, WorldError, OptimumError, FirmsError, TailError, GradientError) as error:
        _stop(str(error), 2, as_json)
    except EquilibriumError as error:
        _stop(str(error), 1, as_json)
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
