"""The whole way from a panel to the home country's firms: effects, capability, one table, in one call."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from firmtrade_core.capability import Learner, Settings, estimate
from firmtrade_core.capability.learners import Kind
from firmtrade_core.capability.sources import from_panel
from firmtrade_core.channels import ChannelTable
from firmtrade_core.channels.from_panel import draw_sample, report
from firmtrade_core.channels.work import CAPABILITY, default_questions
from firmtrade_core.jobs import Progress, part, silent
from firmtrade_core.panel import FirmPanel
from firmtrade_core.panel.synthetic.country import make_country
from firmtrade_core.panel.synthetic.structure import SyntheticDesign
from firmtrade_core.scenarios.home import HomeFirms
from firmtrade_core.scenarios.home_from_panel import home_firms
from firmtrade_core.scenarios.population import load_population

#: Rounds of refitting, and the gain in log likelihood below which they stop: later ones move m̂ by less than its error.
ROUNDS, TOLERANCE = 4, 3.0


@dataclass(frozen=True)
class HomeRequest:
    """Which firms, from what.

    Parameters
    ----------
    panel
        Folder of a firm panel; the synthetic home country unless given.
    effects
        File of a table of effects; estimated unless given.
    year
        Baseline; the last one unless given.
    firms
        How many synthetic ones.
    learner, seed
        Of the estimator of capability.
    population
        Table of firms by sector and size (`population.load_population`); the panel's own weights unless given.
    """

    panel: Path | None = None
    effects: Path | None = None
    year: int | None = None
    firms: int = 20_000
    learner: Kind = "boosting"
    seed: int = 0
    population: Path | None = None


def make_home(request: HomeRequest, *, progress: Progress = silent) -> HomeFirms:
    """Estimate what a request asks for.

    Raises
    ------
    CapabilityError, ChannelError, FirmsError, PanelError
        Naming what the panel lacks.
    """
    progress(0.01, "Reading the firms")
    population = None if request.population is None else load_population(request.population)
    panel = (
        make_country(SyntheticDesign(firms=request.firms)).panel
        if request.panel is None
        else FirmPanel.from_parquet(request.panel)
    )
    year = panel.years[-1] if request.year is None else request.year
    effects = _effects(panel, request, year, part(progress, 0.05, 0.6))
    told = part(progress, 0.6, 0.98)
    results = estimate(
        from_panel(panel, years=[year]),
        Settings(
            learner=Learner(kind=request.learner),
            entry_learner=Learner(kind="splines", penalty=10.0),
            two_indices=True,
            tune=False,
            rounds=ROUNDS,
            tolerance=TOLERANCE,
            seed=request.seed,
        ),
        progress=lambda words, share: told(share, f"Capability, {words}"),
    )
    progress(0.99, "Putting the firms together")
    return home_firms(results, panel, effects, year, population)


def _effects(panel: FirmPanel, request: HomeRequest, year: int, progress: Progress) -> ChannelTable | None:
    """The given table, or effects of every attribute that programmes move and the panel has."""
    if request.effects is not None:
        return ChannelTable.load(request.effects)
    questions = default_questions(panel)
    if not questions:
        return None
    sample = draw_sample(
        panel, questions, year=year, capability=CAPABILITY, progress=part(progress, 0.0, 0.4)
    )
    return report(panel, questions, year=year, sample=sample, progress=part(progress, 0.4, 1.0)).table
