"""What a firm programme achieves, for whom, and at what price (MODEL 4)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from firmtrade_core.analysis.programme_account import Account
from firmtrade_core.codes.countries import country_name
from firmtrade_core.equilibrium import Equilibrium
from firmtrade_core.equilibrium.states import ComparisonError, abroad
from firmtrade_core.home import HomeFirms
from firmtrade_core.home.home import GRADES, Effect
from firmtrade_core.home.outcomes import exporters, firm_outcomes, profits_gained
from firmtrade_core.home.treatment import Treatment
from firmtrade_core.scenarios import Programme, Scenario, compile
from firmtrade_core.scenarios.compile import CompiledScenario
from firmtrade_core.scenarios.programmes import effect_of, stamps_of, wto_note
from firmtrade_core.world.world import World

Array = NDArray[np.float64]


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
        after too. NaN where few real firms stand behind one, or one of them dominates (`disclosure`).
    jobs : DataFrame
        By sector: percent of its labour, and persons where the firms' table has employment; persons add up to zero where
        total labour is fixed.
    account : Account
        What it costs people and brings them.
    wto : str
        A note on trade rules; empty where none is due.
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
    account: Account
    wto: str

    @property
    def evidence(self) -> str:
        """How well the effect is known, in words: it stands beside every number."""
        return GRADES[self.effect.grade]

    @property
    def stamps(self) -> tuple[str, ...]:
        """What stands beside every number wherever it goes: evidence of the effect, invented firms, a cost not entered."""
        return stamps_of(self.card, self.effect, self.after.home)

    @property
    def stamp(self) -> str:
        """The same in one line."""
        return "; ".join(self.stamps)

    @property
    def cost_per_new_exporter(self) -> float:
        """USD of public cost; infinite where none is gained, NaN without a cost."""
        return 1e6 * ratio(self.public_cost, self.new_exporters) if self.account.known else float("nan")

    @property
    def cost_per_export_dollar(self) -> float:
        """Public cost over extra exports; infinite where none are gained, NaN without a cost."""
        return ratio(self.public_cost, self.exports) if self.account.known else float("nan")

    @property
    def benefit_cost(self) -> float:
        """Income per dollar that people pay, see `Account.ratio`; NaN without a cost."""
        return self.account.ratio

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
        """What others at home lose, in real terms: ``firms`` (not treated, same sectors), ``sectors`` (all others).

        Million USD at the prices of the scenario without the programme: sales over the sector's cost of inputs and
        labour, so that dearer labour is no gain. And ``exporters``, pairs that firms not treated give up.
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
    # What a destination's or a sector's few firms do is not told; sums over all are.
    told, told_sector = home.open_markets(world), home.open_sectors(world)
    trade = abroad(with_it.border_value - without.border_value)[h]
    outlay = float(with_it.outlay[h] - without.outlay[h])
    cost = float(public_cost(with_it)[h] - public_cost(without)[h])
    gain = float(with_it.equivalent_variation[h] - without.equivalent_variation[h])
    return ProgrammeResult(
        card,
        effect_of(card, home, full.treatment.units[-1]),
        with_it,
        without,
        full.treatment,
        plain.treatment,
        full.treatment.count[-1],
        outlay,
        cost,
        float((after.firms[1] - before.firms[1]).sum()),
        float(pairs.sum()),
        float(trade.sum()),
        gain,
        pd.DataFrame(
            {
                "destination": world.countries,
                "name": [country_name(code) for code in world.countries],
                "exports": np.where(told, trade.sum(1), np.nan),
                "pairs": np.where(told, pairs.sum(0), np.nan),
                "pairs_before": np.where(told, before.pairs[1].sum(0), np.nan),
                "pairs_after": np.where(told, after.pairs[1].sum(0), np.nan),
            }
        ).drop(index=h),
        pd.DataFrame(
            {
                "sector": world.sectors,
                "name": [world.sector_name(code) for code in world.sectors],
                "exports": np.where(told_sector, trade.sum(0), np.nan),
                "pairs": np.where(
                    told_sector,
                    pd.Series(pairs.sum(1), after.sectors)
                    .reindex(world.sectors, fill_value=0.0)
                    .to_numpy(float),
                    np.nan,
                ),
            }
        ),
        jobs_table(with_it, without, home),
        Account(
            card,
            full.treatment.count[-1],
            outlay,
            outlay - cost,
            gain + outlay,
            _left_undone(without, plain.treatment, full.treatment),
        ),
        wto_note(card),
    )


def _left_undone(without: Equilibrium, plain: Treatment, full: Treatment) -> float:
    """What the firms that a programme moves would gain in profits by moving alone, million USD; NaN where not known.

    Known by their records, at baseline prices; other programmes that treat the same firms count as theirs.
    """
    own = profits_gained(without, full)
    return own - profits_gained(without, plain) if plain.treated.any() else own


def public_cost(equilibrium: Equilibrium) -> Array:
    """Subsidies and outlay less duties, (N,), million USD."""
    return equilibrium.subsidy_outlay + equilibrium.outlay - equilibrium.duties


def jobs_table(after: Equilibrium, before: Equilibrium | None, home: HomeFirms) -> pd.DataFrame:
    """Change in employment at home by sector.

    Returns
    -------
    DataFrame
        ``sector``; ``percent``, of the sector's labour; where the firms' employment is known ``persons`` and ``staff``
        before. Persons leave a shrinking sector in proportion to its labour and are hired where labour grows, in
        proportion to what it grows by: they add up to zero where total labour is fixed, and to its change otherwise.
    """
    world = after.world
    h = world.country_index(home.country)
    base = np.ones(len(world.sectors)) if before is None else before.employment_change[h]
    ratio = after.employment_change[h] / np.where(base > 0, base, 1.0)
    table = pd.DataFrame({"sector": world.sectors, "percent": 100 * (ratio - 1)})
    if "employment" in home.firms:
        labour = after.baseline.labour_share[h] * after.baseline.cost[h] * base
        staff = _staff(home, world, labour) * base
        table["staff"], table["persons"] = staff, _moved(staff, labour, ratio)
    return table


def _staff(home: HomeFirms, world: World, labour: Array) -> Array:
    """Persons by sector, (S,): of the population of firms; as much labour a person where no firms are known."""
    place = home.sector_of(world)
    people = home.firms["employment"].fillna(0).to_numpy(float) * home.firms["weight"].to_numpy(float)
    known = place >= 0
    staff = np.bincount(place[known], people[known], minlength=len(world.sectors))
    told = staff > 0
    each = staff[told].sum() / labour[told].sum() if told.any() and labour[told].sum() > 0 else 0.0
    return np.where(told, staff, each * labour)


def _moved(staff: Array, labour: Array, ratio: Array) -> Array:
    """Persons who leave, negative, and are hired, (S,); see `jobs_table`."""
    leaving = np.where(ratio < 1, staff * (1 - ratio), 0.0)
    room = np.where(ratio > 1, labour * (ratio - 1), 0.0)
    total = labour.sum()
    more = staff.sum() * (float(labour @ ratio) / total - 1) if total > 0 else 0.0
    hired = leaving.sum() + more
    if room.sum() > 0 and hired >= 0:
        return hired * room / room.sum() - leaving
    # Labour shrinks by more than sectors let go one by one: all share in it.
    return leaving * (more / leaving.sum() if leaving.sum() > 0 else 0.0)


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
    # Prices of what a sector's producers use: what is sold over them moves as the inputs and the labour that make it.
    dearer = with_it.cost_change[h] / without.cost_change[h]
    sales = after.sales[:, 1] / dearer[after.sector] - as_before(before.sales[:, 1])
    markets = after.markets[:, 1] - as_before(before.markets[:, 1])
    output = with_it.gross_output[h] / dearer - without.gross_output[h]
    touched = np.unique(after.sector[treated_now])
    others = np.delete(output, touched[touched >= 0])
    return {
        "firms": float(-sales[rest].sum()),
        "sectors": float(-others.sum()),
        "exporters": float(-markets[rest].sum()),
    }
