"""Which firms, lost together, cost a network of suppliers most: greedy choice with a certificate (MODEL 13).

A firm makes what its inputs let it: of every dollar of cost a share w comes from each domestic supplier, and nothing
replaces a supplier in the short run. With the firms of S gone, the share of its sales that firm b loses solves

    h_b = 1 for b in S,   h_b = Σ_s w_bs h_s otherwise:

the chance that a walk from b along its suppliers, which ends with chance 1 - Σ_s w_bs at each step, comes to S. What is
lost, L(S) = Σ_b v_b h_b, is monotone and submodular in S, as chances of hitting a set are: greedy choice loses at least
1 - 1/e of the most that any k firms can (Nemhauser, Wolsey, Fisher 1978), and at every step L(S) plus the k largest
single gains still to be had bounds that most from above (Leskovec et al. 2007): the certificate of each answer.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from math import comb
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from firmtrade_core.disclosure import FEWEST_FIRMS, TOP_SHARE
from firmtrade_core.equilibrium.states import ComparisonError
from firmtrade_core.jobs import Checkpoints, Progress, silent
from firmtrade_core.labels import grouped, in_percent
from firmtrade_core.panel import FirmPanel, PanelError
from firmtrade_core.panel.source import Source, files_of, panel_of

Array = NDArray[np.float64]

#: Steps along suppliers after which the rest is below double precision, and the share of cost that suppliers may have.
_STEPS, _MOST_FROM_SUPPLIERS, _SETTLED = 400, 0.95, 1e-13

#: Sets that an exhaustive search may try.
MOST_SETS = 20_000


@dataclass(frozen=True, eq=False)
class SupplierNetwork:
    """Domestic firms that buy from one another, F of them.

    Attributes
    ----------
    firms : tuple of str
        Identifiers.
    value : (F,)
        What is lost with each, in the panel's money: sales at home and abroad, or exports.
    buyer, supplier : (L,) of int
        Positions of the firms of each link.
    part : (L,)
        w: share of the buyer's cost that comes from the supplier.
    label, money, synthetic
        Of the panel.
    year : int
    """

    firms: tuple[str, ...]
    value: Array
    buyer: NDArray[np.intp]
    supplier: NDArray[np.intp]
    part: Array
    label: str
    money: str
    synthetic: bool
    year: int

    @cached_property
    def share(self) -> csr_matrix:
        """w by buyer (rows) and supplier, (F, F)."""
        count = len(self.value)
        return csr_matrix((self.part, (self.buyer, self.supplier)), shape=(count, count))

    def lost(self, gone: Sequence[int]) -> Array:
        """h by firm, (F,)."""
        here = np.zeros(len(self.value))
        here[list(gone)] = 1.0
        found = here.copy()
        for _ in range(_STEPS):
            moved = self.share @ found
            moved[list(gone)] = 1.0
            if np.abs(moved - found).max(initial=0.0) < _SETTLED:
                return moved
            found = moved
        return found

    def loss(self, gone: Sequence[int]) -> float:
        """L(S), in the panel's money; firms lost count with all they sell."""
        return float(self.value @ self.lost(gone)) if len(gone) else 0.0

    @cached_property
    def reach(self) -> Array:
        """Σ_b v_b E[visits of a walk from b], (F,): no firm alone costs more, and its gain beside others costs no more."""
        found = term = self.value.copy()
        across = self.share.T.tocsr()
        for _ in range(_STEPS):
            term = across @ term
            found = found + term
            if np.abs(term).max(initial=0.0) < _SETTLED * max(float(found.max(initial=0.0)), 1e-300):
                break
        return found


@dataclass(frozen=True, eq=False)
class Lost:
    """The worst firms to lose together, one more at a time.

    Attributes
    ----------
    network : SupplierNetwork
    chosen : tuple of int
        Positions, in the order of choice.
    table : DataFrame
        ``together``; ``loss`` and ``own`` (what those lost sold themselves) in the panel's money, ``share`` of all sales;
        ``most`` (no set of so many firms loses more) and ``certified`` (loss over most: at least so good); ``exact``,
        whether all sets were tried.
    largest_share : float
        Share of all sales lost where the largest so many firms are lost instead, at the end of the table.
    """

    network: SupplierNetwork
    chosen: tuple[int, ...]
    table: pd.DataFrame
    largest_share: float

    def told(self) -> pd.DataFrame:
        """The table with what would reveal a real firm left out: fewer than five lost, or one that leads."""
        if self.network.synthetic:
            return self.table
        kept = [k for k in self.table["together"] if k % FEWEST_FIRMS == 0]
        value = self.network.value
        safe = []
        for k in kept:
            step = value[list(self.chosen[k - FEWEST_FIRMS : k])]
            if step.max(initial=0.0) > TOP_SHARE * step.sum():
                break
            safe.append(k)
        return self.table[self.table["together"].isin(safe)].reset_index(drop=True)

    def sentence(self) -> str:
        """In words, from the numbers that may be told."""
        told = self.told()
        if told.empty:
            return "Too few firms, or one that leads: what their loss would cost is not told."
        row = told.to_dict("records")[-1]
        sure = (
            "no other set costs more"
            if row["exact"]
            else f"no other set costs more than {in_percent(row['most'] / row['loss'] - 1)} beyond"
        )
        return (
            f"The {grouped(row['together'])} suppliers whose loss together costs most take {in_percent(row['share'])} of all sales "
            f"with them, {in_percent(row['own'] / self.network.value.sum())} their own and the rest their buyers': {sure}."
        )


def worst_suppliers(network: SupplierNetwork, together: int = 20, exhaustive: bool = False) -> Lost:
    """The firms whose loss together costs most.

    Parameters
    ----------
    together
        How many at most.
    exhaustive
        Try all sets instead of choosing greedily.

    Raises
    ------
    ComparisonError
        If there are fewer firms, or too many sets to try.
    """
    count = len(network.value)
    if not 1 <= together <= count:
        raise ComparisonError(
            f"{together} of {count} firms cannot be lost together; choose from 1 to {count}."
        )
    total = float(network.value.sum())
    if not total > 0:
        raise ComparisonError("No firm of this network sells anything.")
    if exhaustive:
        tried = sum(comb(count, k) for k in range(1, together + 1))
        if tried > MOST_SETS:
            raise ComparisonError(
                f"There are {grouped(tried)} sets of up to {together} of {grouped(count)} firms, more than {grouped(MOST_SETS)}: "
                "let them be chosen greedily, which comes with a bound."
            )
        best = [max(combinations(range(count), k), key=network.loss) for k in range(1, together + 1)]
        rows = [_row(network, chosen, network.loss(chosen), True) for chosen in best]
        return _lost(network, best[-1], rows, together)
    chosen, rows, bound = _greedy(network, together)
    table = pd.DataFrame(rows)
    # Bounds found with more firms chosen hold for fewer too, and more firms never cost less.
    table["most"] = np.minimum(bound, total)
    table["certified"] = np.minimum(table["loss"] / table["most"], 1.0)
    return _lost(network, tuple(chosen), table.to_dict("records"), together)


def _greedy(network: SupplierNetwork, together: int) -> tuple[list[int], list[dict[str, object]], Array]:
    """Firms in the order of choice, their rows, and a bound for every number of firms, (K,)."""
    # Gains only fall as firms are lost: what bounded or was a gain before bounds it still.
    upper = network.reach.copy()
    queue = [(-float(most), i) for i, most in enumerate(upper)]
    heapq.heapify(queue)
    chosen: list[int] = []
    rows: list[dict[str, object]] = []
    loss, bound = 0.0, _bound(0.0, upper, together)
    for _ in range(together):
        fresh: set[int] = set()
        while queue[0][1] not in fresh:
            i = queue[0][1]
            upper[i] = network.loss([*chosen, i]) - loss
            fresh.add(i)
            heapq.heapreplace(queue, (-float(upper[i]), i))
        bound = np.minimum(bound, _bound(loss, upper, together))
        i = heapq.heappop(queue)[1]
        chosen.append(i)
        loss, upper[i] = network.loss(chosen), 0.0
        rows.append(_row(network, chosen, loss, False))
        bound = np.minimum(bound, _bound(loss, upper, together))
    return chosen, rows, np.maximum(bound, [float(str(row["loss"])) for row in rows])


def _bound(loss: float, upper: Array, together: int) -> Array:
    """What 1 to K firms can lose at most: beside those lost already, the largest gains that may be left, (K,)."""
    best = np.sort(upper)[::-1][:together]
    return np.asarray(loss + np.cumsum(best))


def _row(network: SupplierNetwork, chosen: Sequence[int], loss: float, exact: bool) -> dict[str, object]:
    return {
        "together": len(chosen),
        "loss": loss,
        "own": float(network.value[list(chosen)].sum()),
        "share": loss / float(network.value.sum()),
        "most": loss,
        "certified": 1.0,
        "exact": exact,
    }


def _lost(network: SupplierNetwork, chosen: Sequence[int], rows: Sequence[object], together: int) -> Lost:
    largest = np.argsort(-network.value, kind="stable")[:together]
    share = network.loss(largest.tolist()) / float(network.value.sum())
    return Lost(network, tuple(chosen), pd.DataFrame(rows), share)


def supplier_network(panel: FirmPanel, year: int | None = None, measure: str = "sales") -> SupplierNetwork:
    """Who buys from whom, out of a firm panel's links.

    A firm's domestic inputs, materials less what it imports, are shared alike among its suppliers: links do not say how
    much is bought of each.

    Parameters
    ----------
    year
        The last one unless given.
    measure : {"sales", "exports"}
        What is lost with a firm.

    Raises
    ------
    ComparisonError
        If the panel has no links, or does not say what firms buy and sell.
    """
    if "links" not in panel.tables:
        raise ComparisonError(
            f"{panel.metadata.label} does not say who buys from whom: add a table of links (supplier, buyer)."
        )
    year = max(panel.years) if year is None else year
    table = panel.firms[panel.firms["year"] == year]
    missing = [name for name in {"sales", "materials", measure} if name not in table]
    if missing or table.empty:
        raise ComparisonError(
            f"{panel.metadata.label} has no {', '.join(sorted(missing)) or f'firms in {year}'}: what the loss of a supplier "
            "costs its buyers is not known."
        )
    names = table["firm"].astype(str).to_numpy(object)
    place = {name: i for i, name in enumerate(names)}
    links = panel.links
    if "year" in links:
        links = links[links["year"] == year]
    pairs = links[["supplier", "buyer"]].astype(str).drop_duplicates()
    pairs = pairs[pairs["supplier"].isin(place) & pairs["buyer"].isin(place) & (pairs["supplier"] != pairs["buyer"])]  # fmt: skip
    supplier, buyer = (pairs[c].map(place).to_numpy(np.intp) for c in ("supplier", "buyer"))
    sales, materials = (
        pd.to_numeric(table[c], errors="coerce").fillna(0).to_numpy(float) for c in ("sales", "materials")
    )
    imported = (
        pd.to_numeric(table["imported_input_share"], errors="coerce").fillna(0).to_numpy(float)
        if "imported_input_share" in table
        else np.zeros(len(table))
    )
    part = np.divide(materials * (1 - imported), sales, out=np.zeros(len(table)), where=sales > 0)
    part = np.clip(part, 0.0, _MOST_FROM_SUPPLIERS)
    each = part / np.maximum(np.bincount(buyer, minlength=len(table)), 1)
    value = pd.to_numeric(table[measure], errors="coerce").fillna(0).to_numpy(float)
    meta = panel.metadata
    return SupplierNetwork(
        tuple(names.tolist()),
        value,
        buyer,
        supplier,
        each[buyer],
        meta.label,
        meta.money,
        meta.synthetic,
        int(year),
    )


# As a job ---------------------------------------------------------------------------------------

#: Firms lost together at most, where a page asks.
MOST_TOGETHER = 20


def study_suppliers(
    source: Source,
    files: tuple[Path, ...] = (),
    measure: str = "sales",
    *,
    progress: Progress = silent,
    checkpoints: Checkpoints | None = None,
) -> Lost:
    """The worst suppliers of synthetic firms, or of a folder with a firm panel.

    Parameters
    ----------
    source
    files
        Of the folder, so that a changed panel is read anew.
    measure
        As `supplier_network`.
    progress, checkpoints
        Of a job.

    Raises
    ------
    ComparisonError
        If the panel cannot be read, has no links, or few firms.
    """
    progress(0.05, "Reading who buys from whom")
    try:
        network = supplier_network(panel_of(source), None, measure)
    except PanelError as error:
        raise ComparisonError(str(error)) from error
    progress(0.5, "Losing suppliers together")
    return worst_suppliers(network, min(MOST_TOGETHER, len(network.value)))


def supplier_arguments(source: Source, measure: str) -> dict[str, Any]:
    """Arguments of `study_suppliers`, with the files that its result depends on."""
    return {"source": source, "files": files_of(source), "measure": measure}
