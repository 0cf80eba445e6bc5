"""What firms of the synthetic country would truly do under a programme or in other markets (MODEL 2 and 4).

Truth tests hold the product's predictions against it; it shares no code with what it tests.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from firmtrade_core.panel.columns import catalogue
from firmtrade_core.panel.errors import PanelError
from firmtrade_core.panel.synthetic.country import CountryTruth
from firmtrade_core.panel.synthetic.firms import capability_index, fixed_cost_index
from firmtrade_core.panel.synthetic.markets import entry_index

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Response:
    """What firms do in the last year; F firms, S sectors, J foreign destinations.

    Parameters
    ----------
    present, exports : (F, J)
        Who sells where, and for how much money.
    home : (F,)
        Sales at home.
    capability_shift, fixed_cost_shift : (F,)
        Changes of m and g.
    sector : (F,) of int
    """

    present: Mask
    exports: Array
    home: Array
    capability_shift: Array
    fixed_cost_shift: Array
    sector: NDArray[np.int64]

    def flows(self) -> Array:
        """Exports by sector and destination, (S, J)."""
        return self._by_sector(self.exports)

    def exporters(self) -> Array:
        """Number of sellers by sector and destination, (S, J)."""
        return self._by_sector(self.present.astype(float))

    def home_sales(self) -> Array:
        """Sales at home by sector, (S,)."""
        total = np.zeros(int(self.sector.max()) + 1)
        np.add.at(total, self.sector, self.home)
        return total

    def _by_sector(self, values: Array) -> Array:
        total = np.zeros((int(self.sector.max()) + 1, values.shape[1]))
        np.add.at(total, self.sector, values)
        return total


def respond(
    truth: CountryTruth,
    changes: Mapping[str, ArrayLike] | None = None,
    *,
    demand_change: ArrayLike = 0.0,
    threshold_change: ArrayLike = 0.0,
    home_demand_change: ArrayLike = 0.0,
) -> Response:
    """Let every firm choose its markets anew, with the shocks it had.

    Equation (1) and section 2: with prices ĉ, P̂, Ê and T̂ in logs, δ moves by
    ``(1-σ)(ĉ + τ̂ + T̂) + (σ-1) P̂ + Ê - T̂`` (what the firm keeps) and k by ``Δk``. Without such changes the
    answer is partial: firms respond, markets do not.

    Parameters
    ----------
    changes
        Change of an attribute by firm, (F,) or a number, in the attribute's units; results are kept within the
        attribute's range. Make it 0 for firms that are not eligible or do not take part.
    demand_change, threshold_change : (S, J) or broadcastable
        Changes of δ and k.
    home_demand_change : (S,) or a number
        Change of δ at home.

    Raises
    ------
    PanelError
        Naming an attribute that moves neither capability nor fixed costs.
    """
    firms, alive = truth.firms, truth.firms.alive[:, -1]
    before = {name: value[:, -1] for name, value in firms.attributes.items()}
    after = before | {name: _changed(before, name, change) for name, change in (changes or {}).items()}
    capability_shift = capability_index(after) - capability_index(before)
    fixed_cost_shift = fixed_cost_index(after) - fixed_cost_index(before)
    capability, g = firms.capability[:, -1] + capability_shift, firms.g[:, -1] + fixed_cost_shift
    sector, latest = firms.sector, truth.markets
    threshold = (latest.threshold[..., -1] + np.asarray(threshold_change, dtype=float))[sector]
    demand = (latest.demand[..., -1] + np.asarray(demand_change, dtype=float))[sector]
    home_demand = (latest.home_demand[..., -1] + np.asarray(home_demand_change, dtype=float))[sector]
    present = entry_index(capability, g, truth.shocks, alive) >= threshold
    exports = np.where(present, np.exp(demand + capability[:, None] + truth.shocks.sales), 0.0)
    home = np.where(alive, np.exp(home_demand + capability + truth.shocks.home), 0.0)
    return Response(present, exports, home, capability_shift, fixed_cost_shift, sector)


def _changed(attributes: Mapping[str, Array], name: str, change: ArrayLike) -> Array:
    if name not in attributes:
        raise PanelError(f"No attribute {name} moves firms; choose among {', '.join(sorted(attributes))}.")
    column = catalogue("firms").get(name)
    low = column.lowest if column is not None else 1.0
    high = column.highest if column is not None else None
    return np.asarray(np.clip(attributes[name] + np.asarray(change, dtype=float), low, high))
