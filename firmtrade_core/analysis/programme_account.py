"""What a programme costs people and what it brings them, over the years (MODEL 13, "Programmes").

A year's gain comes out of two solves of the world; the account adds what the engine does not know: that raising money
costs more than the money, that firms spend their own, that effects fade after the last payment, that later years weigh
less. A cost that nobody entered is not zero: there is no ratio then, and the cost at which the programme would just
break even is told instead.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from firmtrade_core.scenarios import Programme


@dataclass(frozen=True)
class Account:
    """The social account of one programme; money in million USD, a year's unless said.

    Parameters
    ----------
    card
        Cost, deadweight, cost of public funds, own cost, years, fading, discount rate.
    firms
        Firms treated in the population, those included that would have done it anyway.
    outlay
        What is paid.
    duties
        What the budget gains in duties, net of subsidies, because trade moves.
    gain
        Equivalent variation with the outlay added back: income before anybody has paid.
    private_gain
        What the firms that move gain in profits at the prices of the world without the programme, those left out that
        would lose; NaN where it is not known.
    """

    card: Programme
    firms: float
    outlay: float
    duties: float
    gain: float
    private_gain: float = math.nan

    @property
    def paid_weight(self) -> float:
        """Σ (1+r)^-t over the years paid, 1 where one year stands for all."""
        years = self.card.paid_years
        return 1.0 if years is None else _present(years, self.card.discount_rate)

    @property
    def gain_weight(self) -> float:
        """Σ e_t (1+r)^-t over the years counted: e is 1 while paid and falls by the fading in each year after.

        A year's gain is taken to be in proportion to the effect that is left, which holds for gains as small against a
        country's income as programmes' are.
        """
        card = self.card
        if card.paid_years is None:
            return 1.0
        paid = min(card.paid_years, card.counted_years)
        total, kept, start = _present(paid, card.discount_rate), 1.0, paid
        while start < card.counted_years and kept > 0:
            kept *= 1 - card.fading
            length = min(1.0, card.counted_years - start)
            total += kept * length * (1 + card.discount_rate) ** -start
            start += length
        return total

    @property
    def known(self) -> bool:
        """Whether a cost was entered."""
        return self.card.cost_known

    @property
    def own(self) -> float:
        """What firms spend themselves over the years; 0 where nobody entered it."""
        return 1e-6 * (self.card.own_cost or 0.0) * self.firms * self.paid_weight

    @property
    def public(self) -> float:
        """What the public pays over the years, with what raising it costs."""
        return self.outlay * self.paid_weight * (1 + self.card.cost_of_funds)

    @property
    def people_pay(self) -> float:
        """The same with what firms spend themselves."""
        return self.public + self.own

    @property
    def benefit(self) -> float:
        """Income gained over the years, duties among it, which spare the budget the cost of raising them."""
        return (self.gain + self.card.cost_of_funds * self.duties) * self.gain_weight

    @property
    def net(self) -> float:
        """What is left after all have paid, over the years; before any public cost where none was entered."""
        return self.benefit - self.people_pay

    @property
    def ratio(self) -> float:
        """Dollars of income per dollar that people pay, firms' own among it; NaN without a cost."""
        return self._ratio(self.people_pay)

    @property
    def revealed_ratio(self) -> float:
        """The same where firms have not done it because it costs them as much as they would gain.

        A firm that leaves undone what would pay it reveals a cost of its own at least its gain: that is then what firms
        pay. NaN where the firms' gain is not known.
        """
        return self._ratio(self.public + self.revealed_own)

    @property
    def revealed_own(self) -> float:
        """What firms' own cost is at least, over the years."""
        return max(self.private_gain * self.gain_weight, self.own)

    def _ratio(self, paid: float) -> float:
        if not self.known or math.isnan(paid):
            return math.nan
        return self.benefit / paid if paid > 0 else math.inf

    @property
    def break_even(self) -> float:
        """Public cost per firm treated, USD a year while it is paid, at which nothing would be left."""
        return self._break_even(self.own)

    @property
    def revealed_break_even(self) -> float:
        """The same where firms' own cost is as large as their gain."""
        return self._break_even(self.revealed_own)

    def _break_even(self, own: float) -> float:
        if not self.firms > 0:
            return math.nan
        funds = 1 + self.card.cost_of_funds
        return 1e6 * (self.benefit - own) / (funds * self.paid_weight * self.firms)

    def terms(self) -> tuple[tuple[str, str], ...]:
        """What the account rests on, a name and words each: what was entered, what was not, what is a default."""
        card = self.card
        cost = "not entered: it is not zero, and no ratio is shown"
        if card.outlay is not None:
            cost = f"{card.outlay:g} million USD a year in all"
        elif card.unit_cost is not None:
            cost = f"{card.unit_cost:g} USD a year for each firm treated"
        if card.cost_known:
            cost += f"; {card.cost_source}" if card.cost_source else "; entered"
        years = "paid every year, the effect lasts as long: one year stands for all"
        if card.paid_years is not None:
            years = (
                f"paid for {card.paid_years:g} years, {100 * card.fading:.3g} % of the effect lost in each year after, "
                f"{card.counted_years:g} years counted at {100 * card.discount_rate:.3g} % a year"
            )
        own = (
            "not entered" if card.own_cost is None else f"{card.own_cost:g} USD a year for each firm treated"
        )
        return (
            ("Public cost", cost),
            ("Firms that would have done it anyway", f"{100 * card.deadweight:.3g} % of those treated"),
            ("Cost of public funds", f"{card.cost_of_funds:g} dollars beyond each dollar raised"),
            ("Firms' own cost", own),
            ("Years", years),
        )


def _present(years: float, rate: float) -> float:
    """Σ (1+r)^-t, t = 0, 1, ...; a part of a year counts in part."""
    whole = int(years)
    total = sum((1 + rate) ** -year for year in range(whole))
    return float(total + (years - whole) * (1 + rate) ** -whole)
