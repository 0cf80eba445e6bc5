"""A lever's whole range as certified solves, so that a slide can follow the finger: read between them, exact where it rests.

Points are solved from coarse to fine, each from its nearest neighbour. What lies between two of them is interpolated by whoever
draws it; where the lever comes to rest, that very value is solved and certified.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from firmtrade_core.analysis.programmes import evaluate_programme, variants
from firmtrade_core.codes.countries import country_name
from firmtrade_core.equilibrium import Equilibrium
from firmtrade_core.equilibrium.errors import EquilibriumError
from firmtrade_core.equilibrium.states import ComparisonError
from firmtrade_core.figures.outcomes import headlines, outcome, sector_outcomes
from firmtrade_core.figures.programmes import finding
from firmtrade_core.home import HomeFirms
from firmtrade_core.labels import in_powers
from firmtrade_core.report.live_words import told
from firmtrade_core.report.programme_tables import measures
from firmtrade_core.scenarios import Programme, Scenario, compile, describe
from firmtrade_core.scenarios.assumptions import assumed
from firmtrade_core.scenarios.errors import ScenarioError
from firmtrade_core.scenarios.links import LinkError, encode
from firmtrade_core.world.world import World

#: Points over the range of a lever: with so many, what is read between them is right to the digits shown for smooth answers.
POINTS = 25

#: Programmes whose firms are counted one by one solve slower and bend less.
POINTS_OF_PROGRAMMES = 9


@dataclass(frozen=True)
class Lever:
    """A number of a card that can be slid.

    Parameters
    ----------
    card
        Its position in the scenario.
    field
        Of the card.
    label, unit
        As the screen says it; ``unit`` is what stands behind the number.
    lowest, highest, step
        On screen.
    factor
        From the screen's number to the scenario's.
    signed
        Whether the number is a change, written with its sign.
    """

    card: int
    field: str
    label: str
    unit: str
    lowest: float
    highest: float
    step: float
    factor: float = 0.01
    signed: bool = False

    def value(self, scenario: Scenario) -> float:
        """Where it stands, as the screen shows it."""
        return float(getattr(scenario.cards[self.card], self.field)) / self.factor

    def put(self, scenario: Scenario, value: float) -> Scenario:
        """The scenario with the lever elsewhere; raises ScenarioError where that is none."""
        content = scenario.to_dict()
        content["cards"][self.card][self.field] = round(value * self.factor, 8)
        return Scenario.parse(content)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for whoever draws the lever."""
        names = ("label", "unit", "lowest", "highest", "step", "signed")
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True, eq=False)
class Point:
    """A certified solve at one value of the lever, and what slides show of it.

    Parameters
    ----------
    value
        Of the lever.
    scenario, equilibrium
    shown
        Plain data: see `LeverPath.read`.
    """

    value: float
    scenario: Scenario
    equilibrium: Equilibrium
    shown: dict[str, Any]


@dataclass(eq=False)
class LeverPath:
    """Certified solves along a lever.

    Parameters
    ----------
    scenario, world, home
        As for `scenarios.compile`.
    lever
        None where no card has one: then there is one point.
    country
        Code of the country whose numbers are told.
    outcome, sector_measure
        Variables of map and sector bars.
    first
        What is read against; the baseline unless given.
    start
        A solution near by.
    tell
        Whether programmes are told firm by firm, in sums.
    """

    scenario: Scenario
    world: World
    home: HomeFirms | None
    lever: Lever | None
    country: str
    outcome: str = "real_income"
    sector_measure: str = "exports"
    first: Equilibrium | None = None
    start: Equilibrium | None = None
    tell: bool = True
    points: dict[float, Point] = field(default_factory=dict)
    _without: dict[int, Equilibrium] = field(default_factory=dict)

    def planned(self) -> list[float]:
        """Values to solve, from coarse to fine: where the lever stands, its ends, then the middles."""
        if self.lever is None:
            return [0.0]
        stands, lowest, highest = self.stands, self.lever.lowest, self.lever.highest
        count = POINTS_OF_PROGRAMMES if self.scenario.treats_firms else POINTS
        order = [stands, lowest, highest]
        grid = np.linspace(lowest, highest, count)
        stride = count - 1
        while stride > 1:
            stride //= 2
            order += [float(grid[i]) for i in range(stride, count - 1, stride)]
        return list(dict.fromkeys(round(value, 6) for value in order))

    @property
    def stands(self) -> float:
        """Where the lever stood when the slides were opened."""
        return 0.0 if self.lever is None else round(self.lever.value(self.scenario), 6)

    def solve(self, value: float) -> Point:
        """The certified answer at a value; of one solved before, that one.

        Raises
        ------
        ScenarioError, firmtrade_core.equilibrium.errors.EquilibriumError, FirmsError, WorldError
            If there is none.
        """
        value = round(float(value), 6)
        if value in self.points:
            return self.points[value]
        scenario = self.scenario if self.lever is None else self.lever.put(self.scenario, value)
        near = min(self.points.values(), key=lambda point: abs(point.value - value), default=None)
        compiled = compile(scenario, self.world, self.home)
        found = compiled.solve(self.start if near is None else near.equilibrium)
        point = Point(value, scenario, found, {})
        point = replace(point, shown=self.read(point))
        self.points[value] = point
        return point

    def read(self, point: Point) -> dict[str, Any]:
        """What slides show of a point, as plain data: countries in the world's order, sectors in its order."""
        found, first, country = point.equilibrium, self.first, self.country
        certificate = found.certificate
        lines, problems = told(point.scenario.narrative, found, first)
        percent, _ = sector_outcomes(found, country, self.sector_measure, first)
        return {
            "value": point.value,
            "result": found.content_hash,
            "certified": bool(certificate.holds),
            "residual": in_powers(certificate.largest),
            "sentence": describe(point.scenario, self.world),
            "assumed": assumed(point.scenario, found),
            "numbers": [
                {"label": item.label, "value": _plain(item.value), "unit": item.unit, "detail": item.detail}
                for item in headlines(found, country, country_name(country), first)
            ],
            "map": _all_plain(outcome(found, self.outcome, first).change),
            "sectors": _all_plain(percent),
            "words": list(lines),
            "problems": list(problems),
            "programmes": self._programmes(point),
            "link": self._link(point.scenario),
        }

    def _link(self, scenario: Scenario) -> str:
        try:
            return encode(scenario, self.world)
        except LinkError:
            return ""

    def programmes_told(self, equilibrium: Equilibrium) -> list[dict[str, Any]]:
        """What the programmes of the scenario achieve in its own answer: finding, stamps, numbers with units."""
        return self._programmes(Point(0.0, self.scenario, equilibrium, {}))

    def _programmes(self, point: Point) -> list[dict[str, Any]]:
        home, scenario = self.home, point.scenario
        if home is None or not self.tell or scenario.structure.family not in ("firms", "differing"):
            return []
        told_of = []
        for place, card in enumerate(scenario.cards):
            if not isinstance(card, Programme) or not card.enabled:
                continue
            try:
                result = evaluate_programme(
                    scenario,
                    self.world,
                    home,
                    place,
                    with_it=point.equilibrium,
                    without=self._rest(scenario, place, point.equilibrium),
                )
            except (ComparisonError, EquilibriumError, ScenarioError):
                continue
            told_of.append(
                {
                    "finding": finding(result),
                    "stamps": list(result.stamps),
                    "numbers": [
                        {"label": label, "value": _plain(value), "unit": unit}
                        for key, label, value, unit in measures(result)
                        if key not in ("outlay", "public")
                    ],
                }
            )
        return told_of

    def _rest(self, scenario: Scenario, place: int, near: Equilibrium) -> Equilibrium:
        """The scenario without a programme: the same at every value where the lever is that programme's own."""
        own = self.lever is not None and self.lever.card == place
        if own and place in self._without:
            return self._without[place]
        _, rest = variants(scenario, place)
        found = compile(rest, self.world, self.home).solve(near)
        if own:
            self._without[place] = found
        return found


def interpolated(points: Sequence[tuple[float, float]], value: float) -> float:
    """What the slides read between solved points: a cubic through each pair that never overshoots them.

    Monotone piecewise cubic (Fritsch and Carlson 1980), slopes by three-point differences; the browser has the same.

    Parameters
    ----------
    points
        Lever and number, by rising lever.
    value
        Of the lever, within.
    """
    x, y = (np.array(side, dtype=float) for side in zip(*points, strict=True))
    if len(x) == 1:
        return float(y[0])
    k = int(np.clip(np.searchsorted(x, value) - 1, 0, len(x) - 2))
    h, slope = np.diff(x), np.diff(y) / np.diff(x)

    def tangent(i: int) -> float:
        if i in (0, len(x) - 1):
            return float(slope[0 if i == 0 else -1])
        before, after = slope[i - 1], slope[i]
        if before * after <= 0:
            return 0.0
        mean = (before * h[i] + after * h[i - 1]) / (h[i] + h[i - 1])
        return float(np.sign(mean) * min(abs(mean), 3 * min(abs(before), abs(after))))

    t = (value - x[k]) / h[k]
    return float(
        (1 + 2 * t) * (1 - t) ** 2 * y[k]
        + t * (1 - t) ** 2 * h[k] * tangent(k)
        + t * t * (3 - 2 * t) * y[k + 1]
        + t * t * (t - 1) * h[k] * tangent(k + 1)
    )


def _plain(value: float) -> float | None:
    return round(float(value), 7) if np.isfinite(value) else None


def _all_plain(values: Any) -> list[float | None]:
    return [_plain(float(value)) for value in values]
