"""What is not known of a scenario's answer, as distributions that draws are taken from (MODEL 9, 14).

Trade elasticities: the standard errors of the set in use; where it has none, the spread between the published sets.
Markups: the published standard errors. Baseline: trade cells that are estimated. Effects of programmes: their standard
errors. The law of firms is structure: it is never drawn, only shown as a range (`uncertainty`).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri
from scipy.stats import qmc

from firmtrade_core.equilibrium import Parameters, Shock
from firmtrade_core.equilibrium.ensembles import Draw
from firmtrade_core.home.home import HomeFirms
from firmtrade_core.labels.units import in_percent
from firmtrade_core.margins import BalancedMargins, Firms, MarginFamily
from firmtrade_core.scenarios.compile import CompiledScenario, compile
from firmtrade_core.scenarios.schema import Programme, Scenario
from firmtrade_core.world.elasticities import (
    ASSUMED_SERVICES_RATIO,
    SERVICES,
    ElasticitySet,
    MarkupSet,
    by_broad_sector,
    elasticity_set,
    elasticity_sets,
    markup_set,
    markup_sets,
)
from firmtrade_core.world.errors import WorldError
from firmtrade_core.world.estimated import estimated_cells
from firmtrade_core.world.world import World

Array = NDArray[np.float64]
_Any = TypeVar("_Any")

#: Baselines and sizes of effects that draws share between them: each needs a calibration, or firms, of its own.
VARIANTS = 8

#: Draws further out than this, in standard deviations, are taken here.
FURTHEST = 2.5

#: Spread of logs of trade elasticities where no two published sets cover a sector.
ASSUMED_SPREAD = 0.4

#: Rounds of scaling that bring drawn cells back to the totals of their rows and columns.
_ROUNDS = 40


@dataclass(frozen=True)
class Source:
    """One source of uncertainty.

    Attributes
    ----------
    key, label
        ``elasticities``, and as the screen writes it.
    note
        What the distribution rests on, in a sentence; assumptions say that they are assumed.
    columns
        Of the sample's points, first and beyond the last.
    """

    key: str
    label: str
    note: str
    columns: tuple[int, int]


@dataclass(frozen=True, eq=False)
class Sample:
    """Draws from the assumed uncertainty.

    Attributes
    ----------
    draws : list of Draw
    points : (D, K)
        What each draw was made of, in standard deviations: the same for the same seed, whatever the shock, so that bands
        do not jitter while a policy is moved.
    sources : tuple of Source
    """

    draws: list[Draw]
    points: Array
    sources: tuple[Source, ...]


@dataclass(frozen=True, eq=False)
class Assumed:
    """The uncertainty assumed around one scenario on one world.

    Attributes
    ----------
    world, parameters, shock
        In the middle.
    elasticity_spread : (S,)
        Standard deviation of ln ε by sector, beyond what all sectors share.
    elasticity_common : float
        Of what all sectors share.
    elasticity_note : str
    scale, scale_spread : (S,) or None
        Net markup 1/(γ-1) before it is suited, and the standard deviation of its logs; None without a nest.
    ratio : (S,) or None
        ρ kept where a drawn elasticity would break it.
    markup_note : str
    worlds : tuple of World
        Baselines drawn, or empty.
    world_note : str
    shocks : tuple of Shock
        With effects drawn, or empty.
    effect_note : str
    families : tuple of MarginFamily
        The home country's own firms with capability drawn, or empty.
    family_note : str
    """

    world: World
    parameters: Parameters
    shock: Shock
    elasticity_spread: Array
    elasticity_common: float
    elasticity_note: str
    scale: Array | None = None
    scale_spread: Array | None = None
    ratio: Array | None = None
    markup_note: str = ""
    worlds: tuple[World, ...] = ()
    world_note: str = ""
    shocks: tuple[Shock, ...] = ()
    effect_note: str = ""
    effect_points: Array = field(default_factory=lambda: np.zeros((0, 0)))
    families: tuple[MarginFamily, ...] = ()
    family_note: str = ""

    def sample(self, count: int, seed: int) -> Sample:
        """Draws by Latin hypercube: every source is covered evenly, however few the draws.

        Parameters
        ----------
        count
            D.
        seed
        """
        s = len(self.world.sectors)
        sources, columns = [], 1 + s
        sources.append(Source("elasticities", "Trade elasticities", self.elasticity_note, (0, columns)))
        if self.scale is not None:
            sources.append(Source("markups", "Markups", self.markup_note, (columns, columns + s)))
            columns += s
        for key, label, note, variants in (
            ("baseline", "Estimated trade of the baseline", self.world_note, self.worlds),
            ("effects", "Effects of programmes", self.effect_note, self.shocks),
            ("capability", "Firms' capability", self.family_note, self.families),
        ):
            if variants:
                sources.append(Source(key, label, note, (columns, columns + 1)))
                columns += 1
        uniform = qmc.LatinHypercube(columns, rng=np.random.default_rng(seed)).random(count)
        points = np.clip(ndtri(uniform), -FURTHEST, FURTHEST)
        at = {source.key: slice(*source.columns) for source in sources}
        draws = []
        elasticity = self.parameters.elasticities_for(self.world)
        for d in range(count):
            z = points[d, at["elasticities"]]
            drawn = elasticity * np.exp(self.elasticity_common * z[0] + self.elasticity_spread * z[1:])
            within = self._within(drawn, points[d, at["markups"]]) if "markups" in at else None
            parameters = self.parameters.with_(trade_elasticity=drawn)
            parameters = parameters if within is None else parameters.with_(within_elasticity=within)
            family = self._variant(self.families, uniform[d], at.get("capability"))
            parameters = parameters if family is None else parameters.with_(family=family)
            world = self._variant(self.worlds, uniform[d], at.get("baseline"))
            shock = self._variant(self.shocks, uniform[d], at.get("effects"))
            draws.append(Draw(parameters, shock, world))
        for key, variants in (
            ("baseline", self.worlds),
            ("effects", self.shocks),
            ("capability", self.families),
        ):
            if key in at:
                points[:, at[key]] = np.floor(uniform[:, at[key]] * len(variants))
        return Sample(draws, points, tuple(sources))

    @staticmethod
    def _variant(variants: tuple[_Any, ...], uniform: Array, column: slice | None) -> _Any | None:
        return None if column is None else variants[int(uniform[column][0] * len(variants))]

    def _within(self, elasticity: Array, z: Array) -> Array:
        """γ of a draw, suited to its elasticities by the rule of `MarkupSet.suited`."""
        assert self.scale is not None and self.scale_spread is not None and self.ratio is not None
        labels = self.world.sectors
        scale = dict(zip(labels, self.scale * np.exp(self.scale_spread * z), strict=True))
        ratio = dict(zip(labels, self.ratio, strict=True))
        services = scale.get(SERVICES, ASSUMED_SERVICES_RATIO)
        drawn = MarkupSet("drawn", "drawn", "", "", scale, ratio=ratio)
        return drawn.suited(self.world, elasticity, services=services, finer=True).used


def around(
    scenario: Scenario | CompiledScenario,
    world: World | None = None,
    home: HomeFirms | None = None,
    *,
    seed: int = 0,
) -> Assumed:
    """The uncertainty assumed around a scenario.

    Parameters
    ----------
    scenario
        Compiled already, or with the world it is for.
    world, home
        As `compile`.
    seed
        Of drawn baselines and effects.

    Raises
    ------
    ScenarioError, EquilibriumError
        As `compile`.
    """
    if isinstance(scenario, Scenario):
        assert world is not None, "a scenario needs its world"
        compiled = compile(scenario, world, home)
    else:
        compiled = scenario
    structure = compiled.scenario.structure
    named = structure.elasticity if isinstance(structure.elasticity, str) else None
    markups = structure.within_elasticity if isinstance(structure.within_elasticity, str) else None
    assumed = around_structure(
        compiled.world,
        compiled.parameters,
        compiled.shock,
        elasticities=elasticity_set(named) if named else None,
        markups=markup_set(markups) if markups else None,
        services=structure.services_markup,
        seed=seed,
    )
    shocks, points = _effects(compiled, world or compiled.world, home, seed)
    note = (
        f"The effects' own standard errors, at {len(shocks)} sizes drawn from a normal law." if shocks else ""
    )
    families = _capabilities(compiled, world or compiled.world, home, seed)
    told = (
        f"{len(families)} draws of every firm's capability from its posterior given its attributes and sales; the estimator's own "
        "parameters stand still."
        if families
        else ""
    )
    return replace(
        assumed,
        shocks=shocks,
        effect_note=note,
        effect_points=points,
        families=families,
        family_note=told,
    )


def around_structure(
    world: World,
    parameters: Parameters,
    shock: Shock,
    *,
    elasticities: ElasticitySet | None = None,
    markups: MarkupSet | None = None,
    services: float | None = None,
    seed: int = 0,
) -> Assumed:
    """The uncertainty assumed around a structure.

    Parameters
    ----------
    world, parameters, shock
        As `solve`.
    elasticities, markups
        The published sets in use, whose standard errors count.
    services
        Net markup of services, with ``markups``.
    seed
    """
    if isinstance(parameters.family, BalancedMargins) and parameters.family.law is not None:
        # Thresholds carried from balancing hold σ: every draw calibrates its law on the balanced world anew.
        parameters = parameters.with_(family=parameters.family.law)
    spread, common, note = elasticity_spread(world, elasticities)
    scale = scale_errors = ratio = None
    markup_note = ""
    within = parameters.within_for(world)
    competitive = parameters.family.name in ("armington", "eaton_kortum")
    if within is not None and not competitive:
        scale, scale_errors, ratio, markup_note = _markups(world, parameters, within, markups, services)
    worlds, world_note = drawn_worlds(_Held(world), seed)
    return Assumed(
        world,
        parameters,
        shock,
        spread,
        common,
        note,
        scale,
        scale_errors,
        ratio,
        markup_note,
        worlds,
        world_note,
    )


def elasticity_spread(world: World, used: ElasticitySet | None) -> tuple[Array, float, str]:
    """Standard deviations of ln ε by sector and of what sectors share, and what they rest on.

    Where the set has standard errors they are each sector's own, independent of the others; a lognormal law with their mean and
    variance keeps elasticities positive. Where it has none, the spread is that between the published sets: of their
    means over sectors, which all sectors share, and of what is left.
    """
    common, by_sector = between_sets(world)
    errors = {} if used is None else _errors(used)
    known = np.array([_value(errors, sector) for sector in world.sectors])
    if np.isnan(known).all():
        whose = "The elasticities in use have" if used is None else f"{used.label} has"
        return (
            by_sector,
            common,
            f"Assumed: {whose} no standard errors; drawn with the spread between the published sets "
            f"(logs: {common:.2f} common to all sectors, {np.median(by_sector):.2f} by sector).",
        )
    assert used is not None
    missing = np.isnan(known)
    note = f"Standard errors of {used.label}, median {np.nanmedian(known):.2f} in logs."
    if missing.any():
        names = ", ".join(
            world.sector_name(s) for s, none in zip(world.sectors, missing, strict=True) if none
        )
        note += f" Assumed, from the spread between published sets: {names}."
    return np.where(missing, np.hypot(by_sector, common), known), 0.0, note


def between_sets(world: World) -> tuple[float, Array]:
    """Spread between the published sets of elasticities, in logs: of their means over sectors, and by sector around them."""
    rows = []
    for found in elasticity_sets().values():
        try:
            values = by_broad_sector(found.by_sector, world.sectors)
        except WorldError:
            continue
        rows.append(np.log([values[sector] for sector in world.sectors]))
    if len(rows) < 3:
        return ASSUMED_SPREAD / 2, np.full(len(world.sectors), ASSUMED_SPREAD)
    logs = np.array(rows)
    means = logs.mean(1, keepdims=True)
    return float(means.std(ddof=1)), np.asarray((logs - means).std(0, ddof=1))


def _errors(used: ElasticitySet) -> dict[str, float]:
    """Standard deviations of ln ε where a set has intervals, matched to mean and variance."""
    found = {}
    for sector, value in used.by_sector.items():
        estimate, interval = used.estimates.get(sector), used.intervals.get(sector)
        error = np.nan
        if interval is not None:
            # An interval cut off at zero is wider below than it says.
            half = interval[1] - value if interval[0] <= 0 else (interval[1] - interval[0]) / 2
            error = half / ndtri(0.975)
        elif estimate is not None and np.isfinite(estimate.shrunk_error):
            error = estimate.shrunk_error
        if np.isfinite(error):
            found[sector] = float(np.sqrt(np.log1p((error / value) ** 2)))
    return found


def _value(values: dict[str, float], sector: str) -> float:
    if not values:
        return np.nan
    try:
        return by_broad_sector(values, (sector,))[sector]
    except WorldError:
        return np.nan


def _markups(
    world: World, parameters: Parameters, within: Array, used: MarkupSet | None, services: float | None
) -> tuple[Array, Array, Array, str]:
    """Net markups before they are suited, their spread in logs, ρ kept at the least, and a note."""
    published = used or next(iter(markup_sets().values()))
    relative = {
        s: e / published.scale[s] for s, e in published.standard_errors.items() if s in published.scale
    }
    usual = float(np.median(list(relative.values()))) if relative else 0.3
    errors = np.array([_value(relative, sector) for sector in world.sectors])
    assumed = np.isnan(errors)
    spread = np.sqrt(np.log1p(np.where(assumed, usual, errors) ** 2))
    if used is not None:
        held = {**used.scale, **({} if services is None else {SERVICES: services})}
        scale = np.array([_value(held, sector) for sector in world.sectors])
        ratios = {**used.ratio, SERVICES: ASSUMED_SERVICES_RATIO}
        ratio = np.array([_value(ratios, sector) for sector in world.sectors])
        scale = np.where(np.isnan(scale), 1 / (within - 1), scale)
        ratio = np.where(np.isnan(ratio), ASSUMED_SERVICES_RATIO, ratio)
    else:
        scale = 1 / (within - 1)
        ratio = np.minimum(parameters.elasticities_for(world) * scale, ASSUMED_SERVICES_RATIO)
    note = f"Standard errors of {published.label}, median {in_percent(usual)} of the markup"
    if assumed.any():
        names = ", ".join(world.sector_name(s) for s, a in zip(world.sectors, assumed, strict=True) if a)
        note += f"; assumed to be as large for {names}"
    return scale, spread, ratio, note + "."


# Baselines ---------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Held:
    """A world, told apart by what it holds."""

    world: World

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Held) and self.world.content_hash == other.world.content_hash

    def __hash__(self) -> int:
        return hash(self.world.content_hash)


def estimation_spread(world: World) -> float:
    """Standard deviation of logs of the cells that are estimated, such that what a lognormal law misses is what was measured.

    The measured miss is ½ Σ|x - x̂|/Σx over all cells; a cell with multiplier e^(sz-s²/2) misses by 2(2Φ(s/2)-1) on average.
    """
    share, fit = world.provenance.estimated_share, world.provenance.fit.get("trade")
    if not share or fit is None:
        return 0.7
    miss = min(2 * (1 - fit) / share, 1.9)
    return float(2 * ndtri(0.5 + miss / 4))


@lru_cache(maxsize=8)
def drawn_worlds(held: _Held, seed: int) -> tuple[tuple[World, ...], str]:
    """Baselines with the estimated trade drawn anew, totals by country and sector kept; and what they rest on."""
    world = held.world
    cells = estimated_cells(world)
    if not cells.any():
        return (), ""
    spread = estimation_spread(world)
    random = np.random.default_rng([seed, 14])
    given = world.border_value
    sold, bought = (cells * given).sum(1), (cells * given).sum(0)
    factor = 1 + world.tariff
    worlds = []
    for _ in range(VARIANTS):
        z = np.clip(random.standard_normal(given.shape), -3, 3)
        drawn = np.where(cells, given * np.exp(spread * z - spread**2 / 2), 0.0)
        for _ in range(_ROUNDS):
            row = drawn.sum(1)
            drawn *= np.where(row > 0, sold / np.where(row > 0, row, 1.0), 1.0)[:, None]
            column = drawn.sum(0)
            drawn *= np.where(column > 0, bought / np.where(column > 0, column, 1.0), 1.0)[None]
        # Subsidies leave border values above what arrives: cells scale together, which keeps them.
        ratio = np.where(cells, drawn / np.where(cells, given, 1.0), 1.0)
        expenditure = np.where(cells, given * ratio * factor, world.expenditure)
        worlds.append(world.with_(expenditure=expenditure, name=f"{world.name}, estimated cells drawn"))
    note = (
        f"{len(worlds)} baselines with the estimated cells ({world.provenance.estimated_trade}) drawn anew, standard deviation "
        f"of logs {spread:.2f} (as measured against the observed table where it was at hand), totals by country and sector kept."
    )
    return tuple(worlds), note


# Effects -----------------------------------------------------------------------------------------


def _effects(
    compiled: CompiledScenario, world: World, home: HomeFirms | None, seed: int
) -> tuple[tuple[Shock, ...], Array]:
    """The shock at several sizes of the programmes' effects, drawn from their standard errors; none without programmes."""
    scenario = compiled.scenario
    cards = [at for at, card in enumerate(scenario.cards) if isinstance(card, Programme) and card.enabled]
    if not cards:
        return (), np.zeros((0, 0))
    count = VARIANTS * min(len(cards), 2)
    uniform = qmc.LatinHypercube(len(cards), rng=np.random.default_rng([seed, 15])).random(count)
    deviations = np.clip(ndtri(uniform), -FURTHEST, FURTHEST)
    shocks = []
    for row in deviations:
        moved = list(scenario.cards)
        for at, deviation in zip(cards, row, strict=True):
            card = moved[at]
            assert isinstance(card, Programme)
            moved[at] = card.model_copy(
                update={"effect_deviations": card.effect_deviations + float(deviation)}
            )
        shocks.append(compile(scenario.with_(cards=tuple(moved)), world, home).shock)
    return tuple(shocks), deviations


# Capability --------------------------------------------------------------------------------------

#: Standard deviation of capability, in logs, once it is drawn.
_KNOWN = 1e-3


def _capabilities(
    compiled: CompiledScenario, world: World, home: HomeFirms | None, seed: int
) -> tuple[MarginFamily, ...]:
    """The firms family with each firm's κ drawn from its posterior, at a few draws; none without firms of the country's own."""
    if home is None or not isinstance(compiled.parameters.family, Firms):
        return ()
    mean, spread = home.posterior
    if not (np.isfinite(spread).all() and (spread > _KNOWN).any()):
        return ()
    found = []
    random = np.random.default_rng([seed, 16])
    for _ in range(VARIANTS):
        drawn = mean + spread * np.clip(random.standard_normal(len(mean)), -3, 3)
        firms = home.firms.assign(posterior=drawn, posterior_spread=np.minimum(spread, _KNOWN))
        known = replace(home, firms=firms, _families={}, _places={})
        found.append(compile(compiled.scenario, world, known).parameters.family)
    return tuple(found)
