"""What the estimator sees: who sells how much where, and firms' attributes, as arrays with checks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from firmtrade_core.capability.disguise import Telling, how_telling, side_without_exception
from firmtrade_core.capability.errors import (
    CapabilityError,
    LeakageError,
    NoAttributeError,
    SampleError,
    SelectionError,
)
from firmtrade_core.codes.countries import country_name
from firmtrade_core.codes.sectors import sector_words
from firmtrade_core.labels import listed
from firmtrade_core.panel.settled import settled

Array = NDArray[np.float64]
Integers = NDArray[np.int64]

ABSENT, PRESENT, UNOBSERVED = 0, 1, -1

#: An attribute whose rank correlation with the number of markets served exceeds this is made of it, if so many tell.
LEAKAGE_CORRELATION, FEWEST_TO_FOLLOW = 0.97, 30

#: Sellers a market needs for its demand and threshold to be estimated.
FEWEST_SELLERS = 3

#: Firms below which boosting and a bootstrap by firm say nothing.
FEWEST_FIRMS = 50


@dataclass(frozen=True, eq=False)
class CapabilityData:
    """Presence and sales by row and market, with attributes by row; R rows, J markets, G groups, F firms, K attributes.

    A row is a firm in a year. Rows of a group (a sector, a year, or both) share δ and k by market; rows of a
    firm are adjacent and share u.

    Parameters
    ----------
    presence : (R, J) of int8
        1 present, 0 absent, -1 not observed.
    log_sales : (R, J)
        ln x where present, 0 elsewhere.
    attributes : (R, K)
        Missing values are NaN.
    attribute_names : tuple of str
    firm : (R,) of int
        0 to F-1, ascending.
    group : (R,) of int
        0 to G-1.
    weights : (F,)
        Sampling weights, mean 1.
    temper : (R,)
        Weight of a row in its firm's likelihood: 1 where years are independent given u, 1/T where a firm's taste for a
        market persists and T years count as one (`likelihood`).
    block : (G,) of int
        Groups of one block may share firms (the years of a sector).
    firm_names, markets, group_names : tuple of str
    years : (R,) of int
        Calendar year, 0 where there is none.
    notes
        What was set aside and why, in plain words.
    home_sales : (R,), optional
        ln of sales at home, NaN where unknown or nothing. With them every firm shows its κ (MODEL 2: the same at home
        and abroad) whether or not it exports: m is told by sales, and g by who enters given m.
    """

    presence: NDArray[np.int8]
    log_sales: Array
    attributes: Array
    attribute_names: tuple[str, ...]
    firm: Integers
    group: Integers
    weights: Array
    temper: Array
    block: Integers
    firm_names: tuple[str, ...]
    markets: tuple[str, ...]
    group_names: tuple[str, ...]
    years: Integers
    notes: tuple[str, ...] = field(default=())
    home_sales: Array | None = None

    @classmethod
    def from_arrays(
        cls,
        log_sales: Array,
        attributes: Array | pd.DataFrame,
        *,
        attribute_names: Sequence[str] | None = None,
        firm: Sequence[Any] | None = None,
        sector: Sequence[Any] | None = None,
        year: Sequence[int] | None = None,
        weights: Array | None = None,
        observed: NDArray[np.bool_] | None = None,
        markets: Sequence[str] | None = None,
        years_are_independent: bool = False,
        home_sales: Array | None = None,
    ) -> CapabilityData:
        """Sort, group and check.

        Parameters
        ----------
        log_sales : (R, J)
            ln x; missing where absent.
        attributes : (R, K)
            Numbers; one-hot columns for categories.
        firm, sector, year : (R,), optional
            Without them every row is a firm of its own, of one sector, in one year.
        weights : (R,), optional
            Sampling weights; a firm's are averaged over its rows.
        observed : (R, J), optional
            False where presence is unknown.
        years_are_independent
            By default the years of a firm count as one observation of each market (MODEL 6: taste persists).
        home_sales : (R,), optional
            ln of sales at home, missing where there are none.

        Raises
        ------
        CapabilityError
            See the subclasses in `errors`.
        """
        rows, count = log_sales.shape
        names, table = _attribute_table(attributes, attribute_names)
        log_sales, table = settled(log_sales), settled(table)
        frame = pd.DataFrame(
            {
                "firm": np.arange(rows) if firm is None else list(firm),
                "sector": "" if sector is None else [str(s) for s in sector],
                "year": 0 if year is None else list(year),
                "weight": 1.0 if weights is None else weights,
            }
        )
        _refuse_bad_keys(frame, log_sales)
        order = np.lexsort((frame["year"], frame["firm"].astype(str) if firm is not None else frame["firm"]))
        frame = frame.iloc[order].reset_index(drop=True)
        codes, firm_names = pd.factorize(frame["firm"])
        groups = frame[["sector", "year"]].drop_duplicates().sort_values(["sector", "year"])
        keys = {key: index for index, key in enumerate(groups.itertuples(index=False, name=None))}
        group = np.array([keys[key] for key in frame[["sector", "year"]].itertuples(index=False, name=None)])
        # A firm that moves between sectors links their years into one block.
        block = _blocks(codes.astype(np.int64), group, pd.factorize(groups["sector"])[0].astype(np.int64))
        presence = np.isfinite(log_sales[order]).astype(np.int8)
        if observed is not None:
            presence[~np.asarray(observed)[order]] = UNOBSERVED
        spell = np.bincount(codes)[codes]
        weight = frame["weight"].groupby(codes).mean().to_numpy(float)
        return cls(
            presence,
            np.where(presence == PRESENT, log_sales[order], 0.0),
            table[order],
            names,
            codes.astype(np.int64),
            group.astype(np.int64),
            weight / weight.mean(),
            np.ones(rows) if years_are_independent else 1.0 / spell,
            block,
            tuple(str(name) for name in firm_names),
            tuple(markets) if markets is not None else tuple(f"market {j + 1}" for j in range(count)),
            tuple(" ".join(str(part) for part in key if part not in ("", 0)) or "all" for key in keys),
            frame["year"].to_numpy(np.int64),
            home_sales=None
            if home_sales is None
            else _finite(settled(np.asarray(home_sales, dtype=float)))[order],
        )._checked()

    @property
    def firm_count(self) -> int:
        """F."""
        return len(self.firm_names)

    @cached_property
    def starts(self) -> Integers:
        """First row of each firm, and R at the end, (F+1,)."""
        return np.searchsorted(self.firm, np.arange(self.firm_count + 1))

    @cached_property
    def row_weights(self) -> Array:
        """Firms' weights spread evenly over their rows, (R,); they add up to the firms'."""
        weights: Array = (self.weights / np.diff(self.starts))[self.firm]
        return weights

    @cached_property
    def exports_anywhere(self) -> NDArray[np.bool_]:
        """Whether a firm was ever present, (F,)."""
        present = (self.presence == PRESENT).any(1)
        return np.maximum.reduceat(present, self.starts[:-1])

    @cached_property
    def cell_counts(self) -> tuple[Integers, Integers]:
        """Sellers and observed firms by group and market, each (G, J)."""
        shape = (len(self.group_names), len(self.markets))
        sellers, seen = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
        np.add.at(sellers, self.group, self.presence == PRESENT)
        np.add.at(seen, self.group, self.presence != UNOBSERVED)
        return sellers, seen

    @cached_property
    def years_count_once(self) -> bool:
        """Whether the years of a firm count as one observation; false where each firm has one row."""
        return bool((self.temper < 1).any())

    def reweighted(self, weights: Array) -> CapabilityData:
        """The same firms with other weights (F,), such as those of a bootstrap draw."""
        return replace(self, weights=weights)

    def subset(self, firms: Integers) -> CapabilityData:
        """Some firms only, by position and in order; repeated positions become firms of their own."""
        spans = [np.arange(self.starts[f], self.starts[f + 1]) for f in firms]
        rows = np.concatenate(spans)
        return replace(
            self,
            presence=self.presence[rows],
            log_sales=self.log_sales[rows],
            attributes=self.attributes[rows],
            firm=np.repeat(np.arange(len(firms)), [len(span) for span in spans]),
            group=self.group[rows],
            weights=self.weights[firms],
            temper=self.temper[rows],
            firm_names=tuple(self.firm_names[f] for f in firms),
            years=self.years[rows],
            home_sales=None if self.home_sales is None else self.home_sales[rows],
        )

    def with_outcomes(
        self, presence: NDArray[np.int8], log_sales: Array, home_sales: Array | None = None
    ) -> CapabilityData:
        """The same firms with other sales, such as simulated ones; cells stay unobserved where they were."""
        presence = np.where(self.presence == UNOBSERVED, UNOBSERVED, presence).astype(np.int8)
        kept = self.home_sales
        if kept is not None and home_sales is not None:
            kept = np.where(np.isfinite(kept), home_sales, np.nan)
        return replace(
            self,
            presence=presence,
            log_sales=np.where(presence == PRESENT, log_sales, 0.0),
            home_sales=kept,
        )

    def _checked(self) -> CapabilityData:
        if self.firm_count < FEWEST_FIRMS:
            raise SampleError(
                f"{self.firm_count} firms are too few: cross-fitting and the bootstrap need at least {FEWEST_FIRMS}."
            )
        present = self.presence == PRESENT
        if not present.any():
            raise SelectionError("No firm sells anywhere, so neither demand nor capability can be estimated.")
        if not (self.presence == ABSENT).any():
            raise SelectionError(
                "Every firm sells in every market: there are no never-exporters and no absences, so entry "
                "thresholds cannot be estimated. Add firms that do not export."
            )
        if len(self.markets) * len(self.group_names) > 0 and present.sum() < 4 * FEWEST_SELLERS:
            raise SampleError(f"{present.sum()} sales are too few to estimate the scales.")
        data = self._without_unusable_attributes()._without_thin_markets()
        return data._without_disguises()

    def _without_unusable_attributes(self) -> CapabilityData:
        finite = np.isfinite(self.attributes)
        empty: NDArray[np.bool_] = ~np.any(finite, axis=0)
        filled = np.where(finite, self.attributes, np.nan)
        with np.errstate(invalid="ignore"):
            low = np.where(empty, 0.0, np.nanmin(np.where(empty, 0.0, filled), axis=0))
            high = np.where(empty, 0.0, np.nanmax(np.where(empty, 0.0, filled), axis=0))
        # A constant column with gaps still tells by its gaps.
        constant = ~empty & (low == high) & finite.all(0)
        keep = ~(empty | constant)
        notes = [
            f"attribute {name} set aside: {'all values are missing' if empty[i] else 'it never varies'}"
            for i, name in enumerate(self.attribute_names)
            if not keep[i]
        ]
        if not keep.any():
            raise NoAttributeError(f"No usable attribute is left: {'; '.join(notes) or 'none was given'}.")
        return replace(
            self,
            attributes=filled[:, keep],
            attribute_names=tuple(n for n, k in zip(self.attribute_names, keep, strict=True) if k),
            notes=(*self.notes, *notes),
        )

    def _without_thin_markets(self) -> CapabilityData:
        """Cells of group and market with too few sellers become unobserved: their k would run off."""
        sellers, seen = self.cell_counts
        thin = (seen > 0) & (sellers < FEWEST_SELLERS)
        if not thin.any():
            return self
        presence = np.where(thin[self.group], UNOBSERVED, self.presence).astype(np.int8)
        if not (presence == PRESENT).any():
            raise SampleError(
                f"No market has {FEWEST_SELLERS} sellers in a sector and year; pool years or sectors."
            )
        listed = [
            f"{country_name(self.markets[j])}, {_group_words(self.group_names[g])}"
            if len(self.group_names) > 1
            else country_name(self.markets[j])
            for g, j in zip(*np.nonzero(thin), strict=True)
        ]
        more = f" and {len(listed) - 5} more" if len(listed) > 5 else ""
        note = f"{len(listed)} markets with fewer than {FEWEST_SELLERS} sellers set aside: {'; '.join(listed[:5])}{more}"
        return replace(
            self,
            presence=presence,
            log_sales=np.where(presence == PRESENT, self.log_sales, 0.0),
            notes=(*self.notes, note),
        )

    def _without_disguises(self) -> CapabilityData:
        """Refuse attributes that are exports in disguise: their total, their log, their count, or a flag."""
        present = self.presence == PRESENT
        anywhere = present.any(1)
        largest = np.where(present, self.log_sales, -np.inf).max(1, initial=-np.inf)
        safe = np.where(anywhere, largest, 0.0)
        total = safe + np.log(
            np.where(present, np.exp(self.log_sales - safe[:, None]), 0.0).sum(1) + ~anywhere
        )
        told = {
            name: how_telling(self.attributes[:, i], anywhere, np.where(anywhere, total, np.nan))
            for i, name in enumerate(self.attribute_names)
        }
        for i, (name, found) in enumerate(told.items()):
            column, usable = self.attributes[:, i], anywhere & np.isfinite(self.attributes[:, i])
            counted = (
                usable.sum() >= FEWEST_TO_FOLLOW
                and abs(_rank_correlation(column[usable], present.sum(1)[usable])) > LEAKAGE_CORRELATION
            )
            if found.refused or counted:
                words = "follows the number of markets served almost exactly" if counted else found.words
                raise LeakageError(
                    f"{name} {words}: it is the outcome in disguise, or it parts exporters from the rest so well that "
                    "nothing else can be told. Leave it out or lag it."
                )
        return replace(self, notes=(*self.notes, *_warnings(self, told, anywhere)))


def _warnings(data: CapabilityData, told: dict[str, Telling], anywhere: NDArray[np.bool_]) -> list[str]:
    """Attributes that tell suspiciously much, and groups of firms of which none or all sell abroad."""
    said = []
    apart: dict[str, list[str]] = {}
    for i, (name, found) in enumerate(told.items()):
        if found.suspect:
            said.append(f"{name} {found.words}: make sure that it is not made of exports.")
        side = side_without_exception(data.attributes[:, i], anywhere)
        if side is not None:
            apart.setdefault("Every firm" if side[1] else "No firm", []).append(
                f"{'with' if side[0] else 'without'} {name.replace('_', ' ')}"
            )
    return said + [
        f"{start} {listed(names)} sells abroad (separation): how hard entry is for such firms rests on the learner's "
        "smoothing, not on data."
        for start, names in apart.items()
    ]


def _finite(values: Array) -> Array:
    finite: Array = np.where(np.isfinite(values), values, np.nan)
    return finite


def _attribute_table(
    attributes: Array | pd.DataFrame, names: Sequence[str] | None
) -> tuple[tuple[str, ...], Array]:
    if isinstance(attributes, pd.DataFrame):
        wrong = [str(c) for c in attributes if not pd.api.types.is_numeric_dtype(attributes[c])]
        if wrong:
            raise CapabilityError(f"Attributes must be numbers; make one-hot columns of {', '.join(wrong)}.")
        return tuple(str(c) for c in attributes), attributes.to_numpy(float)
    table = np.asarray(attributes, dtype=float)
    return tuple(names) if names is not None else tuple(f"a{i + 1}" for i in range(table.shape[1])), table


def _refuse_bad_keys(frame: pd.DataFrame, log_sales: Array) -> None:
    if np.isinf(log_sales).any():
        raise CapabilityError("Log sales are infinite somewhere: give NaN, not ln 0, where a firm is absent.")
    twice = frame.duplicated(["firm", "year"])
    if twice.any():
        first = frame[twice].iloc[0]
        raise CapabilityError(
            f"Firm {first['firm']} has two rows in year {first['year']}; give one per year."
        )
    weight = frame["weight"].to_numpy(float)
    if not (np.isfinite(weight).all() and (weight >= 0).all() and weight.sum() > 0):
        raise CapabilityError("Weights must be finite, not negative, and not all zero.")


def _blocks(firm: Integers, group: Integers, sector: Integers) -> Integers:
    """Blocks of groups (G,): sectors, joined where a firm appears in several."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    of_row = sector[group]
    first = of_row[np.searchsorted(firm, firm)]
    count = int(sector.max()) + 1
    links = coo_matrix((np.ones(len(firm)), (first, of_row)), shape=(count, count))
    joined: Integers = connected_components(links, directed=False)[1].astype(np.int64)
    return joined[sector]


def _group_words(group: str) -> str:
    """A group of sector and year, or of either."""
    sector, _, year = group.rpartition(" ")
    return f"{sector_words(sector).lower()} {year}" if sector else group


def _rank_correlation(first: Array, second: Array) -> float:
    a, b = (pd.Series(values).rank().to_numpy() for values in (first, second))
    if a.std() == 0 or b.std() == 0:
        return 0.0
    return float(np.corrcoef(a, b)[0, 1])
