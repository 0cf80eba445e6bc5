"""Keeping single firms out of sight: hashed identifiers, and tables without cells that reveal a firm."""

from __future__ import annotations

import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api.typing import DataFrameGroupBy
from scipy.sparse import csr_matrix, hstack
from scipy.sparse.csgraph import connected_components

from firmtrade_core.panel.errors import PanelError, SaltError

#: A shown cell holds at least this many firms, the largest with at most this share of its value.
FEWEST_FIRMS, TOP_SHARE = 5, 0.75

SALT_BYTES = 32


def new_salt(path: str | Path, *, panel_folder: str | Path | None = None) -> bytes:
    """Create a random salt in a file that only its owner may read.

    Parameters
    ----------
    path
        Where to keep it: apart from the panel, and out of what is shared.
    panel_folder
        The panel's folder, to make sure of that.

    Raises
    ------
    SaltError
        If a salt exists already, or the file would lie within the panel's folder.
    """
    path = Path(path).resolve()
    if panel_folder is not None and path.is_relative_to(Path(panel_folder).resolve()):
        raise SaltError(f"The salt must lie apart from the panel; {path} is inside {panel_folder}.")
    salt = secrets.token_bytes(SALT_BYTES)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise SaltError(
            f"{path} exists already; read it with read_salt, or identifiers would change."
        ) from None
    except OSError as error:
        raise SaltError(f"{path} cannot be written: {error.strerror}.") from error
    with os.fdopen(handle, "wb") as file:
        file.write(salt.hex().encode())
    return salt


def read_salt(path: str | Path) -> bytes:
    """Salt kept by `new_salt`; raises SaltError where it is missing or damaged."""
    try:
        salt = bytes.fromhex(Path(path).read_text().strip())
    except (OSError, ValueError) as error:
        raise SaltError(f"{path} holds no salt ({error}). Make one with new_salt.") from error
    _check_salt(salt)
    return salt


def hash_identifiers(identifiers: pd.Series, salt: bytes) -> pd.Series:
    """Keyed hash of identifiers, as harmonised customs lines carry it; missing and empty ones stay missing.

    Letters and digits alone count, so that 76.123.456-K and 76123456k are one firm. The same identifier and salt give
    the same hash; without the salt it cannot be found by trying.

    Raises
    ------
    SaltError
        If the salt is shorter than 16 bytes.
    """
    from firmtrade_core.harmonise.declarations import hashed_firm

    _check_salt(salt)
    texts = identifiers.dropna().astype(str).unique()
    hashes = {text: hashed_firm(text, salt) for text in texts if any(c.isalnum() for c in text)}
    return identifiers.astype("string").map(hashes).astype("string")


def _check_salt(salt: bytes) -> None:
    if not 16 <= len(salt) <= 64:
        raise SaltError(f"The salt has {len(salt)} bytes; it needs 16 to 64. Make one with new_salt.")


def suppress(
    records: pd.DataFrame,
    by: Sequence[str],
    value: str,
    *,
    firm: str = "firm",
    fewest_firms: int = FEWEST_FIRMS,
    top_share: float = TOP_SHARE,
) -> pd.DataFrame:
    """A table of sums in which no cell, and no difference between a total and its cells, reveals a firm.

    A cell is *primary* where fewer than ``fewest_firms`` firms are in it, or one firm has more than ``top_share`` of
    its value (absolute values, added up by firm first). Every margin of the table (sums over any of the columns)
    is assumed to be known; wherever a margin's suppressed cells together would fail either rule, its smallest
    open cell is suppressed too (*complementary*), until none does. So is one where the margins together, as equations
    in the suppressed cells, would give a primary cell away exactly.

    Parameters
    ----------
    records
        One row by firm and whatever else.
    by
        Columns of the table; one to three.
    value
        Column that is summed.

    Returns
    -------
    DataFrame
        ``by``, ``firms``, ``value`` (missing where suppressed) and ``suppressed`` (empty, ``primary`` or
        ``complementary``). The count of firms is withheld with the value.
    """
    if not 1 <= len(by) <= 3:
        raise PanelError(f"Suppression handles tables of one to three columns; {len(by)} were given.")
    by = list(by)
    taken = sorted({"firms", "value", "suppressed"} & set(by))
    if taken:
        raise PanelError(f"Rename the column {', '.join(taken)}: the table's own columns are called so.")
    groups = records.groupby(by, observed=True, dropna=False)
    cells = groups[value].sum().rename("value").reset_index()
    named = pd.DataFrame({"cell": groups.ngroup(), "firm": records[firm], "value": records[value]})
    parts = named.groupby(["cell", "firm"], dropna=False)["value"].sum().abs().reset_index()
    rule = _Rule(fewest_firms, top_share)
    cells.insert(len(by), "firms", parts.groupby("cell")["firm"].nunique().astype("Int64"))
    status = pd.Series("", index=cells.index)
    status[rule.broken(parts.groupby("cell")).to_numpy()] = "primary"
    margins = [list(kept) for size in range(len(by)) for kept in combinations(by, size)]
    lines = [_lines(cells, kept) for kept in margins]
    while _complement(status, cells["value"], parts, lines, rule) or _break_equations(
        status, cells["value"], lines[-len(by) :]
    ):
        pass
    cells["suppressed"] = status
    cells[["firms", "value"]] = cells[["firms", "value"]].where(status == "")
    return cells


@dataclass(frozen=True)
class _Rule:
    fewest_firms: int
    top_share: float

    def broken(self, groups: DataFrameGroupBy) -> pd.Series:
        """Which groups of firms' contributions reveal a firm."""
        few = groups["firm"].nunique() < self.fewest_firms
        return few | (groups["value"].max() > self.top_share * groups["value"].sum())


def _lines(cells: pd.DataFrame, kept: list[str]) -> pd.Series:
    """Number of the line that each cell belongs to in the margin over the columns ``kept``."""
    if not kept:
        return pd.Series(0, index=cells.index)
    return cells.groupby(kept, observed=True, dropna=False).ngroup()


def _complement(
    status: pd.Series, values: pd.Series, parts: pd.DataFrame, lines: list[pd.Series], rule: _Rule
) -> bool:
    """One round over all margins; whether anything more was suppressed."""
    changed = False
    for line in lines:
        hidden = parts[parts["cell"].map(status != "")]
        if hidden.empty:
            return changed
        # What subtraction reveals is the sum of the hidden cells of a line, each firm added up once.
        placed = hidden.assign(line=hidden["cell"].map(line))
        joint = placed.groupby(["line", "firm"], dropna=False)["value"].sum().reset_index()
        unsafe = rule.broken(joint.groupby("line"))
        for number in unsafe.index[unsafe]:
            changed |= _hide_smallest(status, values, (line == number).to_numpy())
    return changed


def _break_equations(status: pd.Series, values: pd.Series, lines: list[pd.Series]) -> bool:
    """Suppress one more cell beside each primary cell that the finest margins determine; whether any was.

    A cell is determined where its unit vector lies in the span of the margins' equations over hidden cells.
    """
    hidden = np.flatnonzero(status != "")
    if not len(hidden):
        return False
    equations = hstack(
        [
            csr_matrix((np.ones(len(hidden)), (np.arange(len(hidden)), line.to_numpy()[hidden])))
            for line in lines
        ]
    ).tocsr()
    _, component = connected_components(equations @ equations.T, directed=False)
    changed = False
    for number in range(component.max() + 1):
        members = np.flatnonzero(component == number)
        block = equations[members].toarray()
        left, size, _ = np.linalg.svd(block, full_matrices=False)
        span = (left[:, size > 1e-9 * size.max()] ** 2).sum(1)
        for cell in hidden[members[span > 1 - 1e-9]]:
            if status.iloc[cell] == "primary":
                beside = np.any([(line == line.iloc[cell]).to_numpy() for line in lines], axis=0)
                changed |= _hide_smallest(status, values, beside)
    return changed


def _hide_smallest(status: pd.Series, values: pd.Series, among: NDArray[np.bool_]) -> bool:
    """Suppress the smallest open cell among some; whether there was one."""
    open_cells = np.flatnonzero(among & (status == "").to_numpy())
    if len(open_cells):
        smallest = values.iloc[open_cells].abs().to_numpy().argmin()
        status.iloc[int(open_cells[smallest])] = "complementary"
    return bool(len(open_cells))
