"""Assembles the verbs."""

from typing import Any

import typer
from typer.core import TyperGroup

from firmtrade_core.cli.app import app as start_app
from firmtrade_core.cli.attribute import attribute
from firmtrade_core.cli.backtest import app as backtest
from firmtrade_core.cli.bench import bench
from firmtrade_core.cli.channels import channels
from firmtrade_core.cli.firms import app as firms
from firmtrade_core.cli.gravity import app as gravity
from firmtrade_core.cli.harmonise import harmonise
from firmtrade_core.cli.matters import matters
from firmtrade_core.cli.offer import offer
from firmtrade_core.cli.optimise import optimise
from firmtrade_core.cli.panel import app as panel
from firmtrade_core.cli.pipeline import pipeline
from firmtrade_core.cli.replicate import replicate
from firmtrade_core.cli.robustness import robustness
from firmtrade_core.cli.serve import serve
from firmtrade_core.cli.solve import solve
from firmtrade_core.cli.treat import treat
from firmtrade_core.cli.world import app as world
from firmtrade_core.jobs.spread import ClusterError


class _Verbs(TyperGroup):
    """Every verb may work on a cluster: one that does not answer ends it in words."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except ClusterError as error:
            typer.echo(str(error), err=True)
            raise typer.Exit(1) from error


app = typer.Typer(
    cls=_Verbs,
    name="firmtrade_core",
    help="What firms' differences do to international trade.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def _root() -> None:
    """What firms' differences do to international trade."""


app.command("app")(start_app)
app.command("attribute")(attribute)
app.command("bench")(bench)
app.command("channels")(channels)
app.command("harmonise")(harmonise)
app.command("matters")(matters)
app.command("offer")(offer)
app.command("optimise")(optimise)
app.command("pipeline")(pipeline)
app.command("replicate")(replicate)
app.command("robustness")(robustness)
app.command("serve")(serve)
app.command("solve")(solve)
app.command("treat")(treat)
app.add_typer(backtest, name="backtest")
app.add_typer(gravity, name="gravity")
app.add_typer(firms, name="firms")
app.add_typer(panel, name="panel")
app.add_typer(world, name="world")
