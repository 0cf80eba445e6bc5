"""Lognormal firms (BMT17): one group in equations (2) to (4) of MODEL 2, with v_f = 0."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from scipy.special import log_ndtr, ndtri

from firmtrade_core.margins.base import (
    Array,
    ElasticityKind,
    MarginChange,
    Margins,
    TailError,
    in_the_index,
    solve_nest,
    substitution_between,
)
from firmtrade_core.margins.exporters import EXPORTER_LAWS
from firmtrade_core.margins.near import NearStack
from firmtrade_core.margins.nested import nested_table
from firmtrade_core.margins.normal import SMALLEST, lognormal_law
from firmtrade_core.margins.tables import PairStack, Table
from firmtrade_core.world.world import World

#: Slope of presence in market size where presence was not observed (EKK11, MODEL 2).
PRESENCE_SLOPE = 0.65

#: Highest presence abroad that is assumed where presence was not observed (MODEL 2).
HIGHEST_ASSUMED_PRESENCE = 0.9


def assumed_presence(world: World, slope: float = PRESENCE_SLOPE) -> Array:
    """Share of an origin's firms present in each market where it was not observed, (N, N, S).

    n_ij = min(0.9, (R_ij/R_ii)^slope) abroad and 1 at home (MODEL 2; 0.65 is the slope of EKK11). Where an origin
    sells nothing at home the highest presence is assumed.

    Parameters
    ----------
    world
    slope
        Of presence in sales, in logs.
    """
    revenue = world.revenue
    home = np.einsum("iis->is", revenue)[:, None, :]
    with np.errstate(divide="ignore", invalid="ignore"):
        relative = np.where(home > 0, revenue / home, np.inf)
    presence = np.minimum(HIGHEST_ASSUMED_PRESENCE, relative**slope)
    # A cell without trade has no presence to speak of; any interior value keeps its thresholds finite.
    presence = np.where(revenue > 0, presence, 0.5)
    diagonal = np.arange(len(world.countries))
    presence[diagonal, diagonal, :] = 1.0
    return presence


class LognormalMargins(Margins):
    """Margins of one lognormal group of firms, with thresholds k measured from the group's mean.

    n = Φ(-k/s), S ∝ Φ((s²-k)/s), φ = e^(k-s²/2) Φ(-k/s)/Φ((s²-k)/s); equations (2) to (4) with
    constant m and g and v_f = 0.

    Parameters
    ----------
    elasticity_of_substitution : (S,)
    dispersion : float
        s: standard deviation of log revenue potential.
    threshold : (N, N, S)
        Baseline k; minus infinity where all firms are present.
    within_elasticity : (S,), optional
        γ; σ unless given.
    """

    def __init__(
        self,
        elasticity_of_substitution: Array,
        dispersion: float,
        threshold: Array,
        within_elasticity: Array | None = None,
    ) -> None:
        self.elasticity_of_substitution = elasticity_of_substitution
        self.within_elasticity = (
            elasticity_of_substitution if within_elasticity is None else within_elasticity
        )
        self.dispersion = dispersion
        self.threshold = threshold
        #: Σ_j (1-φ) R by world, which thresholds alone decide.
        self._kept: dict[str, Array] = {}

    @cached_property
    def _baseline(self) -> tuple[Array, Array]:
        """ln S and ln n at the baseline, exactly, each like the thresholds."""
        s, at = self.dispersion, self.threshold
        return log_ndtr(s - at / s), log_ndtr(-at / s)

    @property
    def baseline_potential(self) -> Array:
        """ln S at the baseline, like the thresholds."""
        return self._baseline[0]

    @cached_property
    def baseline_inverse(self) -> Array:
        """1/S at the baseline, like the thresholds."""
        return np.asarray(np.exp(-self._baseline[0]))

    def log_presence(self) -> Array:
        """ln n at the baseline, like the thresholds."""
        return self._baseline[1]

    def evaluate(self, threshold_change: Array) -> MarginChange:
        """All margins; see `MarginChange`."""
        s = self.dispersion
        threshold = self.threshold + threshold_change
        log_potential, log_presence = log_ndtr(s - threshold / s), log_ndtr(-threshold / s)
        return MarginChange(
            log_potential - self._baseline[0],
            _slope(threshold, log_potential, s),
            log_presence - self._baseline[1],
            _fixed_share(threshold, log_potential, log_presence, s),
        )

    def verified(self, threshold_change: Array) -> MarginChange:
        """ln Ŝ and φ by their closed forms, whatever table the solver read; presence and slope, which no equation reads, are left."""
        s = self.dispersion
        potential, share = lognormal_law(self.threshold, threshold_change, s)
        far = potential <= SMALLEST if not potential.min() > SMALLEST else None
        if far is not None:
            potential[far] = 1.0
        change = np.log(potential, out=potential)
        change -= self._baseline[0]
        if far is not None:
            k = self.threshold[far] + threshold_change[far]
            log_s, log_n = log_ndtr(s - k / s), log_ndtr(-k / s)
            change[far] = log_s - self._baseline[0][far]
            share[far] = _fixed_share(k, log_s, log_n, s)
        return MarginChange(change, np.zeros(0), np.zeros(0), share)

    @cached_property
    def tables(self) -> PairStack:
        """ρ ln S and φ of each sector, as functions of k - (1-ρ) ln S(k)."""
        return PairStack([_tabulate(self.dispersion, float(nest)) for nest in self.nest])

    @cached_property
    def near(self) -> NearStack:
        """S^ρ and φ of each sector around where markets stand."""
        return NearStack([_tabulate(self.dispersion, float(nest)) for nest in self.nest])

    @cached_property
    def places(self) -> tuple[Array, Array]:
        """Where in the tables the baseline stands and ρ ln S there, each (S, N²)."""
        n, m, s = self.threshold.shape
        threshold, log_potential = (
            np.moveaxis(part, 2, 0).reshape(s, n * m) for part in (self.threshold, self._baseline[0])
        )
        nest = self.nest[:, None]
        return threshold - (1 - nest) * log_potential, nest * log_potential

    @cached_property
    def shrunk(self) -> Array:
        """S^-ρ at the baseline, (S, N²): what terms of (6') are divided by."""
        return np.asarray(np.exp(-self.places[1]))

    def threshold_change(self, index: Array) -> Array:
        """Δk = index + (1-ρ) ln Ŝ, with ln Ŝ from the tables; see `Margins`."""
        if not self.nested or (self.nest > 1).any():
            return super().threshold_change(index)
        n, m, s = index.shape
        weight = np.broadcast_to(1 / self.nest - 1, (s,))
        found = self.tables.lifted(np.moveaxis(index, 2, 0).reshape(s, n * m), *self._stands, weight)
        if found is None:
            return np.asarray(index + weight * self.effective(index)[0])
        return np.moveaxis(found.reshape(s, n, m), 0, 2)

    @cached_property
    def _stands(self) -> tuple[Array, Array]:
        """`places`, each one stretch of memory."""
        places, baseline = self.places
        return np.ascontiguousarray(places), np.ascontiguousarray(baseline)

    def effective(self, index: Array) -> tuple[Array, Array, Array]:
        """See `Margins`: read from tables that compose the margin functions with the nest's fixed point."""
        if (self.nest > 1).any():
            return in_the_index(self.without_presence(super().threshold_change(index)), self.nest)
        n, m, s = index.shape
        places, baseline = self.places
        at = np.moveaxis(index, 2, 0).reshape(s, n * m) + places
        log_potential, slope, share, beyond = self.tables.read(at)
        log_potential -= baseline
        found = [np.moveaxis(part.reshape(s, n, m), 0, 2) for part in (log_potential, slope, share)]
        if beyond:
            far = np.isnan(found[0])
            change = solve_nest(
                lambda at: self.without_presence(at)[:2], np.where(far, index, 0.0), self.nest
            )
            exact = in_the_index(self.without_presence(change), self.nest)
            for part, right in zip(found, exact, strict=True):
                part[far] = right[far]
        return found[0], found[1], found[2]

    def moved(self, threshold_change: Array) -> Margins:
        """Thresholds carried to where the change left them."""
        return LognormalMargins(
            self.elasticity_of_substitution,
            self.dispersion,
            self.threshold + threshold_change,
            self.within_elasticity,
        )

    def with_substitution(
        self, elasticity_of_substitution: Array, within_elasticity: Array | None = None
    ) -> LognormalMargins:
        """The same thresholds with another σ, and γ where firms are nested, both (S,); what thresholds alone say is shared."""
        found = LognormalMargins(
            elasticity_of_substitution, self.dispersion, self.threshold, within_elasticity
        )
        found._kept = self._kept
        found.__dict__.update(
            (name, self.__dict__[name])
            for name in ("_baseline", "fixed_share", "baseline_inverse")
            if name in self.__dict__
        )
        return found

    @cached_property
    def fixed_share(self) -> Array:
        """φ at the baseline, like the thresholds."""
        return _fixed_share(self.threshold, *self._baseline, self.dispersion)

    def baseline_slope(self) -> Array:
        """∂ln S/∂k at the baseline, like the thresholds."""
        return _slope(self.threshold, self._baseline[0], self.dispersion)

    def baseline_profits(self, world: World) -> Array:
        """See `Margins`."""
        if world.content_hash not in self._kept:
            self._kept[world.content_hash] = ((1 - self.fixed_share) * world.revenue).sum(1)
        return np.asarray(self._kept[world.content_hash] / self.within_elasticity)


def _slope(threshold: Array, log_potential: Array, s: float) -> Array:
    """∂ln S/∂k = -(1/s) φ_N(z)/Φ(z) at z = s - k/s."""
    z = s - threshold / s
    return np.asarray(-np.exp(-0.5 * z**2 - log_potential) / (np.sqrt(2 * np.pi) * s))


def _fixed_share(threshold: Array, log_potential: Array, log_presence: Array, s: float) -> Array:
    """φ = e^(k-s²/2) n/S, (4)."""
    return np.asarray(np.exp(np.minimum(threshold - s**2 / 2 + log_presence - log_potential, 0.0)))


@lru_cache(maxsize=256)
def _tabulate(s: float, nest: float) -> Table:
    """ρ ln S and φ as functions of x = k - (1-ρ) ln S(k); sectors with the same ρ share it."""
    return nested_table(s, nest)


@dataclass(frozen=True)
class Lognormal:
    """Firms' log revenue potential is normal with standard deviation s.

    σ is set so that the trade-weighted mean abroad of the elasticity of trade equals ε: (σ-1)(1 - ∂ln S/∂k) to costs
    without a nest (MODEL 3), `substitution_between` in general.

    Parameters
    ----------
    dispersion
        s; 2.4 unless given, the spread of log sales of French exporters (Head, Mayer and Thoenig,
        "Welfare and Trade without Pareto", AER Papers and Proceedings 2014).
    presence_slope
        Of the share of firms present in a market's sales, in logs, where presence is not observed; 0.65 of EKK11 unless given.
    like
        Whose exporters both are of, a name of `exporters.EXPORTER_LAWS`; empty where they are not of that table.

    Raises
    ------
    TailError
    """

    dispersion: float = 2.4
    name: str = "lognormal"
    presence_slope: float = PRESENCE_SLOPE
    like: str = ""

    def __post_init__(self) -> None:
        if not 0 < self.dispersion <= 10:
            raise TailError(
                f"The dispersion of log sales is {self.dispersion:g}; give one above 0 and up to 10."
            )
        if not 0 < self.presence_slope <= 2:
            raise TailError(
                f"The slope of presence is {self.presence_slope:g}; give one above 0 and up to 2."
            )

    @classmethod
    def as_exporters_of(cls, name: str) -> Lognormal:
        """Spread and slope of presence as exporters show them.

        Parameters
        ----------
        name
            Of `exporters.EXPORTER_LAWS`.

        Raises
        ------
        TailError
            If there is none of the name.
        """
        if name not in EXPORTER_LAWS:
            raise TailError(f"No exporters are called {name}; there are {', '.join(EXPORTER_LAWS)}.")
        law = EXPORTER_LAWS[name]
        return cls(law.dispersion, presence_slope=law.presence_slope, like=name)

    def calibrate(
        self,
        world: World,
        trade_elasticity: Array,
        within_elasticity: Array | None = None,
        kind: ElasticityKind = "cost",
    ) -> LognormalMargins:
        """Thresholds from (assumed) presence, σ from ε; see `MarginFamily`."""
        unit, rule, cells = _thresholds(Held(world), self.dispersion, self.presence_slope)
        # Near ρ = 1 the mean reacts without bound to single cells: it is then taken over all of them.
        smooth = within_elasticity is None or bool((trade_elasticity < within_elasticity - 1).all())
        between = substitution_between(
            trade_elasticity, within_elasticity, kind, *(rule if smooth else cells)
        )
        return unit.with_substitution(1 + between, within_elasticity)


@dataclass(frozen=True, eq=False)
class Held:
    """A world, told apart by what it holds, so that what follows from it alone can be remembered."""

    world: World

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Held) and self.world.content_hash == other.world.content_hash

    def __hash__(self) -> int:
        return hash(self.world.content_hash)


@lru_cache(maxsize=10)
def _thresholds(
    held: Held, dispersion: float, presence_slope: float = PRESENCE_SLOPE
) -> tuple[LognormalMargins, tuple[Array, Array], tuple[Array, Array]]:
    """Thresholds of a world, whatever the elasticities; slopes abroad and their weights, as a rule of few nodes and by cell."""
    presence = np.ascontiguousarray(np.moveaxis(assumed_presence(held.world, presence_slope), 2, 0))
    # Stored with sectors first, as the solver works, and seen in the usual axis order.
    threshold = np.moveaxis(-dispersion * ndtri(presence), 0, 2)
    unit = LognormalMargins(np.full(threshold.shape[2], 2.0), dispersion, threshold)
    slope = _slope(threshold, unit._baseline[0], dispersion)
    unit.fixed_share  # noqa: B018 (remembered, and shared by all elasticities)
    cells = abroad_by_cell(slope, held.world.border_value)
    return unit, gauss_rule(*cells), cells


def abroad_by_cell(slope: Array, trade: Array) -> tuple[Array, Array]:
    """Slopes and trade of the cells abroad, (N (N-1), S) each, from (N, N, S)."""
    away = ~np.eye(len(trade), dtype=bool)
    return slope[away], trade[away]


#: Nodes of `gauss_rule`: sums of smooth functions over cells are then exact to rounding.
_NODES = 32


def gauss_rule(points: Array, weights: Array) -> tuple[Array, Array]:
    """A few nodes and weights that stand for many, (Q, S) each, from (cells, S): Gauss's rule for their own distribution.

    Lanczos's recurrence (Golub and Welsch 1969); means of functions as smooth as those of `substitution_between` come out as
    over all cells. The largest and smallest points stay, without weight, for they bound what ρ can be.
    """
    cells, sectors = points.shape
    if cells <= 2 * _NODES:
        return points, weights
    total = weights.sum(0)
    share = weights / np.where(total > 0, total, 1.0)
    diagonal, beside = np.zeros((sectors, _NODES)), np.zeros((sectors, _NODES))
    vector, before, length = np.sqrt(share), np.zeros_like(points), np.zeros(sectors)
    for q in range(_NODES):
        moved = points * vector - length * before
        diagonal[:, q] = (moved * vector).sum(0)
        moved -= diagonal[:, q] * vector
        length = np.sqrt((moved**2).sum(0))
        length = np.where(length > 1e-13, length, 0.0)
        beside[:, q] = length
        before, vector = vector, moved / np.where(length > 0, length, 1.0)
    at = np.arange(_NODES)
    matrix = np.zeros((sectors, _NODES, _NODES))
    matrix[:, at, at] = diagonal
    matrix[:, at[1:], at[:-1]] = matrix[:, at[:-1], at[1:]] = beside[:, :-1]
    nodes, vectors = np.linalg.eigh(matrix)
    nodes, found = nodes.T, (vectors[:, 0, :] ** 2).T * total
    traded = weights > 0
    ends = np.where(traded, points, np.inf).min(0), np.where(traded, points, -np.inf).max(0)
    nodes = np.clip(nodes, *(np.where(np.isfinite(end), end, 0.0) for end in ends))
    extra = np.where(np.isfinite(np.array(ends)), np.array(ends), 0.0)
    return np.concatenate([nodes, extra]), np.concatenate(
        [found, np.full((2, sectors), 1e-300) * (total > 0)]
    )
