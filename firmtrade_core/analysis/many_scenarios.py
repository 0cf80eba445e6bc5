"""Bands of many scenarios at once: each a piece of work of its own, here or on a cluster (`jobs.spread`)."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from firmtrade_core.analysis.uncertainty import COUNTRY_OUTCOMES, DRAWS, UncertaintyError, bands
from firmtrade_core.equilibrium.errors import EquilibriumError
from firmtrade_core.home import HomeFirms
from firmtrade_core.jobs import Progress, silent
from firmtrade_core.jobs.spread import spread
from firmtrade_core.margins import FirmsError, TailError
from firmtrade_core.scenarios import Scenario, ScenarioError
from firmtrade_core.world.errors import WorldError
from firmtrade_core.world.world import World


@dataclass(frozen=True, eq=False)
class ManyBands:
    """Bands of many scenarios.

    Attributes
    ----------
    table : DataFrame
        A row by scenario, outcome and country: ``scenario`` (its place), ``name``, ``outcome``, ``country``, ``value``, ``low``,
        ``high``, ``positive`` and ``unit``.
    failed : dict of int to str
        Scenarios without bands, and why.
    seconds : tuple of float
        Processor seconds of each, wherever it was worked on.
    """

    table: pd.DataFrame
    failed: dict[int, str]
    seconds: tuple[float, ...]


def bands_of_many(
    scenarios: Sequence[Scenario],
    world: World,
    home: HomeFirms | None = None,
    *,
    outcomes: Sequence[str] = ("real_income",),
    draws: int = DRAWS,
    seed: int = 0,
    laws: bool = False,
    progress: Progress = silent,
) -> ManyBands:
    """Bands of every scenario, in their order.

    Parameters
    ----------
    scenarios, world, home
        As `scenarios.compile`.
    outcomes
        Of `uncertainty.COUNTRY_OUTCOMES`.
    draws, seed, laws
        As `uncertainty.bands`; the same draws for all scenarios of one structure.

    Raises
    ------
    UncertaintyError
        For an outcome that no country has.
    ClusterError
        As `jobs.spread.spread`.
    """
    if unknown := [key for key in outcomes if key not in COUNTRY_OUTCOMES]:
        raise UncertaintyError(
            f"{unknown[0]} is no outcome of a country; choose among {', '.join(COUNTRY_OUTCOMES)}."
        )
    found = spread(
        _one,
        list(scenarios),
        shared=(world, home, tuple(outcomes), draws, seed, laws),
        progress=progress,
        words="Scenario {done} of {all}",
    )
    frames = [
        table.assign(scenario=at, name=scenario.name)
        for at, (scenario, (table, _, _)) in enumerate(zip(scenarios, found, strict=True))
        if table is not None
    ]
    return ManyBands(
        pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(),
        {at: why for at, (_, why, _) in enumerate(found) if why},
        tuple(seconds for _, _, seconds in found),
    )


def _one(
    world: World,
    home: HomeFirms | None,
    outcomes: tuple[str, ...],
    draws: int,
    seed: int,
    laws: bool,
    scenario: Scenario,
) -> tuple[pd.DataFrame | None, str, float]:
    began = time.process_time()
    try:
        found = bands(scenario, world, home, draws=draws, seed=seed, laws=laws)
    except (EquilibriumError, FirmsError, ScenarioError, TailError, UncertaintyError, WorldError) as error:
        return None, str(error), time.process_time() - began
    rows = pd.concat([found.table(key).assign(outcome=key) for key in outcomes], ignore_index=True)
    return rows, "", time.process_time() - began
