"""How sure an answer is: 90 % bands, the range over laws of firms, a verdict on the sign, variance by source (MODEL 9, 14).

One ensemble of draws serves every outcome. The number in the middle stays the scenario's own.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from firmtrade_core.analysis.assumed import Assumed, Sample, Source, around, around_structure
from firmtrade_core.equilibrium import Equilibrium, Parameters, Shock, solve
from firmtrade_core.equilibrium.ensembles import TOGETHER, Draw, Solutions, solve_many
from firmtrade_core.equilibrium.errors import EquilibriumError
from firmtrade_core.home.home import HomeFirms
from firmtrade_core.jobs import CancelledError
from firmtrade_core.jobs.spread import spread, wanted
from firmtrade_core.labels import change, number, unit
from firmtrade_core.margins import Armington, BalancedMargins, Krugman, Lognormal, MarginFamily, Pareto
from firmtrade_core.scenarios.compile import CompiledScenario, compile
from firmtrade_core.scenarios.schema import Scenario
from firmtrade_core.world.world import World

Array = NDArray[np.float64]

#: Draws, and what share of them a band holds.
DRAWS, LEVEL = 200, 0.90

#: Shares of draws on one side of zero from which the sign counts as settled, and as likely.
SETTLED, LIKELY = 0.95, 0.80

#: A band is not given on fewer draws than this.
FEWEST = 20

#: Percent, or billion dollars, below which certificates do not tell a change from none.
NOTHING = 1e-6

#: Resamples for the error of a band's ends.
_RESAMPLES = 200

BILLION = 1e-3  # of million USD

#: What is not resolved between sources: interactions, and what a smooth surface does not follow.
UNRESOLVED = "unresolved"

#: Laws of firms that a result is held against, beyond its own.
LAWS: dict[str, Callable[[], MarginFamily]] = {
    "armington": Armington,
    "krugman": Krugman,
    "pareto": Pareto,
    "lognormal": Lognormal,
}


class UncertaintyError(ValueError):
    """No band can be given. The message says why."""


#: Outcomes by country (N,), of the world, and by country and sector (N, S), with their units (`labels.units`).
COUNTRY_OUTCOMES = {
    "real_income": "%",
    "real_wage": "%",
    "prices": "%",
    "wages": "%",
    "exports": "%",
    "imports": "%",
    "exports_bn": "bn USD",
    "imports_bn": "bn USD",
    "duties": "% of income",
    "duties_bn": "bn USD",
    "equivalent_variation": "bn USD",
    "welfare": "%",
}
WORLD_OUTCOMES = {"world_real_income": "%", "world_goods_trade": "%"}
SECTOR_OUTCOMES = {"output": "%", "employment": "%", "sector_exports": "%", "sector_imports": "%"}
UNITS_OF = {**COUNTRY_OUTCOMES, **WORLD_OUTCOMES, **SECTOR_OUTCOMES}


def outcomes(equilibrium: Equilibrium) -> dict[str, Array]:
    """Every outcome that has a band, in its unit: by country (N,), of the world (), by country and sector (N, S).

    Changes against the world that the equilibrium was computed from; NaN where there was nothing before.
    """
    world, result = equilibrium.world, equilibrium
    before, after = _foreign(world.border_value), _foreign(result.border_value)
    sold, sells = before.sum(1), after.sum(1)
    bought, buys = before.sum(0), after.sum(0)
    duties = (result.duties - world.duties) * BILLION
    variation = result.equivalent_variation * BILLION
    goods = slice(None) if world.goods is None else np.asarray(world.goods)
    return {
        "real_income": 100 * (result.real_income_change - 1),
        "real_wage": 100 * (result.real_wage_change - 1),
        "prices": 100 * (result.price_index_change - 1),
        "wages": 100 * (result.wage_change - 1),
        "exports": _percent(sells.sum(1), sold.sum(1)),
        "imports": _percent(buys.sum(1), bought.sum(1)),
        "exports_bn": (sells - sold).sum(1) * BILLION,
        "imports_bn": (buys - bought).sum(1) * BILLION,
        "duties": 100 * duties / (world.income * BILLION),
        "duties_bn": duties,
        "equivalent_variation": variation,
        "welfare": 100 * variation / (world.income * BILLION),
        "world_real_income": np.asarray(100 * variation.sum() / (world.income.sum() * BILLION)),
        "world_goods_trade": _percent(np.asarray(sells[:, goods].sum()), np.asarray(sold[:, goods].sum())),
        "output": _percent(result.gross_output, world.gross_output),
        "employment": np.where(world.gross_output > 0, 100 * (result.employment_change - 1), np.nan),
        "sector_exports": _percent(sells, sold),
        "sector_imports": _percent(buys, bought),
    }


def _foreign(trade: Array) -> Array:
    """Trade without home sales, (N, N, S)."""
    away = trade.copy(order="K")
    home = np.arange(len(trade))
    away[home, home] = 0.0
    return away


def _percent(after: Array, before: Array) -> Array:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(before > 0, 100 * (after / before - 1), np.nan))


@dataclass(frozen=True, eq=False)
class Band:
    """One outcome with its band.

    Attributes
    ----------
    key, unit
        Of `UNITS_OF`.
    value : float
        The scenario's own number.
    low, high : float
        Ends of the 90 % band.
    error : float
        Standard error of the band's ends for the number of draws, the larger of the two.
    positive : float
        Share of draws above zero.
    laws : dict of str to float
        The same outcome under other laws of firms: structure, never averaged into the band.
    by_source : dict of str to float
        Shares of the variance by source (Shapley values), and what is not resolved between them; they add up to one.
    fit : float
        R², adjusted, of the surface behind `by_source`.
    """

    key: str
    unit: str
    value: float
    low: float
    high: float
    error: float
    positive: float
    laws: Mapping[str, float] = field(default_factory=dict)
    by_source: Mapping[str, float] = field(default_factory=dict)
    fit: float = float("nan")

    def __post_init__(self) -> None:
        unit(self.unit)

    @property
    def laws_range(self) -> tuple[float, float] | None:
        """Lowest and highest under the other laws of firms; None where none could be solved."""
        known = [value for value in self.laws.values() if np.isfinite(value)]
        return (min(known), max(known)) if known else None

    @property
    def settled(self) -> bool:
        """Whether the sign is the same in 95 of 100 draws and under all laws of firms."""
        return self._sign_within != 0 and self._laws_agree

    @property
    def _sign_within(self) -> int:
        if self.positive >= SETTLED:
            return 1
        return -1 if self.positive <= 1 - SETTLED else 0

    @property
    def _laws_agree(self) -> bool:
        known = self.laws_range
        sign = np.sign(self.value)
        return known is None or bool(np.sign(known[0]) == sign == np.sign(known[1]))

    @property
    def verdict(self) -> str:
        """The sign in words."""
        if max(abs(self.low), abs(self.high), abs(self.value)) <= NOTHING:
            return "no effect"
        direction = "a gain" if self.value > 0 else "a loss"
        if self.key not in (
            "real_income",
            "real_wage",
            "equivalent_variation",
            "welfare",
            "world_real_income",
        ):
            direction = "a rise" if self.value > 0 else "a fall"
        same = self.positive if self.value > 0 else 1 - self.positive
        if self.settled:
            return f"{direction}: sign settled"
        if self._sign_within and not self._laws_agree:
            return "sign not settled: it depends on the law of firms"
        often = f"{direction} in {round(100 * same)} of 100 draws"
        if same >= LIKELY and self._laws_agree:
            return f"sign likely, not settled: {often}"
        return f"sign not settled: {often}"

    @property
    def words(self) -> str:
        """The number with band, range and verdict, as it stands under a headline."""
        text = f"{change(self.value, self.unit)}, 90 % {self.ends}"
        known = self.laws_range
        if known is not None:
            text += f"; other laws of firms {_span(*known)}"
        return f"{text}: {self.verdict}"

    @property
    def ends(self) -> str:
        """`+0.12 to +0.30`."""
        return _span(self.low, self.high)


def _span(low: float, high: float) -> str:
    return f"{number(low, signed=True)} to {number(high, signed=True)}"


@dataclass(frozen=True, eq=False)
class Bands:
    """Bands of every outcome of one scenario.

    Attributes
    ----------
    centre : Equilibrium
        The scenario's own answer, certified.
    values : dict of array
        Its `outcomes`.
    draws : dict of array
        The same of every draw with a certified equilibrium, draws first, (D, ...).
    laws : dict of str to dict of array
        Of other laws of firms.
    sample : Sample
    kept : (D,) of bool
        Which draws of the sample have a certified equilibrium.
    residual : float
        The largest residual of all draws' certificates.
    notes : tuple of str
        What the distributions rest on, and what failed.
    seconds : float
    """

    centre: Equilibrium
    values: dict[str, Array]
    draws: dict[str, Array]
    laws: dict[str, dict[str, Array]]
    sample: Sample
    kept: NDArray[np.bool_]
    residual: float
    notes: tuple[str, ...]
    seconds: float
    #: Where draws came to rest, from which a neighbouring shock's start.
    solutions: Solutions[dict[str, Array]] | None = field(default=None, repr=False)

    @property
    def sources(self) -> tuple[Source, ...]:
        """What was drawn."""
        return self.sample.sources

    def band(self, key: str, country: str | None = None, sector: str | None = None) -> Band:
        """The band of one outcome.

        Parameters
        ----------
        key
            Of `UNITS_OF`.
        country, sector
            Codes; neither for outcomes of the world, both for outcomes of sectors.

        Raises
        ------
        KeyError, UnknownCodeError
        """
        place = self._place(key, country, sector)
        drawn = self.draws[key].reshape(len(self.draws[key]), -1)[:, self._flat(key, place)]
        shares, fit = self._shares(drawn)
        (low, high), error = _ends(drawn)
        return Band(
            key,
            UNITS_OF[key],
            float(self.values[key][place]),
            low,
            high,
            error,
            float((drawn > 0).mean() + 0.5 * (drawn == 0).mean()),
            {law: float(found[key][place]) for law, found in self.laws.items()},
            shares,
            fit,
        )

    def _place(self, key: str, country: str | None, sector: str | None) -> tuple[int, ...]:
        world = self.centre.world
        if key in WORLD_OUTCOMES:
            return ()
        if country is None or (key in SECTOR_OUTCOMES) != (sector is not None):
            wanted = "a country and a sector" if key in SECTOR_OUTCOMES else "a country"
            raise KeyError(f"{key} is an outcome of {wanted}.")
        place = (world.country_index(country),)
        return (*place, world.sector_index(sector)) if sector is not None else place

    def _flat(self, key: str, place: tuple[int, ...]) -> int:
        return int(np.ravel_multi_index(place, self.values[key].shape)) if place else 0

    def low(self, key: str) -> Array:
        """Lower ends of an outcome everywhere, for maps and tables: (N,), () or (N, S)."""
        return self._quantile(key, 0.5 - LEVEL / 2)

    def high(self, key: str) -> Array:
        """Upper ends."""
        return self._quantile(key, 0.5 + LEVEL / 2)

    def _quantile(self, key: str, at: float) -> Array:
        return np.asarray(np.quantile(self.draws[key], at, axis=0, method="median_unbiased"))

    def table(self, key: str) -> pd.DataFrame:
        """An outcome by country, or by country and sector: value, low, high, share of draws above zero, other laws' range."""
        world, value = self.centre.world, self.values[key]
        rows = {"value": value, "low": self.low(key), "high": self.high(key)}
        rows["positive"] = (self.draws[key] > 0).mean(0)
        if self.laws:
            laws = np.array([found[key] for found in self.laws.values()])
            rows |= {"laws_low": laws.min(0), "laws_high": laws.max(0)}
        frame = pd.DataFrame({name: np.ravel(column) for name, column in rows.items()})
        if key in SECTOR_OUTCOMES:
            n, s = world.shape
            frame.insert(0, "sector", np.tile(world.sectors, n))
            frame.insert(0, "country", np.repeat(world.countries, s))
        elif key in COUNTRY_OUTCOMES:
            frame.insert(0, "country", world.countries)
        frame["unit"] = UNITS_OF[key]
        return frame

    # Variance by source -------------------------------------------------------------------------

    @cached_property
    def _surface(self) -> tuple[list[tuple[str, Array]], Array]:
        """Features by source, each (D, p), centred, and the pseudo-inverse of all, (P, D)."""
        points = self.sample.points[self.kept]
        room = len(points) / 3
        features = []
        wide = sum(c[1] - c[0] for c in (s.columns for s in self.sources))
        for source in self.sources:
            own = points[:, slice(*source.columns)]
            if source.key in ("baseline", "effects", "capability"):
                levels = np.unique(own)
                block = (own == levels[1:]).astype(float)
            elif 2 * wide <= room:
                block = np.concatenate([own, own**2], axis=1)
            else:
                # Too many inputs for the draws: squares only of what all sectors share.
                block = np.concatenate([own, own[:, :1] ** 2, own.mean(1, keepdims=True) ** 2], axis=1)
            features.append((source.key, block - block.mean(0)))
        return features, np.linalg.pinv(np.concatenate([block for _, block in features], axis=1), rcond=1e-9)

    def _shares(self, drawn: Array) -> tuple[dict[str, float], float]:
        """Shapley shares of the variance by source, with what is left unresolved, and the surface's adjusted R².

        The sources are independent and the surface is a sum of functions of one source each, so that the Shapley value of a
        source is the variance of its own function; each is corrected for what noise alone would add.
        """
        features, inverse = self._surface
        centred = drawn - drawn.mean()
        total = float((centred**2).mean())
        if not np.isfinite(total) or total <= 1e-24 * max(float((drawn**2).mean()), 1e-300):
            return {}, float("nan")
        weights, start = inverse @ centred, 0
        parts: dict[str, float] = {}
        fitted, used = np.zeros_like(centred), 0
        pieces = {}
        for key, block in features:
            pieces[key] = block @ weights[start : start + block.shape[1]]
            fitted = fitted + pieces[key]
            start += block.shape[1]
            used += block.shape[1]
        left = len(centred) - used - 1
        noise = float(((centred - fitted) ** 2).sum()) / max(left, 1)
        for key, block in features:
            own = float((pieces[key] ** 2).mean()) - noise * block.shape[1] / len(centred)
            parts[key] = max(own, 0.0) / total
        fit = 1 - noise / (total * len(centred) / (len(centred) - 1)) if left > 0 else float("nan")
        # Chance correlation between sources in finitely many draws is nobody's: what is left closes the sum.
        resolved = sum(parts.values())
        if resolved > 1:
            parts = {key: part / resolved for key, part in parts.items()}
            resolved = 1.0
        return {**parts, UNRESOLVED: 1 - resolved}, float(fit)


def own_band(key: str, unit_: str, value: float, drawn: Array, laws: Mapping[str, float]) -> Band:
    """A band of what is made of outcomes: draws (D,), the answer, other laws' answers; its variance is not split.

    Parameters
    ----------
    key, unit_
        Name and unit of the number.
    value
        Under the middle of what is assumed.
    drawn : (D,)
        Under the draws.
    laws
        Under other laws of firms, by name.
    """
    (low, high), error = _ends(drawn)
    positive = float((drawn > 0).mean() + 0.5 * (drawn == 0).mean())
    return Band(key, unit_, value, low, high, error, positive, laws)


def _ends(drawn: Array) -> tuple[tuple[float, float], float]:
    """Ends of the band and the larger of their standard errors, by resampling with a fixed seed."""
    at = (0.5 - LEVEL / 2, 0.5 + LEVEL / 2)
    low, high = np.quantile(drawn, at, method="median_unbiased")
    rows = np.random.default_rng(9).integers(0, len(drawn), (_RESAMPLES, len(drawn)))
    again = np.quantile(drawn[rows], at, axis=1, method="median_unbiased")
    return (float(low), float(high)), float(again.std(1).max())


def bands(
    of: Scenario | CompiledScenario | tuple[World, Parameters, Shock],
    world: World | None = None,
    home: HomeFirms | None = None,
    *,
    draws: int = DRAWS,
    seed: int = 0,
    centre: Equilibrium | None = None,
    laws: bool = True,
    assumed: Assumed | None = None,
    near: Bands | None = None,
    stop: Callable[[], bool] | None = None,
) -> Bands:
    """Bands around every outcome of a scenario.

    Parameters
    ----------
    of
        A scenario (with ``world``), compiled or not, or world, parameters and shock.
    world, home
        As `scenarios.compile`.
    draws, seed
        Common random numbers: the same seed gives the same draws, whatever the shock.
    centre : Equilibrium, optional
        The scenario's answer where it is known already.
    laws
        Whether the other laws of firms are solved too.
    assumed : Assumed, optional
        Another uncertainty than the one the product assumes (`analysis.assumed`).
    near : Bands, optional
        Of a neighbouring scenario with the same seed, such as where a slider stood a moment ago: the same bands, sooner.
    stop : callable, optional
        Asked between draws, from several threads; true where nobody waits for the bands any more.

    Raises
    ------
    CancelledError
        Where ``stop`` said so.
    ScenarioError, EquilibriumError
        The scenario itself has no certified answer.
    UncertaintyError
        Too few draws have one.
    """
    began = time.perf_counter()
    compiled: CompiledScenario | None = None
    if isinstance(of, tuple):
        given, parameters, shock = of
        assumed = assumed or around_structure(given, parameters, shock, seed=seed)
    else:
        compiled = of if isinstance(of, CompiledScenario) else compile(of, _needed(world), home)
        given, parameters, shock = compiled.world, compiled.parameters, compiled.shock
        assumed = assumed or around(compiled, world, home, seed=seed)
    if centre is None:
        centre = compiled.solve() if compiled is not None else solve(given, shock, parameters)
    sample = assumed.sample(draws, seed)
    start = (near.centre, near.solutions) if near is not None and near.solutions is not None else None
    found = _drawn(given, shock, sample.draws, centre, start, stop)
    kept = np.array([value is not None for value in found.values], dtype=bool)
    certified = [value for value in found.values if value is not None]
    notes = [f"{source.label}: {source.note}" for source in sample.sources]
    if len(certified) < FEWEST:
        raise UncertaintyError(
            f"No band: only {len(certified)} of {draws} draws have a certified equilibrium. The first that has none: "
            f"{next(iter(found.failed.values()), '')}"
        )
    if found.failed:
        notes.append(
            f"{len(found.failed)} of {draws} draws have no certified equilibrium and are left out; the first: "
            f"{next(iter(found.failed.values()))}"
        )
    if stop is not None and stop():
        raise CancelledError("Nobody waits for these bands any more.")
    other, missing = _other_laws(given, parameters, shock) if laws else ({}, [])
    return Bands(
        centre,
        outcomes(centre),
        {key: np.array([value[key] for value in certified]) for key in UNITS_OF},
        other,
        sample,
        kept,
        float(np.nanmax(found.residual)),
        (*notes, *missing),
        time.perf_counter() - began,
        found,
    )


_Near = tuple[Equilibrium, Solutions[dict[str, Array]]]


def _drawn(
    world: World,
    shock: Shock,
    draws: list[Draw],
    centre: Equilibrium,
    near: _Near | None,
    stop: Callable[[], bool] | None,
) -> Solutions[dict[str, Array]]:
    """What is read off every draw, solved here or on a cluster in the groups that are solved together here."""
    if not wanted():

        def read(equilibrium: Equilibrium) -> dict[str, Array]:
            if stop is not None and stop():
                raise CancelledError("Nobody waits for these bands any more.")
            return outcomes(equilibrium)

        return solve_many(world, shock, draws, read, centre=centre, near=near)
    together: dict[tuple[int, int], list[int]] = {}
    for at, draw in enumerate(draws):
        together.setdefault((id(draw.world), id(draw.shock)), []).append(at)
    pieces = [
        (part.tolist(), [draws[at] for at in part], _of(near, part.tolist()))
        for members in together.values()
        for part in np.array_split(np.array(members), max(1, round(len(members) / TOGETHER)))
    ]
    found = spread(_solved, pieces, shared=(world, shock, centre))
    values: list[dict[str, Array] | None] = [None] * len(draws)
    points: list[Array | None] = [None] * len(draws)
    residual, iterations = np.full(len(draws), np.nan), np.zeros(len(draws), dtype=np.intp)
    failed: dict[int, str] = {}
    for (members, _, _), part in zip(pieces, found, strict=True):
        for place, at in enumerate(members):
            values[at], points[at] = part.values[place], part.points[place]
            residual[at], iterations[at] = part.residual[place], part.iterations[place]
        failed |= {members[place]: why for place, why in part.failed.items()}
    return Solutions(
        values, residual, iterations, dict(sorted(failed.items())), sum(p.alone for p in found), points
    )


def _of(near: _Near | None, members: list[int]) -> _Near | None:
    """A neighbour's draws, those of a piece alone."""
    if near is None:
        return None
    points = near[1].points
    own = [points[at] if at < len(points) else None for at in members]
    return near[0], replace(near[1], points=own)


def _solved(
    world: World, shock: Shock, centre: Equilibrium, piece: tuple[list[int], list[Draw], _Near | None]
) -> Solutions[dict[str, Array]]:
    _, draws, near = piece
    return solve_many(world, shock, draws, outcomes, centre=centre, near=near, threads=1)


def _needed(world: World | None) -> World:
    if world is None:
        raise UncertaintyError("A scenario has bands on a world: give the world.")
    return world


def _other_laws(
    world: World, parameters: Parameters, shock: Shock
) -> tuple[dict[str, dict[str, Array]], list[str]]:
    """Outcomes under the other laws of firms, and why some have none. Programmes treat firms of the home country's own: no law."""
    if shock.firms is not None:
        return {}, []
    family = parameters.family
    law = family.law if isinstance(family, BalancedMargins) and family.law is not None else family
    found, missing = {}, []
    for name, make in LAWS.items():
        if name == law.name:
            continue
        try:
            found[name] = outcomes(solve(world, shock, parameters.with_(family=make())))
        except EquilibriumError as error:
            missing.append(f"Law of firms {name}: {error}")
    return found, missing
