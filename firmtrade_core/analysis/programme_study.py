"""How sure the results of a programme are, and what else the same money would buy: one solve at a time.

A screen calls `ProgrammeStudy.advance` between redraws, so that its sliders stay live; a script calls `finish`.

Bands solve the world at either end of the interval of each of the two effects (on capability and on fixed costs),
one at a time, and combine what follows as the delta method does, with the correlation of the two errors:
``√(a² + b² + 2ρab)`` on each side.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from statistics import NormalDist

import numpy as np

from firmtrade_core.analysis.programmes import (
    ProgrammeResult,
    evaluate_programme,
    public_cost,
    ratio,
    real_income,
    variants,
)
from firmtrade_core.codes.countries import country_name
from firmtrade_core.equilibrium import Equilibrium
from firmtrade_core.equilibrium.errors import EquilibriumError
from firmtrade_core.equilibrium.states import ComparisonError, abroad
from firmtrade_core.home import HomeFirms
from firmtrade_core.home.outcomes import exporters
from firmtrade_core.scenarios import ProgrammeEffect, Scenario, ScenarioError, Tariff, compile
from firmtrade_core.scenarios.fields import EVERYTHING
from firmtrade_core.scenarios.programmes import unscaled_effect_of
from firmtrade_core.world.world import World

#: Level of bands.
LEVEL = 0.90

Band = tuple[float, float]

#: Numbers with bands of their own; the others follow from them.
MEASURES: Mapping[str, Callable[[ProgrammeResult], float]] = {
    "new_exporters": lambda r: r.new_exporters,
    "new_pairs": lambda r: r.new_pairs,
    "exports": lambda r: r.exports,
    "gain": lambda r: r.gain,
    "real_income": lambda r: r.real_income,
}

#: Solves that finding an equal cost takes at most, and how near it must come.
_MOST_STEPS, _NEAR = 12, 1e-3


@dataclass(frozen=True, eq=False)
class Alternative:
    """What the same money would do otherwise; million USD, against the scenario without the programme.

    Attributes
    ----------
    share : float
        Of tariffs that is lifted.
    equilibrium : Equilibrium
    paid : float
        What it costs whoever pays.
    public_cost, gain, exports, new_exporters, real_income : float
        At home, as of `ProgrammeResult`.
    """

    share: float
    equilibrium: Equilibrium
    paid: float
    public_cost: float
    gain: float
    exports: float
    new_exporters: float
    real_income: float


@dataclass(eq=False)
class ProgrammeStudy:
    """Bands and comparisons of one programme, worked out step by step.

    Parameters
    ----------
    scenario, world, home, card
        As `evaluate_programme` took them.
    result
        What it gave.

    Attributes
    ----------
    bands : dict of Band
        By `MEASURES` and the numbers that follow from them; empty until known, and where the effect has no error.
    own_cut, concession : Alternative, or a sentence on why there is none, or None until known
        Cut of home's own tariffs that costs its budget as much; cut of all partners' tariffs on home's goods that costs
        them as much.
    done : float
        Share of the work that is done.
    """

    scenario: Scenario
    world: World
    home: HomeFirms
    card: int
    result: ProgrammeResult
    bands: dict[str, Band] = field(default_factory=dict)
    own_cut: Alternative | str | None = None
    concession: Alternative | str | None = None
    done: float = 0.0
    _work: Generator[float, None, None] | None = field(default=None, repr=False)

    @property
    def finished(self) -> bool:
        """Whether all is known."""
        return self.done >= 1

    @property
    def has_interval(self) -> bool:
        """Whether the effect comes with errors."""
        effect = self.result.effect
        return effect.capability_error > 0 or effect.fixed_cost_error > 0

    def advance(self) -> bool:
        """One solve more; whether all is known then."""
        if self._work is None:
            self._work = self._steps()
        self.done = next(self._work, 1.0)
        return self.finished

    def finish(self) -> ProgrammeStudy:
        """All that is left."""
        while not self.advance():
            pass
        return self

    def _steps(self) -> Generator[float, None, None]:
        yield from self._spread(0.0, 0.35)
        _ = self.result.displaced
        yield 0.4
        self.own_cut = yield from self._told(self._equal_cost(self._own_tariffs, self._own_payer, 0.4, 0.7))
        self.concession = yield from self._told(
            self._equal_cost(self._partners_tariffs, self._partners_pay, 0.7, 1.0)
        )

    def _told(self, steps: Generator[float, None, Alternative]) -> Generator[float, None, Alternative | str]:
        """The same steps; a refusal becomes a sentence."""
        try:
            return (yield from steps)
        except (ComparisonError, ScenarioError, EquilibriumError) as error:
            return str(error)

    # Bands --------------------------------------------------------------------------------------

    def _spread(self, start: float, end: float) -> Generator[float, None, None]:
        if not self.has_interval:
            return
        reach = NormalDist().inv_cdf((1 + LEVEL) / 2)
        effect = self.result.effect
        moves = {(-reach, 0.0), (reach, 0.0)} if effect.capability_error else set()
        moves |= {(0.0, -reach), (0.0, reach)} if effect.fixed_cost_error else set()
        found: dict[tuple[float, float], ProgrammeResult] = {(0.0, 0.0): self.result}
        try:
            for number, move in enumerate(sorted(moves), start=1):
                found[move] = self._at(*move)
                yield start + (end - start) * number / len(moves)
        except (ScenarioError, EquilibriumError):
            return
        for name, value in MEASURES.items():
            centre = value(self.result)
            ends = [[value(found.get(m, self.result)) - centre for m in pair] for pair in (
                ((-reach, 0.0), (0.0, -reach)), ((reach, 0.0), (0.0, reach)))]  # fmt: skip
            self.bands[name] = _combined(centre, ends[0], ends[1], effect.correlation)
        self._derived()

    def _derived(self) -> None:
        """Bands of numbers that fall, or rise, with one that has a band."""
        result, account = self.result, self.result.account
        cost = result.public_cost
        low, high = self.bands["gain"]
        step = account.gain_weight / (
            account.paid_weight * max(account.firms, 1e-300) * (1 + account.card.cost_of_funds)
        )
        ends = [account.break_even + 1e6 * step * (end - result.gain) for end in (low, high)]
        self.bands["break_even"] = (ends[0], ends[1])
        if not account.known:
            return
        if account.people_pay > 0:
            moved = [
                account.ratio + account.gain_weight * (end - result.gain) / account.people_pay
                for end in (low, high)
            ]
            self.bands["benefit_cost"] = (moved[0], moved[1])
        low, high = self.bands["new_exporters"]
        self.bands["cost_per_new_exporter"] = (1e6 * ratio(cost, high), 1e6 * ratio(cost, low))
        low, high = self.bands["exports"]
        self.bands["cost_per_export_dollar"] = (ratio(cost, high), ratio(cost, low))

    def _at(self, capability: float, fixed_cost: float) -> ProgrammeResult:
        """The result so many standard errors away in either effect."""
        effect = unscaled_effect_of(self.result.card, self.home)
        moved = ProgrammeEffect(
            capability=effect.capability + capability * effect.capability_error,
            fixed_cost_saving=effect.fixed_cost_saving + fixed_cost * effect.fixed_cost_error,
            capability_error=effect.capability_error,
            fixed_cost_error=effect.fixed_cost_error,
            grade=effect.grade,
        )
        cards = list(self.scenario.cards)
        cards[self.card] = self.result.card.model_copy(update={"effect": moved})
        scenario = self.scenario.with_(cards=tuple(cards))
        return evaluate_programme(scenario, self.world, self.home, self.card, without=self.result.without)

    # What else the money would buy --------------------------------------------------------------

    def _own_tariffs(self, share: float) -> Tariff:
        return Tariff(importers=(self.home.country,), method="scale", value=1 - share)

    def _own_payer(self, equilibrium: Equilibrium) -> float:
        return float((public_cost(equilibrium) - public_cost(self.result.without))[self.result.home])

    def _partners_tariffs(self, share: float) -> Tariff:
        return Tariff(
            importers=(EVERYTHING,), exporters=(self.home.country,), method="scale", value=1 - share
        )

    def _partners_pay(self, equilibrium: Equilibrium) -> float:
        lost = self.result.without.duties - equilibrium.duties
        return float(lost.sum() - lost[self.result.home])

    def _equal_cost(
        self,
        card: Callable[[float], Tariff],
        paid: Callable[[Equilibrium], float],
        start: float,
        end: float,
    ) -> Generator[float, None, Alternative]:
        """Share of tariffs whose lifting costs as much as the programme, by the Illinois method."""
        cost, name = self.result.public_cost, country_name(self.home.country)
        if not self.result.account.known:
            raise ComparisonError("No cost of the programme is entered: nothing can cost the same.")
        if not cost > 0:
            raise ComparisonError(
                "The programme costs the budget nothing on net: nothing else has the same cost."
            )
        rest = variants(self.scenario, self.card)[1]
        base = self.result.without

        def cut(share: float) -> Equilibrium:
            compiled = compile(rest.with_(cards=(*rest.cards, card(share))), self.world, self.home)
            return compiled.solve(base)

        low, gap_low, high = 0.0, -cost, 1.0
        equilibrium = cut(high)
        gap_high = paid(equilibrium) - cost
        yield start + 0.2 * (end - start)
        if gap_high < 0:
            who = f"all tariffs of {name}" if card == self._own_tariffs else f"all tariffs on goods of {name}"
            raise ComparisonError(
                f"Lifting {who} costs less in duties than this programme; nothing of equal cost exists."
            )
        share, gap = high, gap_high
        for step in range(_MOST_STEPS):
            if abs(gap) <= _NEAR * cost:
                break
            share = (low * gap_high - high * gap_low) / (gap_high - gap_low)
            equilibrium = cut(share)
            gap = paid(equilibrium) - cost
            if gap < 0:
                low, gap_low, gap_high = share, gap, gap_high / 2
            else:
                high, gap_high, gap_low = share, gap, gap_low / 2
            yield start + (end - start) * (0.2 + 0.8 * (step + 1) / _MOST_STEPS)
        return self._alternative(share, equilibrium, paid(equilibrium))

    def _alternative(self, share: float, equilibrium: Equilibrium, paid: float) -> Alternative:
        base, h = self.result.without, self.result.home
        return Alternative(
            share,
            equilibrium,
            paid,
            self._own_payer(equilibrium),
            float((equilibrium.equivalent_variation - base.equivalent_variation)[h]),
            float(abroad(equilibrium.border_value - base.border_value)[h].sum()),
            float((exporters(equilibrium).firms[1] - exporters(base).firms[1]).sum()),
            real_income(equilibrium, base, h),
        )


def _combined(centre: float, below: list[float], above: list[float], correlation: float) -> Band:
    """Ends of a band from what each effect's lower and upper end change; see the head of the module."""
    matrix = np.array([[1.0, correlation], [correlation, 1.0]])
    down, up = (float(np.sqrt(max(np.array(v) @ matrix @ np.array(v), 0.0))) for v in (below, above))
    # Where the number falls as the effect rises, the upper end of the effect is the lower end of the number.
    if sum(above) < sum(below):
        down, up = up, down
    return centre - down, centre + up


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
        If even lifting all tariffs costs less than the programme, or the programme costs nothing.
    """
    whole = scenario.with_(cards=(*scenario.cards, result.card))
    study = ProgrammeStudy(whole, world, home, len(scenario.cards), result)
    steps = study._equal_cost(study._own_tariffs, study._own_payer, 0.0, 1.0)
    while True:
        try:
            next(steps)
        except StopIteration as done:
            found: Alternative = done.value
            return found.share, found.equilibrium
