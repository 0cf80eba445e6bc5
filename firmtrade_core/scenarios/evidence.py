"""What has been published on programmes like those of a card: effects, fading, costs, nulls included (MODEL 13).

The table holds 58 findings of 29 sources as they were printed. Five found no difference and give no number: they stay,
for else only successes would remain. Exports per dollar of budget are no ratio of benefit to cost and are not read so.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

from firmtrade_core.home.home import Effect
from firmtrade_core.labels import number
from firmtrade_core.paths import asset, read_rows
from firmtrade_core.scenarios import schema

_PROMOTION = (
    "export promotion", "exporter training", "matching grant", "trade missions", "market access", "consulates",
)  # fmt: skip

#: Beginnings of the published programmes' names, by what a card gives. Cards without an entry have no published kin here.
KIN: dict[str, tuple[str, ...]] = {
    "supplier_networks": ("supplier development", "linkage"),
    "export_promotion": _PROMOTION,
    "skills": ("management consulting", "exporter training"),
    "digital_trade": ("exporter training",),
    "trade_finance": ("export credit",),
    "fixed_cost": _PROMOTION,
    "trade_cost": ("customs", "transit system", "trade facilitation"),
}

#: Outcomes that a programme's effect on a firm's sales can be held against: those of treated firms, in percent.
_COMPARABLE = (
    "export value", "sales, supplier", "sales of firms that had relied", "growth of export sales", "export sales,",
    "export growth of participants", "export level", "profits", "sales to other buyers",
)  # fmt: skip


@dataclass(frozen=True)
class Finding:
    """One published finding; numbers that were not printed are NaN.

    Parameters
    ----------
    programme, country, outcome
    effect, unit
        As printed; the middle of a printed range where ``interval_kind`` says so.
    low, high, interval_kind
        A confidence interval in one row, ranges of point estimates elsewhere.
    years
        Horizon, as printed.
    fades
        Whether the effect fades, in words.
    cost
        USD a firm.
    per_dollar
        What a dollar brought, in the words of the source: mostly exports, which are no gain.
    design, source, where, notes
    nothing
        What was not found, of findings without a number.
    """

    programme: str
    country: str
    outcome: str
    effect: float
    unit: str
    low: float
    high: float
    interval_kind: str
    years: str
    fades: str
    cost: float
    per_dollar: str
    design: str
    source: str
    where: str
    notes: str
    nothing: str

    @property
    def comparable(self) -> float | None:
        """Percent by which support raised what treated firms sell, or earn; 0 where no difference was found; else None."""
        if not self.outcome.startswith(_COMPARABLE) or self.unit not in ("percent", "percentage points"):
            return None
        if math.isnan(self.effect):
            return 0.0 if self.nothing else None
        return -self.effect if "shutdown" in self.programme else self.effect

    def effect_words(self) -> str:
        """The finding in short."""
        if math.isnan(self.effect):
            return self.nothing or "no number printed"
        text = f"{number(self.effect, significant=3)} {self.unit}"
        if math.isfinite(self.low) and math.isfinite(self.high):
            text += f" ({number(self.low, significant=3)} to {number(self.high, significant=3)}, {self.interval_kind})"
        return text


@lru_cache(maxsize=1)
def findings() -> tuple[Finding, ...]:
    """All published findings."""
    return tuple(_finding(row) for row in read_rows(asset("programme_evidence.csv"), ","))


def _finding(row: dict[str, str]) -> Finding:
    def value(name: str) -> float:
        return float(row[name]) if row[name].strip() else math.nan

    return Finding(
        row["programme_type"], row["country"], row["outcome"], value("effect"), row["unit"], value("ci_low"),
        value("ci_high"), row["interval_kind"], row["horizon_years"], row["fades"], value("cost_per_firm_usd"),
        row["benefit_per_dollar"], row["design"], row["source"], row["where_seen"], row["notes"],
        row["finding_without_number"],
    )  # fmt: skip


def published(card: schema.Card) -> tuple[Finding, ...]:
    """Findings on programmes of the card's kind; empty where none is known to the table."""
    name = card.policy if isinstance(card, schema.Programme) else card.kind
    kin = KIN.get(name, ())
    return tuple(found for found in findings() if kin and found.programme.startswith(kin))


def published_range(card: schema.Card) -> tuple[float, float] | None:
    """Lowest and highest published effect on what treated firms sell, percent, nulls as 0; None where there is none."""
    values = [found.comparable for found in published(card)]
    known = [value for value in values if value is not None]
    return (min(known), max(known)) if known else None


def raises_sales(effect: Effect) -> float:
    """Percent by which an effect raises what a firm sells where it sells, at given prices."""
    return 100 * math.expm1(effect.capability)


def beyond_published(card: schema.Programme, effect: Effect) -> str:
    """A mark where a programme does more, or less, for a firm's sales than was ever published of its kind; else empty."""
    found = published_range(card)
    if found is None:
        return ""
    low, high = found
    value = raises_sales(effect)
    return "" if min(low, 0.0) <= value <= high else "beyond published effects"


def range_words(card: schema.Card) -> str:
    """What the published findings span, in a sentence."""
    known, found = published(card), published_range(card)
    if not known:
        return "No published evaluation of such a programme is in the table of evidence: nothing to hold the effect against."
    nulls = sum(math.isnan(each.effect) for each in known)
    none = f", {nulls} of them without a difference" if nulls else ""
    text = f"{len(known)} published findings{none}"
    if found is None:
        return f"{text}; none says by how much treated firms sell more."
    low = "no difference" if found[0] == 0 else f"{number(found[0], significant=3, signed=True)} %"
    return f"{text}. On what treated firms sell or earn: from {low} to {number(found[1], significant=3, signed=True)} %."
