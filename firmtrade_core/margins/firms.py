"""Margin functions of the home country's own firms: equations (2) to (4) of MODEL 2.

Firms differ in capability m and in what their attributes take off fixed costs, g; around both lie normal
deviations that nobody observes. The three functions are Gaussian sums over firms. They depend on k through
m + g alone, with three weights per firm (w, we^m and we^-g), so firms are first gathered on a fine grid
of m + g, and the sums are then tabulated once per sector.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from firmtrade_core.margins.base import (
    Array,
    ElasticityKind,
    MarginChange,
    Margins,
    in_the_index,
    solve_nest,
    substitution_between,
)
from firmtrade_core.margins.firm_functions import (
    FirmRows,
    FirmSector,
    FirmsError,
)
from firmtrade_core.margins.firm_record import TreatedRows
from firmtrade_core.margins.loglinear import LoglinearMargins, Pareto
from firmtrade_core.margins.lognormal import Lognormal, LognormalMargins, abroad_by_cell, assumed_presence
from firmtrade_core.margins.records import Sector
from firmtrade_core.world.world import World


@dataclass(frozen=True, eq=False)
class FirmShift:
    """The home country's firms as programmes leave them.

    Parameters
    ----------
    sectors : mapping of sector to FirmSector
        Firms afterwards, of the same total weight; where a share of a firm is treated, it stands there
        twice. Sectors left out stay as they are.
    treated : mapping of sector to TreatedRows
        Who moved and by how much, for direct effects by the firms' own records.
    stamps : tuple of str
        Words on evidence and cost that must stand beside every number which follows; no part of its identity.
    """

    sectors: Mapping[str, FirmSector]
    treated: Mapping[str, TreatedRows] = field(default_factory=dict)
    stamps: tuple[str, ...] = ()

    @cached_property
    def content_hash(self) -> str:
        """Sixteen hexadecimal digits that identify the firms afterwards."""
        parts = [f"{code}:{sector.content_hash}" for code, sector in sorted(self.sectors.items())]
        digest = hashlib.blake2b("|".join(parts).encode(), digest_size=8)
        for code, rows in sorted(self.treated.items()):
            digest.update(code.encode() + rows.digest())
        return digest.hexdigest()


class FirmsMargins(Margins):
    """Margins of a world in which the home country's rows follow its own firms.

    Parameters
    ----------
    others : Margins
        Of all other cells (Pareto or lognormal), with the same σ and γ.
    home : int
        Position of the home country.
    rows : (H,) of int
        Sectors with firms.
    sectors : list of FirmSector
        Their firms, H of them.
    before, after : FirmRows
        Functions of the firms in the baseline, and after programmes.
    codes : tuple of str
        Codes of those sectors.
    threshold : (H, N)
        Baseline k by destination; minus infinity where all are present.
    offset : (3, H, N), optional
        What programmes' direct effects, counted firm by firm, add to ln S and to ln n of the law, and (first column) to
        the log share of firms that export at all; zeros unless given (`records`).
    observed : list of Sector or None, optional
        What is known of each sector's single firms at the baseline.
    """

    def __init__(
        self,
        others: Margins,
        home: int,
        rows: np.ndarray,
        sectors: list[FirmSector],
        before: FirmRows,
        after: FirmRows,
        codes: tuple[str, ...],
        threshold: Array,
        offset: Array | None = None,
        observed: list[Sector | None] | None = None,
    ) -> None:
        self.others, self.home, self.rows, self.codes = others, home, rows, codes
        self.sectors, self.before, self.after = sectors, before, after
        self.elasticity_of_substitution = others.elasticity_of_substitution
        self.within_elasticity = others.within_elasticity
        self.threshold = threshold
        extra = np.zeros((3, *threshold.shape)) if offset is None else offset
        self.offset, self.presence_offset, self.anywhere_offset = extra[0], extra[1], extra[2, :, 0]
        self.observed = observed or [None] * len(sectors)
        self._baseline_log_potential, self.baseline_slope, self.baseline_share = before.potential(threshold)

    @cached_property
    def _verified_baseline(self) -> list[Array]:
        pairs = zip(self.before.functions, self.threshold, strict=True)
        return [functions.verified(threshold)[0] for functions, threshold in pairs]

    def verified(self, threshold_change: Array) -> MarginChange:
        """As `evaluate`, from the tables' polynomials by code of its own; presence, which no equation reads, is left."""
        found = self.others.verified(threshold_change)
        log_s, share = np.array(found.log_potential), np.array(found.fixed_cost_share)
        for position, sector in enumerate(self.rows):
            moved = self.threshold[position] + threshold_change[self.home, :, sector]
            after, share[self.home, :, sector] = self.after.functions[position].verified(moved)
            log_s[self.home, :, sector] = after - self._verified_baseline[position] + self.offset[position]
        return found._replace(log_potential=log_s, fixed_cost_share=share)

    def table_gap(self, threshold_change: Array) -> Array:
        """Tables against direct sums: as measured between nodes, and at the market abroad that most firms reach."""
        gap = np.zeros(threshold_change.shape[1:])
        errors = [[f.table_error for f in rows.functions] for rows in (self.before, self.after)]
        gap[self.home, self.rows] = np.max(errors, axis=0)
        finite = np.where(np.isfinite(self.threshold), self.threshold, np.inf)
        position, j = np.unravel_index(int(finite.argmin()), finite.shape)
        at = finite[position, j] + threshold_change[self.home, j, self.rows[position]]
        functions = self.after.functions[position]
        if functions.table.start <= at <= functions.table.end:
            gap[j, self.rows[position]] = functions.error_at(np.array([at]))
        return gap

    def row(self, threshold_change: Array) -> tuple[Array, Array, Array]:
        """ln Ŝ, ∂ln S/∂k and φ of the home country's rows at Δk, each (H, N)."""
        log_s, slope, share = self.after.potential(self.threshold + threshold_change)
        return log_s - self._baseline_log_potential + self.offset, slope, share

    def row_threshold_change(self, index: Array) -> Array:
        """Δk of the home country's rows, (H, N); see `Margins.threshold_change`."""
        if not self.nested:
            return index

        def functions(at: Array) -> tuple[Array, Array]:
            return self.row(at)[:2]

        return solve_nest(functions, index, self.nest[self.rows, None])

    def row_effective(self, index: Array) -> tuple[Array, Array, Array]:
        """ρ ln Ŝ, its slope in the index and φ of the home country's rows, each (H, N); see `Margins.effective`."""
        found = self.row(self.row_threshold_change(index))
        return found if not self.nested else in_the_index(found, self.nest[self.rows, None])

    def threshold_change(self, index: Array) -> Array:
        """Δk; see `Margins`. Other countries' firms have functions of their own."""
        if not self.nested:
            return index
        found = np.array(self.others.threshold_change(index))
        found[self.home][:, self.rows] = self.row_threshold_change(index[self.home][:, self.rows].T).T
        return found

    def effective(self, index: Array) -> tuple[Array, Array, Array]:
        """See `Margins`."""
        log_s, slope, share = (np.array(part) for part in self.others.effective(index))
        own = self.row_effective(index[self.home][:, self.rows].T)
        for part, row in zip((log_s, slope, share), own, strict=True):
            part[self.home][:, self.rows] = row.T
        return log_s, slope, share

    def evaluate(self, threshold_change: Array) -> MarginChange:
        """All margins; see `MarginChange`."""
        found = MarginChange(*(np.array(part) for part in self.others.evaluate(threshold_change)))
        moved = threshold_change[self.home][:, self.rows].T
        log_s, slope, share = self.row(moved)
        log_n = self.after.presence(self.threshold + moved) - self.before.presence(self.threshold)
        log_n += self.presence_offset
        for part, own in zip(found, (log_s, slope, log_n, share), strict=True):
            part[self.home][:, self.rows] = own.T
        return found

    def without_presence(self, threshold_change: Array) -> tuple[Array, Array, Array]:
        """All but presence, which costs as much again; see `Margins`."""
        others = self.others.without_presence(threshold_change)
        log_s, slope, share = (np.array(part) for part in others)
        own = self.row(threshold_change[self.home][:, self.rows].T)
        for part, row in zip((log_s, slope, share), own, strict=True):
            part[self.home][:, self.rows] = row.T
        return log_s, slope, share

    def baseline_profits(self, world: World) -> Array:
        """Π at the baseline: home rows by their own φ."""
        profits = np.array(self.others.baseline_profits(world))
        revenue = world.revenue[self.home][:, self.rows].T
        kept = ((1 - self.baseline_share) * revenue).sum(1)
        profits[self.home, self.rows] = kept / self.within_elasticity[self.rows]
        return profits

    def moved(self, threshold_change: Array) -> Margins:
        """Thresholds carried along; firms after programmes are the new baseline."""
        moved = self.threshold + threshold_change[self.home][:, self.rows].T
        # After a programme the records speak of firms that are no more what they were.
        known: list[Sector | None] = [None] * len(self.sectors)
        if self.after is self.before:
            known = [
                None if own is None else replace(own, threshold=k)
                for own, k in zip(self.observed, moved, strict=True)
            ]
        return FirmsMargins(
            self.others.moved(threshold_change),
            self.home,
            self.rows,
            self.sectors,
            self.after,
            self.after,
            self.codes,
            moved,
            observed=known,
        )

    def shifted(self, shift: FirmShift) -> FirmsMargins:
        """The same thresholds with firms moved by programmes.

        Raises
        ------
        FirmsError
            If the shift names a sector without firms, or its firms weigh more or less than before.
        """
        unknown = [code for code in shift.sectors if code not in self.codes]
        if unknown:
            raise FirmsError(f"No firms are known in {', '.join(unknown)}; programmes cannot move them.")
        sectors = [shift.sectors.get(code, own) for code, own in zip(self.codes, self.sectors, strict=True)]
        for code, own, after in zip(self.codes, self.sectors, sectors, strict=True):
            before, now = own.arrays[2].sum(), after.arrays[2].sum()
            if abs(now / before - 1) > 1e-9:
                raise FirmsError(f"Firms of {code} weigh {now:g} after programmes and {before:g} before.")
        return FirmsMargins(
            self.others,
            self.home,
            self.rows,
            sectors,
            self.before,
            FirmRows([sector.functions for sector in sectors]),
            self.codes,
            self.threshold,
            self._direct(shift, sectors),
            self.observed,
        )

    def _direct(self, shift: FirmShift, sectors: list[FirmSector]) -> Array:
        """Direct effects by the firms' records over what the law says, (3, H, N)."""
        found = np.zeros((3, *self.threshold.shape))
        for position, (code, known) in enumerate(zip(self.codes, self.observed, strict=True)):
            rows = shift.treated.get(code)
            if rows is not None and known is not None:
                found[0, position], found[1, position], found[2, position] = known.direct(
                    rows, sectors[position].functions
                )
        return found


def in_force(margins: Margins, shift: FirmShift | None) -> Margins:
    """Margins after programmes.

    Raises
    ------
    FirmsError
        If there are programmes but no firms of their own for them to move.
    """
    if shift is None:
        return margins
    if not isinstance(margins, FirmsMargins):
        raise FirmsError(
            "Programmes move firms one by one, and this structure knows none: choose the firms family and load the "
            "home country's firms, or describe the policy as a change of fixed or trade costs."
        )
    return margins.shifted(shift)


@dataclass(frozen=True, eq=False)
class Firms:
    """The home country's own firms, Pareto or lognormal ones elsewhere (MODEL 2, "Firms family").

    σ is set so that the trade-weighted mean abroad of the elasticity of trade equals ε: (σ-1)(1 - ∂ln S/∂k) to costs
    without a nest (MODEL 3), `substitution_between` in general.

    Parameters
    ----------
    country
        Code of the home country.
    sectors
        Firms by the world's sector codes; sectors without firms follow ``elsewhere``.
    presence
        Observed share of a sector's potential firms that serve a destination, by sector and destination
        (the home country itself only with entry data); assumed where it is missing (EKK11's slope).
    elsewhere : Pareto or Lognormal
        Firms of other countries.

    Raises
    ------
    FirmsError
        If a share is outside [0, 1].
    """

    country: str
    sectors: Mapping[str, FirmSector]
    presence: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    elsewhere: Pareto | Lognormal = field(default_factory=Pareto)
    name: str = "firms"
    _calibrated: dict[tuple[str, bytes], FirmsMargins] = field(default_factory=dict, repr=False)
    _placed: dict[str, Array] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for sector, shares in self.presence.items():
            for destination, share in shares.items():
                if not 0 <= share <= 1:
                    raise FirmsError(
                        f"The share of firms of {sector} present in {destination} is {share:g}; it lies from 0 to 1."
                    )

    @cached_property
    def content_hash(self) -> str:
        """Identifies firms, presence and what stands for other countries."""
        parts = [self.country, repr(self.elsewhere)]
        parts += [f"{code}:{sector.content_hash}" for code, sector in sorted(self.sectors.items())]
        parts += [repr((s, sorted(shares.items()))) for s, shares in sorted(self.presence.items())]
        return hashlib.blake2b("|".join(parts).encode(), digest_size=8).hexdigest()

    def __repr__(self) -> str:
        return f"Firms({self.country!r}, {self.content_hash}, elsewhere={self.elsewhere!r})"

    def calibrate(
        self,
        world: World,
        trade_elasticity: Array,
        within_elasticity: Array | None = None,
        kind: ElasticityKind = "cost",
    ) -> Margins:
        """Thresholds from presence, σ from ε; see `MarginFamily`. Without firms: as ``elsewhere``.

        Raises
        ------
        FirmsError
            If the home country or a sector is not in the world.
        """
        if not self.sectors:
            return self.elsewhere.calibrate(world, trade_elasticity, within_elasticity, kind)
        within = b"" if within_elasticity is None else within_elasticity.tobytes()
        key = (world.content_hash + kind, trade_elasticity.tobytes() + b"|" + within)
        if key not in self._calibrated:
            self._calibrated.clear()
            self._calibrated[key] = self._calibrate(world, trade_elasticity, within_elasticity, kind)
        return self._calibrated[key]

    def _calibrate(
        self,
        world: World,
        trade_elasticity: Array,
        within_elasticity: Array | None,
        kind: ElasticityKind,
    ) -> FirmsMargins:
        if self.country not in world.countries:
            raise FirmsError(f"The firms are of {self.country}, which is not in the world {world.name}.")
        unknown = [code for code in self.sectors if code not in world.sectors]
        if unknown:
            raise FirmsError(
                f"The world {world.name} has no sector {', '.join(unknown)}; name its sectors: "
                f"{', '.join(world.sectors)}."
            )
        home = world.country_index(self.country)
        codes = tuple(code for code in world.sectors if code in self.sectors)
        rows = np.array([world.sector_index(code) for code in codes])
        sectors = [self.sectors[code] for code in codes]
        functions = FirmRows([sector.functions for sector in sectors])
        # Thresholds follow from presence alone, whatever the elasticities.
        if world.content_hash not in self._placed:
            self._placed.clear()
            self._placed[world.content_hash] = functions.solve_presence(
                self._presence(world, home, codes, rows)
            )
        threshold = self._placed[world.content_hash]
        slope = functions.potential(threshold)[1]
        # The thresholds of others do not depend on σ: any elasticities will do to ask them for their slopes.
        others = self.elsewhere.calibrate(world, np.full_like(trade_elasticity, 4.0))
        between = substitution_between(
            trade_elasticity, within_elasticity, kind, *self._abroad(world, others, home, rows, slope)
        )
        others = others.with_substitution(1 + between, within_elasticity)
        revenue = world.revenue[home][:, rows].T
        observed = [
            None
            if sector.record is None
            else Sector(sector.record, *sector.arrays[1:], sector.deviations, sector.functions, k, home, sold)
            for sector, k, sold in zip(sectors, threshold, revenue, strict=True)
        ]
        return FirmsMargins(
            others, home, rows, sectors, functions, functions, codes, threshold, observed=observed
        )

    def _presence(self, world: World, home: int, codes: tuple[str, ...], rows: np.ndarray) -> Array:
        """Share present by sector and destination, (H, N): observed, else assumed."""
        share = assumed_presence(world)[home][:, rows].T.copy()
        traded = world.revenue[home][:, rows].T > 0
        for position, code in enumerate(codes):
            for destination, observed in self.presence.get(code, {}).items():
                if destination in world.countries:
                    j = world.country_index(destination)
                    # Sales without a firm seen to make them: the sample missed it, the assumption stands.
                    if observed > 0 or not traded[position, j]:
                        share[position, j] = min(observed, 1.0)
        return share

    def _abroad(
        self,
        world: World,
        others: LoglinearMargins | LognormalMargins,
        home: int,
        rows: np.ndarray,
        slope: Array,
    ) -> tuple[Array, Array]:
        """∂ln S/∂k and trade of the cells abroad, (cells, S) each: home rows by their own firms, (H, N) slopes."""
        trade = world.border_value
        if isinstance(others, LoglinearMargins):
            slopes = np.broadcast_to(others.potential_slope, trade.shape).copy()
        else:
            slopes = others.baseline_slope().copy(order="K")
        slopes[home][:, rows] = slope.T
        return abroad_by_cell(slopes, trade)
