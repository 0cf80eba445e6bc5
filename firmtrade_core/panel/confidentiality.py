"""Keeping single firms out of sight: hashed identifiers, and tables without cells that reveal a firm."""

from __future__ import annotations

import os
import secrets
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from firmtrade_core.disclosure import FEWEST_FIRMS, TOP_SHARE, Rule, protect, release
from firmtrade_core.panel.errors import PanelError, SaltError

__all__ = ["FEWEST_FIRMS", "TOP_SHARE", "hash_identifiers", "new_salt", "read_salt", "suppress"]

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
    """Salt kept by `new_salt`; raises SaltError where it is missing or damaged.

    Raises
    ------
    SaltError
        If it is missing or damaged.
    """
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
    """A table of sums in which no cell, and nothing that totals and cells together tell, reveals a firm.

    A cell is *primary* where it breaks `disclosure.Rule`: fewer than ``fewest_firms`` firms, one with more than
    ``top_share`` of its value, two with nearly all, or a second firm that could tell the first's (absolute values, added
    up by firm first). Every margin of the table (sums over any of the columns) that reveals nobody by itself is taken
    to be known. *Complementary* cells are withheld beside them until the exact audit (`disclosure.bounds`) leaves each
    primary cell its protection interval, and hidden cells of a line add up to a sum that reveals nobody.

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
        ``complementary``). The count of firms is withheld with the value. ``attrs["exposed"]`` counts primary cells that
        the margins alone give away: show no margin beside such a table.

    Raises
    ------
    PanelError
        If the table has no or more than three columns, or one is called as the table's own.
    """
    if not 1 <= len(by) <= 3:
        raise PanelError(f"Suppression handles tables of one to three columns; {len(by)} were given.")
    by = list(by)
    taken = sorted({"firms", "value", "suppressed"} & set(by))
    if taken:
        raise PanelError(f"Rename the column {', '.join(taken)}: the table's own columns are called so.")
    groups = records.groupby(by, observed=True, dropna=False)
    cells = groups[value].sum().rename("value").reset_index()
    cells.insert(len(by), "firms", groups[firm].nunique(dropna=False).astype("Int64").to_numpy())
    if cells.empty:
        return cells.assign(suppressed=pd.Series(dtype=object))
    # The table's own numbers for the labels: what is missing or of another type is told apart by its group.
    named = pd.DataFrame(
        {f"_{k}": pd.factorize(cells[c], use_na_sentinel=False)[0] for k, c in enumerate(by)}
    )
    placed = named.iloc[groups.ngroup().to_numpy()].reset_index(drop=True)
    placed["firm"], placed["value"] = records[firm].to_numpy(), records[value].to_numpy()
    given = release(placed, [list(named.columns)], "value", rule=Rule(fewest_firms, top_share))
    found = protect(given)
    place = [given.where(list(named.columns), labels) for labels in named.itertuples(index=False, name=None)]
    status = np.where(given.primary, "primary", np.where(found.hidden, "complementary", ""))[place]
    cells["suppressed"] = status.astype(object)
    cells[["firms", "value"]] = cells[["firms", "value"]].where(cells["suppressed"] == "")
    cells.attrs["exposed"] = len(found.exposed)
    return cells
