"""Whom to treat with a budget: what each firm's treatment is worth at the margin, and a rule that people can read (MODEL 14).

A firm treated sells more at given prices. By market, that is what lower trade costs of its sector would do, whose worth to
the country's real income one gradient gives; what it spares in fixed costs is worth itself. A tree of depth three at most is
then learned by weighted classification (Athey, Wager 2021: a firm counts for what its treatment is worth beyond its
price), on one half of the firms, and valued on the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from firmtrade_core.equilibrium import Equilibrium, Outcome, gradients, solve
from firmtrade_core.equilibrium.states import ComparisonError
from firmtrade_core.home import HomeFirms
from firmtrade_core.home.outcomes import own_margins
from firmtrade_core.home.treatment import Treatment
from firmtrade_core.labels import level
from firmtrade_core.scenarios import Programme
from firmtrade_core.scenarios.programmes import effect_of, units_given
from firmtrade_core.scenarios.schema import Eligibility
from firmtrade_core.world.world import World

Array = NDArray[np.float64]

#: Firms with fewer workers are small.
SMALL = 50

#: Least number of firms behind a leaf.
_LEAF = 50

#: Standard errors to the ends of a 90 % interval.
_REACH = 1.6448536

#: Random choices that spend the budget.
_DRAWS = 40


@dataclass(frozen=True, eq=False)
class FirmValues:
    """What treating each firm is worth at the margin.

    Attributes
    ----------
    value : (F,)
        Real income of the country, million USD a year per firm treated; 0 where the sector has no record.
    weight : (F,)
        Firms of the population that each stands for.
    known : (F,) of bool
        Whether the model knows the firm's markets.
    equilibrium : Equilibrium
        At which they are taken.
    residual : float
        Of the adjoint equations.
    """

    value: Array
    weight: Array
    known: NDArray[np.bool_]
    equilibrium: Equilibrium
    residual: float


@dataclass(frozen=True)
class Way:
    """One way to spend the budget, on firms not used to choose it.

    Attributes
    ----------
    name : str
    firms : float
        Firms of the population treated, brought to the whole population.
    per_dollar : float
        Real income per dollar that people pay, cost of public funds included; of all held-out firms.
    small, outside : float
        Share of the treated that are small, and outside the region with most firms.
    spread : float
        Standard deviation of ``per_dollar`` over random choices; 0 for rules.
    low, high : float
        Of ``per_dollar`` at the ends of the effect's 90 % interval; NaN where they were not asked for.
    """

    name: str
    firms: float
    per_dollar: float
    small: float
    outside: float
    spread: float = 0.0
    low: float = float("nan")
    high: float = float("nan")


@dataclass(frozen=True, eq=False)
class Targeting:
    """A budget and whom to treat with it.

    Attributes
    ----------
    card : Programme
    budget : float
        Million USD a year.
    unit_cost : float
        USD a year per firm treated.
    rule : tuple of str
        Conditions of those treated, a line for each group, most worth first.
    ways : tuple of Way
        The rule, all, the largest, at random: valued on held-out firms.
    break_even : float
        USD a year per firm treated by the rule at which it stops paying.
    concession_points, concession : float
        Points off the country's own tariffs on all goods that cost the same in duties, and what they do to real income, million USD,
        by the same gradient; NaN where it levies none.
    chosen : (F,)
        Share of each firm treated by the rule.
    cards : tuple of Programme
        The rule as policies of a scenario, one for each group, most worth first: who is eligible, which share takes part.
    first_order : float
        Σ of values of those chosen, million USD.
    solved : float
        The same by a whole solution of the world with them treated.
    """

    card: Programme
    budget: float
    unit_cost: float
    rule: tuple[str, ...]
    ways: tuple[Way, ...]
    break_even: float
    concession_points: float
    concession: float
    chosen: Array
    cards: tuple[Programme, ...]
    first_order: float
    solved: float


def firm_values(equilibrium: Equilibrium, home: HomeFirms, card: Programme) -> FirmValues:
    """Marginal value of treating each firm.

    Parameters
    ----------
    equilibrium
        Under the firms family, without the programme.
    home
    card
        What it gives firms; who is eligible is left aside.

    Raises
    ------
    ComparisonError
        Under another family.
    GradientError
        As `Equilibrium.gradient`.
    """
    margins, world = own_margins(equilibrium), equilibrium.world
    h = world.country_index(home.country)
    gradient = equilibrium.gradient(Outcome("real_income", home.country))
    worth = -float(world.income[h]) * gradient.trade_cost[h]
    place, table = home.sector_of(world), home.firms
    weight = table["weight"].to_numpy(float)
    effect = effect_of(card, home)
    units = units_given(card, home, effect)
    value, known = np.zeros(len(table)), np.zeros(len(table), dtype=bool)
    plain = Treatment.none(home)
    reached = replace(
        plain,
        capability=plain.capability + effect.capability * units,
        fixed_cost_saving=plain.fixed_cost_saving + effect.fixed_cost_saving * units,
        treated=np.ones(len(table), dtype=bool),
    )
    for position, s in enumerate(margins.rows):
        record, chosen = margins.observed[position], place == s
        if record is None or not chosen.any():
            continue
        gamma = float(margins.within_elasticity[s])
        rows = reached.rows(world, int(s), chosen)
        at, nothing = np.zeros(len(record.markets)), np.zeros(len(rows.firm))
        sold, _, at_home = record.sales(rows.firm, rows.capability, rows.saving, at)
        was, _, home_was = record.sales(rows.firm, nothing, nothing, at)
        mass = rows.weight
        total, total_home = mass @ was, float(mass @ home_was)
        share = np.divide(sold - was, total, out=np.zeros_like(was), where=total > 0)
        each = share @ worth[record.markets, s] / (gamma - 1)
        if total_home > 0:
            each += (at_home - home_was) / total_home * worth[h, s] / (gamma - 1)
        # What is left of the gain in profits once sales are counted is fixed costs spared, less those of entrants.
        spared = record.profits_gained(rows, gamma) - (at_home - home_was + (sold - was).sum(1)) / gamma
        value[chosen], known[chosen] = each + spared, True
    return FirmValues(value, weight, known, equilibrium, gradient.residual)


def effect_ends(equilibrium: Equilibrium, home: HomeFirms, card: Programme) -> tuple[FirmValues, FirmValues]:
    """`firm_values` at the ends of the effect's 90 % interval: what a firm is worth rises with the effect."""
    low, high = (
        card.model_copy(update={"effect_deviations": card.effect_deviations + at}) for at in (-_REACH, _REACH)
    )
    return firm_values(equilibrium, home, low), firm_values(equilibrium, home, high)


def whom_to_treat(
    values: FirmValues,
    home: HomeFirms,
    card: Programme,
    *,
    budget: float,
    unit_cost: float,
    small: float = 0.0,
    outside: float = 0.0,
    depth: int = 3,
    seed: int = 0,
    ends: tuple[FirmValues, FirmValues] | None = None,
) -> Targeting:
    """A rule for a budget, and what it is worth on firms not used to choose it.

    Parameters
    ----------
    values
        As `firm_values`.
    card
        For its cost of public funds.
    budget
        Million USD a year that is paid out.
    unit_cost
        USD a year per firm treated.
    small, outside
        Least share of the treated that have fewer than 50 workers, and that lie outside the region with most firms.
    depth
        Of the tree, three at most.
    seed
        Of the split and of random choices.
    ends
        As `effect_ends`: each way is then also told at the ends of the effect's interval, the choice of firms as it is.

    Raises
    ------
    ComparisonError
        Where the budget treats nobody, no firm is known, or single firms may not be told.
    """
    if not home.screen.public:
        raise ComparisonError(
            "These firms are confidential: a rule on single firms would tell about them. Declare the file public, or load synthetic firms."
        )
    if not (0 < depth <= 3 and unit_cost > 0 and budget > 0):
        raise ComparisonError("Give a budget and a cost per firm above 0, and a depth from 1 to 3.")
    use = np.flatnonzero(values.known)
    if len(use) < 4 * _LEAF:
        raise ComparisonError("Too few firms are known to learn a rule and to value it on others.")
    world, funds = values.equilibrium.world, 1 + card.cost_of_funds
    features, names, asks = _features(home, world)
    value, weight, cost = values.value, values.weight, 1e-6 * unit_cost
    staff = (
        home.firms["employment"].to_numpy(float)
        if "employment" in home.firms
        else np.full(len(value), np.inf)
    )
    region = (
        home.firms["region"].astype(str).to_numpy() if "region" in home.firms else np.full(len(value), "")
    )
    largest = str(pd.Series(weight).groupby(region).sum().idxmax())
    groups = (staff < SMALL, region != largest)
    half = np.zeros(len(value), dtype=bool)
    half[np.random.default_rng(seed).permutation(use)[: len(use) // 2]] = True
    learn, hold = use[half[use]], use[~half[use]]
    whole = float(weight[use].sum())
    if budget / cost < 1:
        raise ComparisonError("The budget does not treat one firm at this cost.")

    def afford(rows: NDArray[np.intp]) -> float:
        return budget / cost * float(weight[rows].sum()) / whole

    bonus = np.zeros(len(value))
    rule = _Rule(features, names, value, weight, learn, depth)
    share = rule.choose(bonus, afford(learn))
    step = float(np.abs(value[use]).mean())
    for _ in range(40):
        short = [
            wanted - float((share * weight * mask)[learn].sum() / max((share * weight)[learn].sum(), 1e-12))
            for mask, wanted in zip(groups, (small, outside), strict=True)
        ]
        if max(short) <= 0.005:
            break
        for mask, lack in zip(groups, short, strict=True):
            bonus = bonus + mask * step * max(lack, 0.0)
        step *= 1.25
        share = rule.choose(bonus, afford(learn))
    else:
        raise ComparisonError(
            "No readable rule meets these shares with this budget: ask for smaller shares of small or outside firms."
        )
    scale = whole / float(weight[hold].sum())

    def way(name: str, chosen: Array, spread: float = 0.0) -> Way:
        mass = (chosen * weight)[hold]
        count = float(mass.sum())
        per, *reach = [
            float((mass * worth[hold]).sum()) / (count * cost * funds) if count > 0 else float("nan")
            for worth in (value, *(end.value for end in ends or ()))
        ]
        low, high = (min(reach), max(reach)) if reach else (float("nan"), float("nan"))
        parts = [float((mass * mask[hold]).sum() / count) if count > 0 else float("nan") for mask in groups]
        return Way(name, count * scale, per, parts[0], parts[1], spread, low, high)

    most = _until(-staff, weight, hold, afford(hold))
    everyone = np.ones(len(value))
    random = np.random.default_rng(seed + 1)
    drawn = [
        way("At random", _until(random.uniform(size=len(value)), weight, hold, afford(hold)))
        for _ in range(_DRAWS)
    ]
    mean = replace(
        drawn[0],
        per_dollar=float(np.mean([one.per_dollar for one in drawn])),
        small=float(np.mean([one.small for one in drawn])),
        outside=float(np.mean([one.outside for one in drawn])),
        spread=float(np.std([one.per_dollar for one in drawn])),
        low=float(np.mean([one.low for one in drawn])),
        high=float(np.mean([one.high for one in drawn])),
    )
    ways = (
        way("The rule", share),
        way("All firms, at their own cost", everyone),
        way("The largest first", most),
        mean,
    )
    chosen = np.where(values.known, share, 0.0)
    told = float((chosen * weight * value).sum())
    points, concession = _concession(values.equilibrium, home.country, budget)
    return Targeting(
        card,
        budget,
        unit_cost,
        rule.words(bonus),
        ways,
        ways[0].per_dollar * unit_cost,
        points,
        concession,
        chosen,
        rule.cards(card.model_copy(update={"unit_cost": unit_cost}), asks, _sectors_of(home, world)),
        told,
        _solved(values.equilibrium, home, card, chosen),
    )


class _Rule:
    """A tree over firms, for a price that makes it cost what there is."""

    def __init__(
        self,
        features: Array,
        names: Sequence[str],
        value: Array,
        weight: Array,
        learn: NDArray[np.intp],
        depth: int,
    ) -> None:
        self.features, self.names, self.value, self.weight = features, names, value, weight
        self.learn, self.depth = learn, depth
        self.shares: dict[int, float] = {}

    def choose(self, bonus: Array, firms: float) -> Array:
        """Share of each firm treated: the tree whose treated firms just use up what there is, the last group in part."""
        from sklearn.tree import DecisionTreeClassifier

        worth, mass = (self.value + bonus)[self.learn], self.weight[self.learn]
        order = np.argsort(-worth, kind="stable")
        through = np.cumsum(mass[order])
        best = None
        # Prices of a treatment, from that which the best few are worth to one that nearly all are.
        for reach in (0.7, 1.0, 1.5, 2.5, 4.0, 8.0):
            # Between two firms, so that none is worth just its price.
            ends = np.searchsorted(
                through, [min(part * firms, 0.98 * through[-1]) for part in (reach, 1.5 * reach)]
            )
            price = float(worth[order][np.minimum(ends, len(order) - 1)].mean())
            net = worth - price
            tree = DecisionTreeClassifier(max_depth=self.depth, min_samples_leaf=_LEAF, random_state=0)
            tree.fit(self.features[self.learn], net > 0, sample_weight=np.maximum(np.abs(net) * mass, 1e-15))
            shares, gain = self._fill(tree, worth, mass, firms)
            if best is None or gain > best[0]:
                best = gain, tree, shares
        assert best is not None
        _, self.tree, self.shares = best
        leaf = self.tree.apply(self.features)
        return np.array([self.shares.get(int(one), 0.0) for one in leaf])

    def _fill(self, tree: object, worth: Array, mass: Array, firms: float) -> tuple[dict[int, float], float]:
        """Leaves by what their firms are worth in the mean, until the firms that can be paid for are used up."""
        leaf = tree.apply(self.features[self.learn])  # type: ignore[attr-defined]
        rows = pd.DataFrame({"leaf": leaf, "mass": mass, "worth": worth * mass}).groupby("leaf").sum()
        rows = rows.assign(mean=rows["worth"] / rows["mass"]).sort_values("mean", ascending=False)
        shares, left, gain = {}, firms, 0.0
        for name, row in rows.iterrows():
            if left <= 0 or row["mean"] <= 0:
                break
            part = min(1.0, left / row["mass"])
            shares[int(str(name))] = part
            left -= part * row["mass"]
            gain += part * row["worth"]
        return shares, gain

    def words(self, bonus: Array) -> tuple[str, ...]:
        """Each group treated, as conditions, most worth first."""
        tree = self.tree.tree_
        lines: list[tuple[float, str]] = []
        leaf = self.tree.apply(self.features)

        def walk(node: int, said: tuple[str, ...]) -> None:
            if tree.children_left[node] < 0:
                if node in self.shares:
                    part = self.shares[node]
                    mine = leaf == node
                    worth = float((self.weight * self.value)[mine].sum() / self.weight[mine].sum())
                    share = "" if part > 0.995 else f", {100 * part:.0f} % of them"
                    words = " and ".join(_simplified(said)) or "every firm"
                    lines.append((worth, f"{words}{share}: worth {level(worth, 'm USD')} a year each"))
                return
            name, cut = self.names[tree.feature[node]], float(tree.threshold[node])
            low, high = _condition(name, cut)
            walk(tree.children_left[node], (*said, low))
            walk(tree.children_right[node], (*said, high))

        walk(0, ())
        return tuple(text for _, text in sorted(lines, reverse=True))

    def cards(
        self, card: Programme, asks: Sequence[tuple[str, str]], sectors: Sequence[str]
    ) -> tuple[Programme, ...]:
        """The groups treated as cards like the one given, most worth first.

        Parameters
        ----------
        card
            What firms get and what it costs.
        asks
            Column of each feature, and of a sector's its code.
        sectors
            Codes of all sectors with firms.
        """
        tree = self.tree.tree_
        found: list[tuple[float, Programme]] = []
        leaf = self.tree.apply(self.features)

        def walk(node: int, limits: dict[str, float | str], within: tuple[str, ...]) -> None:
            if tree.children_left[node] < 0:
                if node in self.shares and within:
                    mine = leaf == node
                    worth = float((self.weight * self.value)[mine].sum() / self.weight[mine].sum())
                    changes = {
                        "eligible": Eligibility.model_validate(limits),
                        "take_up": self.shares[node],
                        "sectors": within,
                        "except_sectors": (),
                        "by": "share",
                    }
                    found.append((worth, card.model_copy(update=changes)))
                return
            (column, code), cut = asks[tree.feature[node]], float(tree.threshold[node])
            low, high, inside, outside = dict(limits), dict(limits), within, within
            if column in ("employment", "age"):
                least, most = ("smallest", "largest") if column == "employment" else ("youngest", "oldest")
                low[most] = min(float(limits.get(most, np.inf)), cut)
                high[least] = max(float(limits.get(least, 0.0)), float(np.nextafter(cut, np.inf)))
            elif column == "exports":
                low["exporters"], high["exporters"] = "non_exporters", "exporters"
            else:
                outside = tuple(one for one in within if one != code)
                inside = tuple(one for one in within if one == code)
            walk(tree.children_left[node], low, outside)
            walk(tree.children_right[node], high, inside)

        walk(0, {}, tuple(sectors))
        return tuple(one for _, one in sorted(found, key=lambda pair: -pair[0]))


def _sectors_of(home: HomeFirms, world: World) -> list[str]:
    place = home.sector_of(world)
    return [world.sectors[s] for s in np.unique(place[place >= 0])]


def _condition(name: str, cut: float) -> tuple[str, str]:
    """Both sides of a split in words."""
    if name in ("workers", "years old"):
        return f"at most {np.floor(cut):.0f} {name}", f"more than {np.floor(cut):.0f} {name}"
    return (f"not {name}", name)


def _simplified(said: Sequence[str]) -> list[str]:
    """Conditions without those that another one implies."""
    kept: list[str] = []
    for kind in ("workers", "years old"):
        mine = [one for one in said if one.endswith(kind)]
        low = [one for one in mine if one.startswith("more")]
        high = [one for one in mine if one.startswith("at most")]
        kept += low[-1:] + high[-1:]
    return [one for one in said if one in kept or not one.endswith(("workers", "years old"))]


def _features(home: HomeFirms, world: World) -> tuple[Array, list[str], list[tuple[str, str]]]:
    """What a rule may ask: workers, age, whether it exports, sector; in words, and by column and sector's code."""
    table, columns, names = home.firms, [], []
    asks: list[tuple[str, str]] = []
    for column, name in (("employment", "workers"), ("age", "years old")):
        if column in table:
            columns.append(table[column].fillna(-1).to_numpy(float))
            names.append(name)
            asks.append((column, ""))
    if "exports" in table:
        columns.append((table["exports"].fillna(0) > 0).to_numpy(float))
        names.append("exporting")
        asks.append(("exports", ""))
    place = home.sector_of(world)
    for s in np.unique(place[place >= 0]):
        columns.append((place == s).astype(float))
        spoken = world.sector_name(world.sectors[s])
        names.append(f"in {spoken[:1].lower()}{spoken[1:]}")
        asks.append(("sector", world.sectors[s]))
    return np.column_stack(columns), names, asks


def _until(order: Array, weight: Array, rows: NDArray[np.intp], firms: float) -> Array:
    """Shares treated when firms come in an order, smallest first, until those that can be paid for are used up."""
    share = np.zeros(len(weight))
    ranked = rows[np.argsort(order[rows], kind="stable")]
    before = np.cumsum(weight[ranked]) - weight[ranked]
    share[ranked] = np.clip((firms - before) / weight[ranked], 0.0, 1.0)
    return share


def _concession(equilibrium: Equilibrium, country: str, budget: float) -> tuple[float, float]:
    """Points off own tariffs on all that is imported that cost the budget in duties, and what they do to real income."""
    world = equilibrium.world
    j = world.country_index(country)
    income, duties = gradients(equilibrium, [Outcome("real_income", country), Outcome("duties", country)])
    levied = (equilibrium.tariff[:, j] > 0) & (np.arange(len(world.countries)) != j)[:, None]
    per_point = 0.01 * float(duties.tariff[:, j][levied].sum())
    if not per_point > 0:
        return float("nan"), float("nan")
    points = budget / per_point
    return points, -points * 0.01 * float(income.tariff[:, j][levied].sum()) * float(world.income[j])


def _solved(equilibrium: Equilibrium, home: HomeFirms, card: Programme, chosen: Array) -> float:
    """Income gained by a whole solution with the chosen treated, before anybody has paid, million USD."""
    effect = effect_of(card, home)
    after = Treatment.none(home).after(chosen, effect, 0.0, units_given(card, home, effect))
    shock = replace(equilibrium.shock, firms=after.shift(equilibrium.world))
    found = solve(equilibrium.world, shock, equilibrium.parameters, start=equilibrium)
    h = equilibrium.world.country_index(home.country)
    return float(found.equivalent_variation[h] - equilibrium.equivalent_variation[h])
