"""What a firm programme achieves, for whom, and at what price (MODEL 4)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from firmtrade_core.analysis.firms import exporters, firm_outcomes
from firmtrade_core.analysis.states import ComparisonError, abroad
from firmtrade_core.codes.countries import country_name
from firmtrade_core.equilibrium import Equilibrium
from firmtrade_core.scenarios import HomeFirms, Programme, Scenario, compile
from firmtrade_core.scenarios.compile import CompiledScenario
from firmtrade_core.scenarios.home import GRADES, Effect
from firmtrade_core.scenarios.programmes import Treatment, effect_of, wto_note
from firmtrade_core.world.world import World

Array = NDArray[np.float64]

#: Numbers that rest on what a programme costs.
_ON_COST = (
    "gain", "benefit_cost", "cost_per_new_exporter", "cost_per_export_dollar", "public_cost", "outlay",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class ProgrammeResult:
    """One programme: the scenario with it against the scenario without it.

    Attributes
    ----------
    card : Programme
    effect : Effect
        What it does to a firm it reaches.
    with_it, without : Equilibrium
    after, before : Treatment
        The home country's firms with it and without it.
    treated : float
        Firms reached.
    outlay : float
        Million USD a year, at the prices of the scenario.
    public_cost : float
        Equilibrium change in subsidies and outlay less duties, million USD.
    new_exporters, new_pairs : float
        Firms that come to export, and firm-market pairs that open, net of those that close.
    exports : float
        Change of border value sold abroad, million USD.
    gain : float
        Equivalent variation at home after paying the outlay, million USD.
    destinations, products : DataFrame
        Change of exports (million USD) and of firm-market pairs, by destination and by sector; pairs before and
        after too.
    jobs : DataFrame
        By sector: percent, and persons where the firms' table has employment.
    stamp, wto : str
        Evidence of the effect where it is an association only, and a note on trade rules; empty where none is due.
    """

    card: Programme
    effect: Effect
    with_it: Equilibrium
    without: Equilibrium
    after: Treatment
    before: Treatment
    treated: float
    outlay: float
    public_cost: float
    new_exporters: float
    new_pairs: float
    exports: float
    gain: float
    destinations: pd.DataFrame
    products: pd.DataFrame
    jobs: pd.DataFrame
    stamp: str
    wto: str

    @property
    def evidence(self) -> str:
        """How well the effect is known, in words: it stands beside every number."""
        return GRADES[self.effect.grade]

    @property
    def cost_assumed(self) -> bool:
        """Whether its cost is a placeholder that nobody has replaced."""
        return self.card.cost_assumed and self.card.outlay is None

    def evidence_of(self, number: str) -> str:
        """Evidence of one of its numbers: where that rests on an assumed cost, this is said first."""
        assumed = self.cost_assumed and number in _ON_COST
        return f"cost assumed; {self.evidence}" if assumed else self.evidence

    @property
    def cost_per_new_exporter(self) -> float:
        """USD of public cost; infinite where none is gained."""
        return 1e6 * ratio(self.public_cost, self.new_exporters)

    @property
    def cost_per_export_dollar(self) -> float:
        """Public cost over extra exports; infinite where none are gained."""
        return ratio(self.public_cost, self.exports)

    @property
    def benefit_cost(self) -> float:
        """Gain, before paying for it, over public cost; above 1 the programme pays for itself."""
        return 1 + ratio(self.gain, self.public_cost)

    @property
    def real_income(self) -> float:
        """Change in real income at home, percent."""
        return real_income(self.with_it, self.without, self.home)

    @property
    def home(self) -> int:
        """Position of the home country in the world."""
        return self.with_it.world.country_index(self.after.home.country)

    @cached_property
    def displaced(self) -> dict[str, float]:
        """Million USD of sales that others at home lose: ``firms`` (not treated, same sectors), ``sectors`` (all others).

        And ``exporters``, pairs that firms not treated give up.
        """
        return _displaced(self.before, self.after, self.without, self.with_it, self.home)


def ratio(amount: float, per: float) -> float:
    """An amount per something; infinite where there is nothing to divide by."""
    return amount / per if per > 0 else float("inf")


def real_income(after: Equilibrium, before: Equilibrium, country: int) -> float:
    """Change in a country's real income from one result to another, percent."""
    return float(100 * (after.real_income_change[country] / before.real_income_change[country] - 1))


def evaluate_programme(
    scenario: Scenario,
    world: World,
    home: HomeFirms | None,
    card: int,
    *,
    with_it: Equilibrium | None = None,
    without: Equilibrium | None = None,
) -> ProgrammeResult:
    """The difference that one programme of a scenario makes.

    Parameters
    ----------
    card
        Position in ``scenario.cards``.
    with_it, without
        The two equilibria (`variants`), where they are known already.

    Raises
    ------
    ComparisonError
        If the card is no programme, the scenario does not use the firms family, or there are no firms.
    ScenarioError, EquilibriumError
        As `compile` and `solve`.
    """
    programme = judged_card(scenario, card)
    whole, rest = variants(scenario, card)
    plain, full = compile(rest, world, home), compile(whole, world, home)
    without = without or plain.solve()
    with_it = with_it or full.solve(without)
    return _judged(programme, plain, full, without, with_it)


def judged_card(scenario: Scenario, card: int) -> Programme:
    """The programme at a position.

    Raises
    ------
    ComparisonError
        If it is none, or the scenario does not use the firms family.
    """
    programme = scenario.cards[card]
    if not isinstance(programme, Programme):
        raise ComparisonError(f"Card {card + 1} is of kind {programme.kind}; choose a programme.")
    if scenario.structure.family not in ("firms", "differing"):
        raise ComparisonError("Choose the firms family: a programme is judged firm by firm.")
    return programme


def variants(scenario: Scenario, card: int) -> tuple[Scenario, Scenario]:
    """The scenario with a card, switched on and last, and without it."""
    others = tuple(c for position, c in enumerate(scenario.cards) if position != card)
    last = scenario.cards[card].model_copy(update={"enabled": True})
    if scenario.structure.family == "differing":
        # As with the programme, so without it: both are told firm by firm.
        scenario = scenario.with_(structure=scenario.structure.model_copy(update={"family": "firms"}))
    return scenario.with_(cards=(*others, last)), scenario.with_(cards=others)


def _judged(
    card: Programme,
    plain: CompiledScenario,
    full: CompiledScenario,
    without: Equilibrium,
    with_it: Equilibrium,
) -> ProgrammeResult:
    if plain.treatment is None or full.treatment is None:
        raise ComparisonError("No firms of a home country are loaded: there is nobody to count.")
    world, home = with_it.world, full.treatment.home
    h = world.country_index(home.country)
    before, after = exporters(without), exporters(with_it)
    pairs = after.pairs[1] - before.pairs[1]
    trade = abroad(with_it.border_value - without.border_value)[h]
    return ProgrammeResult(
        card,
        effect_of(card, home),
        with_it,
        without,
        full.treatment,
        plain.treatment,
        full.treatment.count[-1],
        float(with_it.outlay[h] - without.outlay[h]),
        float(public_cost(with_it)[h] - public_cost(without)[h]),
        float((after.firms[1] - before.firms[1]).sum()),
        float(pairs.sum()),
        float(trade.sum()),
        float(with_it.equivalent_variation[h] - without.equivalent_variation[h]),
        pd.DataFrame(
            {
                "destination": world.countries,
                "name": [country_name(code) for code in world.countries],
                "exports": trade.sum(1),
                "pairs": pairs.sum(0),
                "pairs_before": before.pairs[1].sum(0),
                "pairs_after": after.pairs[1].sum(0),
            }
        ).drop(index=h),
        pd.DataFrame(
            {
                "sector": world.sectors,
                "name": [world.sector_name(code) for code in world.sectors],
                "exports": trade.sum(0),
                "pairs": pd.Series(pairs.sum(1), after.sectors)
                .reindex(world.sectors, fill_value=0.0)
                .to_numpy(),
            }
        ),
        jobs_table(with_it, without, home),
        full.stamps[0] if full.stamps else "",
        wto_note(card),
    )


def public_cost(equilibrium: Equilibrium) -> Array:
    """Subsidies and outlay less duties, (N,), million USD."""
    return equilibrium.subsidy_outlay + equilibrium.outlay - equilibrium.duties


def jobs_table(after: Equilibrium, before: Equilibrium | None, home: HomeFirms) -> pd.DataFrame:
    """Change in employment at home by sector: percent, and persons where firms' employment is known."""
    world = after.world
    h = world.country_index(home.country)
    base = np.ones(len(world.sectors)) if before is None else before.employment_change[h]
    ratio = after.employment_change[h] / np.where(base > 0, base, 1.0)
    table = pd.DataFrame({"sector": world.sectors, "percent": 100 * (ratio - 1)})
    if "employment" in home.firms:
        place = home.sector_of(world)
        people = home.firms["employment"].fillna(0).to_numpy(float) * home.firms["weight"].to_numpy(float)
        known = place >= 0
        staff = np.bincount(place[known], people[known], minlength=len(world.sectors))
        table["persons"] = staff * base * (ratio - 1)
    return table


def _displaced(
    plain: Treatment, full: Treatment, without: Equilibrium, with_it: Equilibrium, h: int
) -> dict[str, float]:
    """What others at home lose to the firms treated."""
    treated_now = full.treated
    after = firm_outcomes(with_it, full)
    before = firm_outcomes(without, plain)
    # The same firms without the programme, spread over the rows that the programme makes of them.
    own_weight = np.bincount(plain.firm, plain.weight, minlength=len(full.home))
    share = full.weight / np.maximum(own_weight[full.firm], 1e-300)

    def as_before(values: Array) -> Array:
        return np.bincount(plain.firm, values, minlength=len(full.home))[full.firm] * share

    reached = np.isin(after.sector, np.unique(after.sector[treated_now]))
    rest = ~treated_now & reached
    sales = after.sales[:, 1] - as_before(before.sales[:, 1])
    markets = after.markets[:, 1] - as_before(before.markets[:, 1])
    output = with_it.gross_output[h] - without.gross_output[h]
    touched = np.unique(after.sector[treated_now])
    others = np.delete(output, touched[touched >= 0])
    return {
        "firms": float(-sales[rest].sum()),
        "sectors": float(-others.sum()),
        "exporters": float(-markets[rest].sum()),
    }
