"""The code that gives a result again: a Python script, and a command line.

Both carry the scenario whole and check that they run on the same world, so that they give exactly the numbers of the
screen's exports. Names in a scenario may come from strangers: they enter as text and cannot leave it.
"""

from __future__ import annotations

import shlex
from pathlib import PurePath
from typing import Literal

from firmtrade_core.home import HomeFirms
from firmtrade_core.scenarios import Scenario, load_preset, preset_names
from firmtrade_core.world.embedded import load_embedded_world
from firmtrade_core.world.world import World

#: Where a world that is not shipped is expected, unless its place is known.
WORLD_FILE = "my.world"


def python_code(
    scenario: Scenario,
    world: World,
    world_file: str | PurePath | None = None,
    home: HomeFirms | Literal["default"] | None = "default",
    home_file: str | PurePath | None = None,
) -> str:
    """A script that solves the scenario and prints what it does by country.

    Parameters
    ----------
    scenario, world
    world_file
        Where the world lies; not needed for the shipped one.
    home
        The home country's firms of the result, which the script then insists on; those of `default_home` unless given.
    home_file
        Where they lie; not needed for the shipped ones.
    """
    shipped = is_shipped(world)
    read = "load_embedded_world()" if shipped else f"World.load({str(world_file or WORLD_FILE)!r})"
    source = (
        "from firmtrade_core.world.embedded import load_embedded_world"
        if shipped
        else "from firmtrade_core.world.world import World"
    )
    called = "HomeFirms, Scenario, run" if home_file is not None and home is not None else "Scenario, run"
    default, firms = _home_lines(home, home_file)
    return f'''"""Run from the folder of firmtrade; prints real income, trade and prices by country."""

from firmtrade_core.scenarios import {called}
{default}from firmtrade_core.scenarios.results import country_table
{source}

world = {read}
assert world.content_hash == {world.content_hash!r}, "another world: the numbers would differ"

scenario = Scenario.from_yaml("""\\
{_inside_quotes(scenario.to_yaml())}""")
{firms}
result = run(scenario, world, home=home)
print(country_table(result).to_string(index=False))
print("certified:", result.certificate.holds, "result", result.content_hash)
'''


def _home_lines(
    home: HomeFirms | Literal["default"] | None, home_file: str | PurePath | None
) -> tuple[str, str]:
    """The import that finds the firms, and the lines that read them and insist on them."""
    if home is None:
        return "", "home = None"
    imported = "from firmtrade_core.home.default import default_home\n"
    read = (
        f"home = HomeFirms.load({str(home_file)!r})"
        if home_file is not None
        else "home = default_home(world)"
    )
    if isinstance(home, str):
        return imported, read
    lines = f'{read}\nassert home is not None and home.content_hash == {home.content_hash!r}, "other firms: the numbers would differ"'
    return ("" if home_file is not None else imported), lines


def command_line(
    scenario: Scenario,
    world: World,
    world_file: str | PurePath | None = None,
    out: str = "results.parquet",
    home_file: str | PurePath | None = None,
) -> str:
    """Shell commands that solve the scenario and write every number to a Parquet file.

    Parameters
    ----------
    scenario, world
    world_file, home_file
        Where they lie; the embedded world and no firms unless given.
    out
    """
    place = "" if is_shipped(world) else f" --world {shlex.quote(str(world_file or WORLD_FILE))}"
    place += "" if home_file is None else f" --home {shlex.quote(str(home_file))}"
    solve = "python -m firmtrade_core solve"
    if preset := preset_of(scenario):
        return f"{solve} --preset {preset}{place} --out {shlex.quote(out)}\n"
    text = scenario.to_yaml()
    end = _delimiter(text)
    return (
        f"cat > scenario.yaml <<'{end}'\n{text}{end}\n{solve} scenario.yaml{place} --out {shlex.quote(out)}\n"
    )


def is_shipped(world: World) -> bool:
    """Whether this is the world that comes with the product."""
    return world.content_hash == load_embedded_world().content_hash


def preset_of(scenario: Scenario) -> str | None:
    """Name of the preset that the scenario is, word for word."""
    return next((name for name in preset_names() if load_preset(name) == scenario), None)


def _inside_quotes(text: str) -> str:
    """Text as it stands between three double quotes in Python."""
    return text.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')


def _delimiter(text: str) -> str:
    """A word that ends a shell's here-document, and no line of the text."""
    end, lines = "YAML", set(text.splitlines())
    while end in lines:
        end += "_"
    return end
