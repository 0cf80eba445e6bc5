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
from firmtrade_core.home.from_panel import home_firms
from firmtrade_core.home.home import HomeFirms
from firmtrade_core.home.population import load_population
from firmtrade_core.jobs import Progress, part, silent
from firmtrade_core.panel import FirmPanel
from firmtrade_core.panel.attributes import with_earlier_outcomes
from firmtrade_core.panel.sectors import sector_table, with_sectors
from firmtrade_core.panel.source import read_panel
from firmtrade_core.panel.synthetic.country import make_country
from firmtrade_core.panel.synthetic.structure import SyntheticDesign

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
    attributes
        Columns that explain capability; the panel's own attributes unless given.
    sectors
        What industry codes are, see `panel.sectors.sector_table`; the panel's sectors as they are unless given.
    year_before
        Whether size and productivity of the year before explain too.
    home_sales
        Whether sales at home tell capability; see `capability.sources.from_panel`.
    estimate_effects
        Whether effects are estimated where no table is given.
    """

    panel: Path | None = None
    effects: Path | None = None
    year: int | None = None
    firms: int = 20_000
    learner: Kind = "boosting"
    seed: int = 0
    population: Path | None = None
    attributes: tuple[str, ...] | None = None
    sectors: str | None = None
    year_before: bool = False
    home_sales: bool = True
    estimate_effects: bool = True

    def read(self) -> FirmPanel:
        """The panel asked for, its industry codes read and its attributes made.

        Raises
        ------
        PanelError
        """
        if self.panel is None:
            return make_country(SyntheticDesign(firms=self.firms)).panel
        panel = read_panel(self.panel)
        if self.sectors is not None:
            panel.need("sector")
            panel = with_sectors(panel, sector_table(self.sectors, panel.firms["sector"]))
        return with_earlier_outcomes(panel) if self.year_before else panel


def make_home(request: HomeRequest, *, progress: Progress = silent) -> HomeFirms:
    """Estimate what a request asks for.

    Raises
    ------
    CapabilityError, ChannelError, FirmsError, PanelError
        Naming what the panel lacks.
    """
    progress(0.01, "Reading the firms")
    population = None if request.population is None else load_population(request.population)
    panel = request.read()
    year = panel.years[-1] if request.year is None else request.year
    effects = _effects(panel, request, year, part(progress, 0.05, 0.6))
    told = part(progress, 0.6, 0.98)
    data = from_panel(
        panel,
        years=[year],
        attributes=request.attributes,
        # With one market abroad sectors are too thin to have thresholds of their own.
        sectors="markets" if "trade" in panel.tables else "shared",
        home_sales=request.home_sales,
    )
    results = estimate(
        data,
        Settings(
            learner=Learner(kind=request.learner),
            entry_learner=Learner(kind="splines", penalty=10.0),
            two_indices=True,
            tune=False,
            rounds=ROUNDS,
            tolerance=TOLERANCE,
            seed=request.seed,
            # The engine's firms have normal shocks (MODEL 2).
            law="normal",
        ),
        progress=lambda words, share: told(share, f"Capability, {words}"),
    )
    progress(0.99, "Putting the firms together")
    return home_firms(results, panel, effects, year, population)


def _effects(panel: FirmPanel, request: HomeRequest, year: int, progress: Progress) -> ChannelTable | None:
    """The given table, or effects of every attribute that programmes move and the panel has."""
    if request.effects is not None:
        return ChannelTable.load(request.effects)
    questions = default_questions(panel) if request.estimate_effects else ()
    if not questions:
        return None
    sample = draw_sample(
        panel, questions, year=year, capability=CAPABILITY, progress=part(progress, 0.0, 0.4)
    )
    return report(panel, questions, year=year, sample=sample, progress=part(progress, 0.4, 1.0)).table
