"""``bench``: speed and memory, measured on this machine."""

from __future__ import annotations

from typing import Annotated

import typer

#: What can be measured, and the module that measures it.
BENCHMARKS = {
    "engine": "benchmarks.engine",
    "gegravity": "benchmarks.against_gegravity",
    "growth": "benchmarks.growth",
    "firms": "benchmarks.firms_family",
    "gravity": "benchmarks.gravity",
    "harmonise": "benchmarks.harmonise",
    "panel": "benchmarks.panel",
    "capability": "benchmarks.capability",
    "browser": "benchmarks.browser",
    "programme": "benchmarks.programme",
    "sessions": "benchmarks.sessions",
}


def bench(
    names: Annotated[
        list[str] | None, typer.Argument(help=f"Which: {', '.join(BENCHMARKS)}; all unless given.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object, by benchmark.")] = False,
) -> None:
    """Run the benchmarks; exits 1 if a target is missed, 2 on an unknown name."""
    import subprocess
    import sys

    from firmtrade_core.paths import PROJECT, in_checkout

    if not in_checkout():
        typer.echo(
            "Benchmarks are not part of the installed package: run them in the whole project.", err=True
        )
        raise typer.Exit(2)
    chosen = names or list(BENCHMARKS)
    unknown = sorted(set(chosen) - set(BENCHMARKS))
    if unknown:
        typer.echo(
            f"No benchmark is called {', '.join(unknown)}. There are: {', '.join(BENCHMARKS)}.", err=True
        )
        raise typer.Exit(2)
    missed, printed = [], {}
    for name in chosen:
        command = [sys.executable, "-m", BENCHMARKS[name], *(["--json"] if as_json else [])]
        done = subprocess.run(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True, check=False)
        printed[name] = done.stdout.strip()
        if not as_json:
            typer.echo(f"\n{name}\n\n{done.stdout}")
        if done.returncode:
            missed.append(name)
    if as_json:
        typer.echo("{" + ", ".join(f'"{name}": {text or "null"}' for name, text in printed.items()) + "}")
    if missed:
        typer.echo(f"Targets missed or not measured: {', '.join(missed)}.", err=True)
        raise typer.Exit(1)
