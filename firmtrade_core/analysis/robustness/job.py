"""The study as a job: arguments that are data, a result that is data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from firmtrade_core.analysis.robustness.firm_chain import RawFiles, Start
from firmtrade_core.analysis.robustness.study import EDITION, Robustness, robustness
from firmtrade_core.home import HomeFirms
from firmtrade_core.jobs import Checkpoints, Progress, silent
from firmtrade_core.panel.source import files_of
from firmtrade_core.scenarios import Scenario
from firmtrade_core.world.embedded import load_embedded_world
from firmtrade_core.world.world import World


def arguments(
    scenario: Scenario,
    world: World,
    home: Path | None,
    country: str,
    outcome: str,
    start: Start | None,
) -> dict[str, Any]:
    """Of `run_robustness`; the embedded world is told by its hash alone, for every machine has it.

    Parameters
    ----------
    scenario, world
    home
        File of the home country's firms.
    country, outcome
        Whose headline is watched.
    start
        Where the first run starts.
    """
    files: tuple[Path, ...] = ()
    if isinstance(start, RawFiles):
        files = start.files
    elif isinstance(start, Path):
        files = files_of(start)
    embedded = world.content_hash == load_embedded_world().content_hash
    return {
        "scenario": scenario.to_yaml(),
        "world": None if embedded else world,
        "world_hash": world.content_hash,
        "home": home,
        "country": country,
        "outcome": outcome,
        "start": start,
        "files": files,
        "edition": EDITION,
    }


def run_robustness(
    scenario: str,
    world: World | None,
    world_hash: str,
    home: Path | None,
    country: str,
    outcome: str,
    start: Start | None,
    files: tuple[Path, ...] = (),
    edition: int = EDITION,
    *,
    progress: Progress = silent,
    checkpoints: Checkpoints | None = None,
) -> Robustness:
    """`robustness` of a scenario told as text, with the firms of a file.

    Parameters
    ----------
    scenario
        YAML.
    world, world_hash
        The embedded world where None; the hash tells jobs apart.
    home
        File of the home country's firms, if any.
    country, outcome, start, progress, checkpoints
        As `robustness`.
    files, edition
        What the result depends on besides.

    Raises
    ------
    ScenarioError, EquilibriumError, UncertaintyError
        As `robustness`.
    """
    return robustness(
        Scenario.from_yaml(scenario.encode()),
        load_embedded_world() if world is None else world,
        None if home is None else HomeFirms.load(home),
        country=country,
        outcome=outcome,
        start=start,
        progress=progress,
        checkpoints=checkpoints,
    )
