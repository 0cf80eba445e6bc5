"""What a firm programme achieves, for whom, and at what price (MODEL 4)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import brentq

from firmtrade_core.analysis.firms import exporters, firm_outcomes
from firmtrade_core.analysis.states import ComparisonError, abroad
from firmtrade_core.codes.countries import country_name
from firmtrade_core.equilibrium import Equilibrium, solve
from firmtrade_core.scenarios import HomeFirms, Programme, Scenario, Tariff, compile
from firmtrade_core.scenarios.compile import CompiledScenario
from firmtrade_core.scenarios.programmes import Treatment, wto_note
from firmtrade_core.world.world import World

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ProgrammeResult:
    """One programme: the scenario with it against the scenario without it.

    Attributes
    ----------
    with_it, without : Equilibrium
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
        Change of exports and of firm-market pairs, by destination and by sector.
    jobs : DataFrame
        By sector: percent, and persons where the firms' table has employment.
    displaced : dict
        Million USD of sales that others at home lose: ``firms`` (not treated, same sectors), ``sectors`` (all
        other sectors); and ``exporters``, pairs that firms not treated give up.
    stamp, wto : str
        Evidence of the effect, and a note on trade rules; empty where none is due.
    """

    with_it: Equilibrium
    without: Equilibrium
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
    displaced: dict[str, float]
    stamp: str
    wto: str

    @property
    def cost_per_new_exporter(self) -> float:
        """USD of public cost; infinite where none is gained."""
        return 1e6 * _ratio(self.public_cost, self.new_exporters)

    @property
    def cost_per_export_dollar(self) -> float:
        """Public cost over extra exports; infinite where none are gained."""
        return _ratio(self.public_cost, self.exports)

    @property
    def benefit_cost(self) -> float:
        """Gain, before paying for it, over public cost; above 1 the programme pays for itself."""
        return 1 + _ratio(self.gain, self.public_cost)

    @property
    def real_income(self) -> float:
        """Change in real income at home, percent."""
        before, after = (e.real_income_change[self._home] for e in (self.without, self.with_it))
        return float(100 * (after / before - 1))

    @property
    def _home(self) -> int:
        return int(self.with_it.margins_in_force.home)  # type: ignore[attr-defined]


def _ratio(amount: float, per: float) -> float:
    return amount / per if per > 0 else float("inf")


def evaluate_programme(scenario: Scenario, world: World, home: HomeFirms, card: int) -> ProgrammeResult:
    """The difference that one programme of a scenario makes.

    Parameters
    ----------
    card
        Position in ``scenario.cards``.

    Raises
    ------
    ComparisonError
        If the card is no programme, or the scenario does not use the firms family.
    ScenarioError, EquilibriumError
        As `compile` and `solve`.
    """
    programme = scenario.cards[card]
    if not isinstance(programme, Programme):
        raise ComparisonError(f"Card {card + 1} is of kind {programme.kind}; choose a programme.")
    if scenario.structure.family != "firms":
        raise ComparisonError("Choose the firms family: a programme is judged firm by firm.")
    others = tuple(c for position, c in enumerate(scenario.cards) if position != card)
    plain = compile(scenario.with_(cards=others), world, home)
    full = compile(
        scenario.with_(cards=(*others, programme.model_copy(update={"enabled": True}))), world, home
    )
    without = solve(world, plain.shock, plain.parameters, start=plain.unanswered)
    return _judged(programme, plain, full, without, world)


def _judged(
    card: Programme, plain: CompiledScenario, full: CompiledScenario, without: Equilibrium, world: World
) -> ProgrammeResult:
    with_it = solve(world, full.shock, full.parameters, start=without)
    assert plain.treatment is not None and full.treatment is not None
    h = world.country_index(full.treatment.home.country)
    before, after = exporters(without), exporters(with_it)
    pairs = after.pairs[1] - before.pairs[1]
    trade = abroad(with_it.border_value - without.border_value)[h]
    return ProgrammeResult(
        with_it,
        without,
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
            }
        ).drop(index=h),
        pd.DataFrame(
            {
                "sector": world.sectors,
                "exports": trade.sum(0),
                "pairs": pd.Series(pairs.sum(1), after.sectors)
                .reindex(world.sectors, fill_value=0.0)
                .to_numpy(),
            }
        ),
        jobs_table(with_it, without, full.treatment.home),
        _displaced(plain.treatment, full.treatment, without, with_it, h),
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


def equal_cost_tariff_cut(
    result: ProgrammeResult, scenario: Scenario, world: World, home: HomeFirms
) -> tuple[float, Equilibrium]:
    """A cut of the home country's own tariffs whose loss of duties costs as much as the programme.

    Parameters
    ----------
    scenario
        Without the programme.

    Returns
    -------
    share : float
        Of its tariffs on all goods that is taken off.
    equilibrium : Equilibrium
        The world with that cut.

    Raises
    ------
    ComparisonError
        If even lifting all tariffs costs less than the programme.
    """
    start: Equilibrium = result.without
    h = world.country_index(home.country)
    base = public_cost(start)[h]

    def cut(share: float) -> Equilibrium:
        card = Tariff(importers=(home.country,), method="scale", value=1 - share)
        compiled = compile(scenario.with_(cards=(*scenario.cards, card)), world, home)
        return solve(world, compiled.shock, compiled.parameters, start=start)

    def gap(share: float) -> float:
        return float(public_cost(cut(share))[h] - base - result.public_cost)

    if gap(1.0) < 0:
        raise ComparisonError(
            f"Lifting all tariffs of {country_name(home.country)} costs less in duties than this programme; there is no "
            "tariff cut of equal cost."
        )
    share = float(brentq(gap, 0.0, 1.0, xtol=1e-5)) if result.public_cost > 0 else 0.0
    return share, cut(share)
