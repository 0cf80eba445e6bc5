"""What is known of single firms: where they sell and how much, and what a programme does to each (MODEL 13)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Positions = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class FirmRecord:
    """What the firms of one sector did in the baseline year; F firms, C firm-market pairs, N countries.

    Parameters
    ----------
    posterior, spread : (F,)
        Mean and standard deviation of κ given the firm's own record.
    home : (F,)
        Sales at home, in any one unit.
    exports : (F,) or None
        Sales abroad in the same unit; None where nobody knows them.
    firm, market : (C,) of int
        Positions of firms in the sector and of countries in the world.
    sales : (C,)
        Sales of the pair, above zero.
    located
        Whether pairs are known; exports without them are spread over markets as the law expects.
    """

    posterior: Array
    spread: Array
    home: Array
    exports: Array | None = None
    firm: Positions | None = None
    market: Positions | None = None
    sales: Array | None = None

    @property
    def located(self) -> bool:
        """Whether it is known who sells where."""
        return self.sales is not None

    @cached_property
    def exporting(self) -> NDArray[np.bool_]:
        """Who sells abroad at all, (F,)."""
        if self.exports is None:
            return np.zeros(len(self.posterior), dtype=bool)
        return np.asarray(self.exports > 0)

    @cached_property
    def content_hash(self) -> str:
        """Sixteen hexadecimal digits that identify the record."""
        digest = hashlib.blake2b(digest_size=8)
        for values in (
            self.posterior,
            self.spread,
            self.home,
            self.exports,
            self.firm,
            self.market,
            self.sales,
        ):
            digest.update(b"-" if values is None else np.ascontiguousarray(values).tobytes())
        return digest.hexdigest()

    def of(self, chosen: NDArray[np.bool_]) -> FirmRecord:
        """The record of some firms, (F,) of bool, numbered anew."""
        exports = None if self.exports is None else self.exports[chosen]
        if self.firm is None or self.market is None or self.sales is None:
            return FirmRecord(self.posterior[chosen], self.spread[chosen], self.home[chosen], exports)
        number, kept = np.cumsum(chosen) - 1, chosen[self.firm]
        return FirmRecord(
            self.posterior[chosen],
            self.spread[chosen],
            self.home[chosen],
            exports,
            number[self.firm[kept]].astype(np.intp),
            self.market[kept],
            self.sales[kept],
        )

    def present(self, countries: int) -> NDArray[np.bool_]:
        """Who sells where, (F, N)."""
        found = np.zeros((len(self.posterior), countries), dtype=bool)
        if self.firm is not None and self.market is not None:
            found[self.firm, self.market] = True
        return found


@dataclass(frozen=True, eq=False)
class TreatedRows:
    """Firms of one sector that programmes move, each row a firm or a part of one.

    Parameters
    ----------
    firm : (R,) of int
        Position in the sector.
    weight, capability, saving : (R,)
        Firms of the population that the row stands for; changes of m and g.
    """

    firm: Positions
    weight: Array
    capability: Array
    saving: Array

    def digest(self) -> bytes:
        """Bytes that identify the rows."""
        return b"".join(
            np.ascontiguousarray(v).tobytes() for v in (self.firm, self.weight, self.capability, self.saving)
        )
