"""The world's accounts: who spends what on whose goods, at which tariffs (MODEL 1).

Axis order is always origin, destination, sector; input tables are country, input, user. Money is in
million US dollars, tariffs and subsidies are fractions.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from firmtrade_core.codes.places import suggest
from firmtrade_core.labels import grouped
from firmtrade_core.world.errors import (
    AccountsError,
    EmptyMarketError,
    NegativeValueError,
    ShapeError,
    TariffError,
    UnknownCodeError,
    WorldError,
)

Array = NDArray[np.float64]

#: A tariff this high anywhere in goods that are traded means percent were given for fractions.
PERCENT_SUSPECT = 1.5

#: Relative gap allowed between accounts that were supplied and those that follow from the flows.
ACCOUNTS_TOLERANCE = 1e-6


@dataclass(frozen=True)
class Provenance:
    """Where a world's numbers come from, and what was done to them.

    Parameters
    ----------
    source, year, licence
        Citation of the data, the year they describe, the licence they come under.
    estimated
        What is estimated rather than observed, in plain words, one entry per item.
    estimated_share
        Share (0 to 1) of the value of all trade between countries, goods and services, that is estimated; None where
        unknown. `estimated_trade` says it in words.
    changes
        Mending steps applied, in order, each with its largest change in plain words.
    fit
        Named measures of how well an estimated world reproduces an observed one.
    """

    source: str = "not stated"
    year: int | None = None
    licence: str = "not stated"
    estimated: tuple[str, ...] = ()
    estimated_share: float | None = None
    changes: tuple[str, ...] = ()
    fit: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # Numbers out of arrays are no JSON: as plain ones the world can be saved and exported wherever it came from.
        plain: dict[str, Any] = {
            "year": None if self.year is None else int(self.year),
            "estimated_share": None if self.estimated_share is None else float(self.estimated_share),
            "fit": {str(name): float(value) for name, value in self.fit.items()},
            "estimated": tuple(map(str, self.estimated)),
            "changes": tuple(map(str, self.changes)),
        }
        for name, value in plain.items():
            object.__setattr__(self, name, value)

    @property
    def estimated_trade(self) -> str:
        """Which share of trade is estimated, in the words that stand everywhere; "" where none is stated."""
        if not self.estimated_share:
            return ""
        return f"{100 * self.estimated_share:.0f}\u202f% of the value of trade between countries, services included"

    def with_change(self, change: str) -> Provenance:
        """The same provenance with one more mending step noted."""
        return replace(self, changes=(*self.changes, change))


@dataclass(frozen=True, eq=False)
class Accounts:
    """Labelled, immutable, validated accounts of the world economy (MODEL 1); `World` reads, builds and writes them.

    Parameters
    ----------
    countries : tuple of str
        N country codes; every country is both an origin and a destination.
    sectors : tuple of str
        S sector codes.
    expenditure : (N, N, S)
        X: what the destination spends on goods of the origin, at consumer prices, million USD.
    tariff : (N, N, S)
        t: ad valorem tariffs, fractions above -1.
    subsidy : (N, N, S)
        b: ad valorem export subsidies, fractions below 1; negative values are export taxes.
    tariffs_stated : bool
        Whether whoever gave the tariffs says that they are fractions, however high. Else a mean above `PERCENT_SUSPECT` where
        one is paid is taken for percent and refused.
    tariff_known : (N, N, S) of bool, optional
        Which tariffs the source has. An unknown one is 0 in ``tariff``, for no better number, and no policy can lower it;
        `tariff_unknown` names those on goods that are traded. All are known, unless given.
    inputs : (N, S, S), optional
        Z: purchases of input k (axis 1) by user sector s (axis 2), at consumer prices, million USD.
        None means production by labour alone.
    goods : (S,) of bool, optional
        Which sectors are goods. All, unless given.
    sector_names : mapping, optional
        Plain names of the sectors, by code.
    provenance : Provenance
    name : str
        What the world is called on screen and in reports.

    Raises
    ------
    WorldError
        One of its subclasses, naming the cell, the country and the gap.
    """

    countries: tuple[str, ...]
    sectors: tuple[str, ...]
    expenditure: Array
    tariff: Array
    subsidy: Array
    inputs: Array | None = None
    goods: NDArray[np.bool_] | None = None
    sector_names: Mapping[str, str] = field(default_factory=dict)
    provenance: Provenance = field(default_factory=Provenance)
    name: str = "world"
    tariff_known: NDArray[np.bool_] | None = None
    tariffs_stated: bool = False

    def __post_init__(self) -> None:
        set_field = object.__setattr__
        set_field(self, "countries", tuple(str(c) for c in self.countries))
        set_field(self, "sectors", tuple(str(s) for s in self.sectors))
        n, s = len(self.countries), len(self.sectors)
        for what, labels in (("country", self.countries), ("sector", self.sectors)):
            repeated = sorted({label for label in labels if labels.count(label) > 1})
            if repeated:
                raise ShapeError(f"Each {what} must appear once; repeated: {', '.join(repeated)}.")
        if n == 0 or s == 0:
            raise EmptyMarketError("A world needs at least one country and one sector.")
        for attribute in ("expenditure", "tariff", "subsidy"):
            array = _frozen_array(getattr(self, attribute), (n, n, s), attribute)
            set_field(self, attribute, sector_blocks(array))
        if self.inputs is not None:
            set_field(self, "inputs", _frozen_array(self.inputs, (n, s, s), "inputs"))
        goods = np.ones(s, dtype=bool) if self.goods is None else np.array(self.goods, dtype=bool)
        if goods.shape != (s,):
            raise ShapeError(f"goods has shape {goods.shape}, expected ({s},).")
        goods.setflags(write=False)
        set_field(self, "goods", goods)
        set_field(self, "tariff_known", self._known_tariffs())
        self._check_values()
        self._check_accounts()

    # Validation ---------------------------------------------------------------------------------

    def _cell(self, index: Sequence[int]) -> str:
        origin, destination, sector = index
        return f"{self.countries[origin]} to {self.countries[destination]}, sector {self.sectors[sector]}"

    def _known_tariffs(self) -> NDArray[np.bool_] | None:
        """The mask, read-only; a tariff other than 0 is known. None where it leaves nothing unknown."""
        if self.tariff_known is None:
            return None
        known = np.array(self.tariff_known, dtype=bool)
        if known.shape != self.tariff.shape:
            raise ShapeError(f"tariff_known has shape {known.shape}, expected {self.tariff.shape}.")
        known |= self.tariff != 0
        known.setflags(write=False)
        return None if known.all() else known

    def _check_values(self) -> None:
        if (self.expenditure < 0).any():
            count = int((self.expenditure < 0).sum())
            worst = np.unravel_index(int(self.expenditure.argmin()), self.expenditure.shape)
            raise NegativeValueError(
                f"{count} flows are negative; the worst is {self._cell([int(i) for i in worst])}: "
                f"{grouped(self.expenditure[worst], '.6g')}. Flows must be zero or more."
            )
        check_tariffs(self.tariff, self.expenditure, self._cell, stated=self.tariffs_stated)
        if (self.subsidy >= 1).any():
            worst = np.unravel_index(int(self.subsidy.argmax()), self.subsidy.shape)
            raise TariffError(
                f"The subsidy {self._cell([int(i) for i in worst])} is {self.subsidy[worst]:g}; subsidies are "
                "fractions of the price and must stay below 1."
            )
        silent = ~(self.expenditure.sum((0, 2)) > 0)
        if silent.any():
            names = ", ".join(np.array(self.countries)[silent])
            raise EmptyMarketError(
                f"No expenditure is recorded for {names}. Add its domestic sales, or leave the country out."
            )
        idle = ~(self.expenditure.sum((1, 2)) > 0)
        if idle.any():
            names = ", ".join(np.array(self.countries)[idle])
            raise EmptyMarketError(f"{names} sells nothing to anyone, not even at home. Leave it out.")

    def _check_accounts(self) -> None:
        if self.inputs is None:
            return
        if (self.inputs < 0).any():
            where = np.unravel_index(int(self.inputs.argmin()), self.inputs.shape)
            raise NegativeValueError(
                f"{self.countries[where[0]]}: purchases of {self.sectors[where[1]]} by "
                f"{self.sectors[where[2]]} are negative ({grouped(self.inputs[where], '.6g')})."
            )
        shortfall = self.final_demand / self.total_expenditure.sum(1, keepdims=True)
        if shortfall.min() < -1e-9:
            i, k = np.unravel_index(int(shortfall.argmin()), shortfall.shape)
            count = int((shortfall < -1e-9).sum())
            raise AccountsError(
                f"{count} final demands are negative; the worst is {self.countries[i]}, {self.sectors[k]}: "
                f"its users buy {grouped(self.inputs.sum(2)[i, k])} million USD of inputs but only "
                f"{grouped(self.total_expenditure[i, k])} is spent in all (gap "
                f"{grouped(-self.final_demand[i, k])}). Mend with World.from_long(..., "
                "close_inputs=True), balance.close_input_rows or shares.close_from_shares."
            )
        short = (self.value_added <= 0) & (self.gross_output > 0)
        if short.any():
            i, k = np.unravel_index(int(np.where(short, self.value_added, np.inf).argmin()), short.shape)
            raise AccountsError(
                f"{self.countries[i]}, {self.sectors[k]}: inputs of {grouped(self.inputs.sum(1)[i, k])} million "
                f"USD leave no value added out of an output of {grouped(self.gross_output[i, k])}. Lower its input "
                "shares, or merge the sector with another."
            )

    # Accounts -----------------------------------------------------------------------------------

    @property
    def shape(self) -> tuple[int, int]:
        """Number of countries and of sectors."""
        return len(self.countries), len(self.sectors)

    @cached_property
    def border_value(self) -> Array:
        """V = X/(1+t), (N, N, S), million USD."""
        return _readonly(self.expenditure / (1 + self.tariff))

    @cached_property
    def revenue(self) -> Array:
        """R = X/T with T = (1+t)(1-b): what firms receive, (N, N, S), million USD."""
        return _readonly(self.border_value / (1 - self.subsidy)) if self.subsidized else self.border_value

    @cached_property
    def subsidized(self) -> bool:
        """Whether any export subsidy or tax is in place."""
        return bool(self.subsidy.any())

    @cached_property
    def gross_output(self) -> Array:
        """R_is, (N, S), million USD."""
        return _readonly(self.revenue.sum(1))

    @cached_property
    def total_expenditure(self) -> Array:
        """E_js at consumer prices, (N, S), million USD."""
        return _readonly(self.expenditure.sum(0))

    @cached_property
    def shares(self) -> Array:
        """π = X/E, (N, N, S); zero where the destination spends nothing on the sector."""
        spending = self.total_expenditure
        return _readonly(self.expenditure / np.where(spending > 0, spending, 1.0))

    @cached_property
    def duties(self) -> Array:
        """Duties tV collected by each importer, (N,), million USD."""
        return _readonly((self.expenditure - self.border_value).sum((0, 2)))

    @cached_property
    def subsidy_outlay(self) -> Array:
        """Subsidies bR paid by each exporter, (N,), million USD; negative: export tax revenue."""
        return _readonly((self.subsidy * self.revenue).sum((1, 2)))

    @cached_property
    def input_purchases(self) -> Array:
        """Z, (N, S, S): input k (axis 1) bought by user s (axis 2), million USD; zeros without inputs."""
        n, s = self.shape
        return self.inputs if self.inputs is not None else _readonly(np.zeros((n, s, s)))

    @cached_property
    def value_added(self) -> Array:
        """R - Σ_k Z, labour income and profits, (N, S), million USD."""
        if self.inputs is None:
            return self.gross_output
        return _readonly(self.gross_output - self.inputs.sum(1))

    @cached_property
    def final_demand(self) -> Array:
        """E - Σ_s Z, (N, S), million USD at consumer prices."""
        if self.inputs is None:
            return self.total_expenditure
        return _readonly(self.total_expenditure - self.inputs.sum(2))

    @cached_property
    def income(self) -> Array:
        """I_j: final spending, equal to value added, duties, less subsidies, plus the deficit, (N,)."""
        return _readonly(self.final_demand.sum(1))

    @cached_property
    def final_shares(self) -> Array:
        """α_js, (N, S): shares of final demand, at least zero and summing to one."""
        demand = np.maximum(self.final_demand, 0.0)
        return _readonly(demand / demand.sum(1, keepdims=True))

    @cached_property
    def deficits(self) -> Array:
        """D_j: final spending over own income, (N,), million USD; sums to zero over the world."""
        return _readonly(self.income - self.value_added.sum(1) - self.duties + self.subsidy_outlay)

    @cached_property
    def tariff_unknown(self) -> NDArray[np.bool_]:
        """Cells of trade between countries whose tariff nobody knows, (N, N, S)."""
        unknown = np.zeros(self.expenditure.shape, dtype=bool)
        if self.tariff_known is not None:
            abroad = ~np.eye(len(self.countries), dtype=bool)[:, :, None]
            unknown = ~self.tariff_known & (self.expenditure > 0) & abroad
        unknown.setflags(write=False)
        return unknown

    @cached_property
    def duties_known(self) -> NDArray[np.bool_]:
        """Whose duties mean something: importers with a known tariff on half of their imports or more, (N,)."""
        abroad = self.border_value * ~np.eye(len(self.countries), dtype=bool)[:, :, None]
        known: NDArray[np.bool_] = 2 * (abroad * self.tariff_unknown).sum((0, 2)) <= abroad.sum((0, 2))
        return known

    @cached_property
    def content_hash(self) -> str:
        """Sixteen hexadecimal digits that identify labels, accounts, goods flags and which tariffs are known."""
        digest = hashlib.blake2b(digest_size=8)
        digest.update(repr((self.countries, self.sectors)).encode())
        for array in (self.expenditure, self.tariff, self.subsidy, self.inputs, self.goods):
            digest.update(b"none" if array is None else array.tobytes(order="A"))
        if self.tariff_known is not None:
            digest.update(self.tariff_known.tobytes())
        return digest.hexdigest()

    @cached_property
    def shown_hash(self) -> str:
        """Sixteen hexadecimal digits that identify everything a reader may be shown: the accounts, and all names and sources.

        Worlds with equal numbers are one to the engine (`content_hash`); what is shared between readers goes by this.
        """
        said = (self.content_hash, self.name, sorted(self.sector_names.items()), repr(self.provenance))
        return hashlib.blake2b(repr(said).encode(), digest_size=8).hexdigest()

    # Labels -------------------------------------------------------------------------------------

    @cached_property
    def _country_index(self) -> dict[str, int]:
        return {code: i for i, code in enumerate(self.countries)}

    @cached_property
    def _sector_index(self) -> dict[str, int]:
        return {code: i for i, code in enumerate(self.sectors)}

    def country_index(self, code: str) -> int:
        """Position of a country.

        Raises
        ------
        UnknownCodeError
            Naming the codes that look alike.
        """
        return _position(code, self._country_index, "country")

    def sector_index(self, code: str) -> int:
        """Position of a sector; raises UnknownCodeError as `country_index` does."""
        return _position(code, self._sector_index, "sector")

    def sector_name(self, code: str) -> str:
        """Plain name of a sector."""
        return self.sector_names.get(code, code.replace("_", " "))

    # Derived worlds and tables ------------------------------------------------------------------

    def with_(self, **changes: Any) -> Self:
        """A copy with some fields replaced, validated again."""
        return replace(self, **changes)

    def to_long(self) -> pd.DataFrame:
        """Tidy table of all cells: exporter, importer, sector, expenditure_musd, tariff, subsidy."""
        n, s = self.shape
        return pd.DataFrame(
            {
                "exporter": np.repeat(self.countries, n * s),
                "importer": np.tile(np.repeat(self.countries, s), n),
                "sector": np.tile(self.sectors, n * n),
                "expenditure_musd": self.expenditure.ravel(),
                "tariff": self.tariff.ravel(),
                "subsidy": self.subsidy.ravel(),
            }
        )

    def __repr__(self) -> str:
        n, s = self.shape
        links = "with" if self.inputs is not None else "without"
        return (
            f"{type(self).__name__}({self.name!r}: {n} countries x {s} sectors, {links} input-output links)"
        )


def sector_blocks(array: Array) -> Array:
    """The same (N, N, S) array, laid out in memory one sector after the other, read-only.

    Solvers run sector by sector; element-wise results inherit the layout.
    """
    blocks = np.moveaxis(np.ascontiguousarray(np.moveaxis(array, -1, 0)), 0, -1)
    return _readonly(blocks)


def check_tariffs(tariff: Array, weight: Array, describe: Any, *, stated: bool = False) -> None:
    """Refuse tariffs at or below -100 %, and whole schedules that look like percent.

    Single high rates occur (alcohol, tobacco) and pass; a trade-weighted mean above
    ``PERCENT_SUSPECT`` over the cells that pay one does not, unless it is stated to be meant.

    Parameters
    ----------
    tariff, weight : (N, N, S)
        Fractions; trade by which the rates are weighted.
    describe : callable
        Names a cell from its index.
    stated
        Whether a person says that the rates are fractions, however high.

    Raises
    ------
    TariffError
    """
    if (tariff <= -1).any():
        worst = np.unravel_index(int(tariff.argmin()), tariff.shape)
        raise TariffError(
            f"The tariff {describe([int(i) for i in worst])} is {tariff[worst]:g}; a tariff must be above -1 "
            "(-100 %)."
        )
    paying = (tariff > 0) & (weight > 0)
    if paying.any() and not stated:
        mean = float(np.average(tariff[paying], weights=weight[paying]))
        if mean > PERCENT_SUSPECT:
            worst = np.unravel_index(int(np.where(paying, tariff, -1).argmax()), tariff.shape)
            raise TariffError(
                f"Tariffs average {mean:.3g} where one is paid (the highest: {describe([int(i) for i in worst])}, "
                f"{tariff[worst]:g}). Tariffs are fractions: write 0.10 for 10 %. If these are percent, divide "
                'by 100, or load with tariff_unit="percent"; if they are truly that high, with tariff_unit="fraction".'
            )


def closest(code: str, known: Iterable[str]) -> list[str]:
    """Up to three known codes that look like the given one."""
    import difflib

    upper = {k.upper(): k for k in known}
    return [upper[m] for m in difflib.get_close_matches(str(code).upper(), upper, n=3, cutoff=0.5)]


def _position(code: str, index: Mapping[str, int], what: str) -> int:
    if code in index:
        return index[code]
    # A place is offered by its meaning only: codes of three letters look alike by chance.
    alike = [c for c in suggest(code) if c in index] if what == "country" else closest(code, index)
    hint = f" Did you mean {' or '.join(alike)}?" if alike else ""
    raise UnknownCodeError(f"The world has no {what} {code!r}.{hint}")


def _frozen_array(values: ArrayLike, shape: tuple[int, ...], name: str) -> Array:
    array = np.array(values, dtype=np.float64, order="C")
    if array.shape != shape:
        raise ShapeError(f"{name} has shape {array.shape}, but the labels call for {shape}.")
    if not np.isfinite(array).all():
        count = int((~np.isfinite(array)).sum())
        raise WorldError(
            f"{name} holds {count} values that are missing or infinite. Give zeros where nothing is meant."
        )
    # Minus zero becomes zero, so that equal worlds have equal hashes.
    return _readonly(array + 0.0)


def _readonly(array: Array) -> Array:
    array.setflags(write=False)
    return array
