"""Keeping single firms out of sight: hashed identifiers, and tables without cells that reveal a firm."""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path

import pandas as pd
from pandas.api.typing import DataFrameGroupBy

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
    """Keyed hash (BLAKE2b, 64 bits in hexadecimal) of identifiers; missing ones stay missing.

    The same identifier and salt give the same hash; without the salt it cannot be found by trying.

    Raises
    ------
    SaltError
        If the salt is shorter than 16 bytes.
    """
    _check_salt(salt)
    unique = identifiers.dropna().astype(str).unique()
    hashes = {text: hashlib.blake2b(text.encode(), key=salt, digest_size=8).hexdigest() for text in unique}
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
    open cell is suppressed too (*complementary*), until none does.

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
    contributions = records.groupby([*by, firm], observed=True, dropna=False)[value].sum().reset_index()
    contributions["size"] = contributions[value].abs()
    groups = contributions.groupby(by, observed=True, dropna=False)
    cells = groups.agg(firms=(firm, "nunique"), value=(value, "sum")).reset_index()
    contributions["cell"] = groups.ngroup()
    revealing = _reveals(contributions.groupby("cell"), firm, fewest_firms, top_share).to_numpy()
    status = pd.Series("", index=cells.index)
    status[revealing] = "primary"
    margins = [list(kept) for size in range(len(by)) for kept in combinations(by, size)]
    while _complement(status, cells, contributions, margins, firm, fewest_firms, top_share):
        pass
    cells["suppressed"] = status
    cells["value"] = cells["value"].where(status == "")
    cells["firms"] = cells["firms"].astype("Int64").where(status == "")
    return cells


def _reveals(groups: DataFrameGroupBy, firm: str, fewest: int, top: float) -> pd.Series:
    total = groups["size"].sum()
    return (groups[firm].nunique() < fewest) | (groups["size"].max() > top * total)


def _complement(
    status: pd.Series,
    cells: pd.DataFrame,
    contributions: pd.DataFrame,
    margins: list[list[str]],
    firm: str,
    fewest: int,
    top: float,
) -> bool:
    """One round over all margins; whether anything more was suppressed."""
    changed = False
    for kept in margins:
        line = (
            cells.groupby(kept, observed=True, dropna=False).ngroup()
            if kept
            else pd.Series(0, index=cells.index)
        )
        hidden = contributions[contributions["cell"].map(status != "")]
        if hidden.empty:
            return changed
        # What subtraction reveals is the sum of the hidden cells of a line, each firm added up once.
        joint = (
            hidden.assign(line=hidden["cell"].map(line)).groupby(["line", firm])["size"].sum().reset_index()
        )
        unsafe = _reveals(joint.groupby("line"), firm, fewest, top)
        for number in unsafe.index[unsafe]:
            open_cells = cells.index[(line == number) & (status == "")]
            if len(open_cells):
                status[cells.loc[open_cells, "value"].abs().idxmin()] = "complementary"
                changed = True
    return changed
