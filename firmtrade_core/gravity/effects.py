"""Fixed effects of an estimate: solved for, listed, and put to use for flows outside the sample (MODEL 5)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.linalg import lsqr

from firmtrade_core.gravity.estimated import GravityEstimate
from firmtrade_core.gravity.fitting import CONSTANT
from firmtrade_core.gravity.panel import Array, GravityPanel, Integers
from firmtrade_core.gravity.specification import effect_parts
from firmtrade_core.gravity.variables import variable


def solve_effects(values: Array, groups: Sequence[Integers]) -> list[Array]:
    """Split values into a sum of one effect per group of every grouping.

    Least squares, of least norm where levels of one grouping could move into another's. Fixed effects swept out of a
    regression are recovered exactly from what its regressors leave of the fitted index, gaps or not.

    Parameters
    ----------
    values : (n,)
    groups
        Integer labels, (n,) each.

    Returns
    -------
    list of (n,)
        The effects at every row, in the order of the groupings.
    """
    places = [np.unique(labels, return_inverse=True)[1] for labels in groups]
    sizes = [int(at.max()) + 1 for at in places]
    starts = np.concatenate([[0], np.cumsum(sizes)])
    columns = np.concatenate([at + start for at, start in zip(places, starts[:-1], strict=True)])
    # Columns of one length: the solver's steps then do not depend on how large groups are.
    weights = 1 / np.sqrt(np.bincount(columns, minlength=int(starts[-1])))
    rows = np.tile(np.arange(len(values)), len(places))
    design = csr_array((weights[columns], (rows, columns)), shape=(len(values), int(starts[-1])))
    found = weights * lsqr(design, values, atol=1e-13, btol=1e-13, iter_lim=20_000)[0]
    return [found[start + at] for at, start in zip(places, starts[:-1], strict=True)]


def regressor_index(found: GravityEstimate) -> Array:
    """θ'x of every row used, the constant left out, (n,)."""
    kept = [found.sample.terms.index(t) for t in found.terms if t in found.sample.terms]
    beta = np.array([found.coefficients[found.sample.terms[k]] for k in kept])
    index: Array = found.sample.regressors[:, kept] @ beta
    return index


def effects_at_rows(found: GravityEstimate) -> dict[str, Array]:
    """Every effect of the specification at the rows used, logs, (n,) each."""
    rest = np.log(found.cells["fitted"].to_numpy()) - regressor_index(found)
    solved = solve_effects(rest, list(found.sample.effects.values())) if found.sample.effects else []
    return dict(zip(found.specification.effects, solved, strict=True))


def effects_table(found: GravityEstimate) -> pd.DataFrame:
    """All fixed effects: effect, group (its columns' values, sector last), value (log), rows.

    Effects of several groupings are known up to shifts between them; these have the least norm, and their sums
    are what counts.
    """
    tables = []
    for name, values in effects_at_rows(found).items():
        keys = _keys(found.cells, name)
        grouped = pd.DataFrame({"group": keys, "value": values}).groupby("group", sort=True)["value"]
        table = grouped.agg(value="first", rows="size").reset_index()
        tables.append(table.assign(effect=name)[["effect", "group", "value", "rows"]])
    if not tables:
        return pd.DataFrame(columns=["effect", "group", "value", "rows"])
    return pd.concat(tables, ignore_index=True)


def predict(found: GravityEstimate, panel: GravityPanel) -> Array:
    """Flows that the estimate predicts for every row of a panel, in or out of sample, (rows,).

    NaN where a regressor is unknown, or a group was not in the sample and so has no effect (`completion` fills pairs).
    """
    index = np.zeros(len(panel.table))
    for term, beta in found.coefficients.items():
        index += beta if term == CONSTANT else beta * variable(panel, term)
    for name, values in effects_at_rows(found).items():
        known = pd.Series(values, index=_keys(found.cells, name))
        known = known[~known.index.duplicated()]
        index += known.reindex(_keys(panel.table, name)).to_numpy()
    predicted: Array = np.exp(index)
    return predicted


def _keys(table: pd.DataFrame, effect: str) -> NDArray[np.object_]:
    """The group of every row as text."""
    parts = [_part(table, part) for part in (*effect_parts(effect), "sector")]
    keys = parts[0]
    for part in parts[1:]:
        keys = keys + " · " + part
    return keys.to_numpy(dtype=object)


def _part(table: pd.DataFrame, part: str) -> pd.Series:
    if part not in ("pair", "symmetric_pair"):
        return table[part].astype(str)
    exporter, importer = table["exporter"].astype(str), table["importer"].astype(str)
    if part == "symmetric_pair":
        exporter, importer = (
            exporter.where(exporter <= importer, importer),
            importer.where(exporter <= importer, exporter),
        )
    return exporter + " · " + importer
