"""A panel's industry codes as sectors of a world: by revision of ISIC, or by a table of the user's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pandas as pd

from firmtrade_core.codes.sectors import broad_sector, broad_sector_of_revision_2, broad_sector_of_revision_3
from firmtrade_core.labels import listed
from firmtrade_core.panel.errors import PanelError, PanelFileError
from firmtrade_core.panel.panel import FirmPanel

#: Readers of industry codes by the name of their classification.
REVISIONS = {
    "isic2": broad_sector_of_revision_2,
    "isic3": broad_sector_of_revision_3,
    "isic4": broad_sector,
}


def sector_table(given: str, codes: pd.Series) -> dict[str, str]:
    """The sector of each industry code that occurs.

    Parameters
    ----------
    given
        ``isic2``, ``isic3`` or ``isic4`` (the ten broad sectors of the embedded world), or a CSV file with the columns
        ``code`` and ``sector``; a code there stands for all that begin with it, the longest first.
    codes
        As in the panel.

    Raises
    ------
    PanelError
        Naming the codes without a sector, or the file that cannot be read.
    """
    occurring = sorted(set(codes.dropna().astype(str)))
    found, missing = {}, []
    find = REVISIONS[given] if given in REVISIONS else _own(Path(given))
    for code in occurring:
        try:
            found[code] = find(code)
        except (KeyError, ValueError):
            missing.append(code)
    if missing:
        what = f"{given} has no sector for" if given not in REVISIONS else f"{given.upper()} has no"
        raise PanelError(
            f"{what} {listed(missing[:5])}{f' and {len(missing) - 5} more' if len(missing) > 5 else ''}. Choose among "
            f"{', '.join(REVISIONS)}, or give a CSV file with the columns code and sector."
        )
    return found


def with_sectors(panel: FirmPanel, table: Mapping[str, str]) -> FirmPanel:
    """The panel with each firm's industry code replaced by its sector.

    Raises
    ------
    ColumnError
        If the panel has no sectors.
    """
    panel.need("sector")
    firms = panel.firms.copy()
    firms["sector"] = firms["sector"].astype(str).map(dict(table)).astype("string")
    trade, links = (getattr(panel, name) if name in panel.tables else None for name in ("trade", "links"))
    return FirmPanel.from_frames(firms, trade, links, metadata=panel.metadata)


def _own(path: Path) -> Callable[[str], str]:
    try:
        raw = pd.read_csv(path, dtype=str)
    except (OSError, ValueError) as error:
        raise PanelFileError(
            f"{path} cannot be read: {error}. Give {', '.join(REVISIONS)}, or a CSV file of codes."
        ) from error
    if not {"code", "sector"} <= set(raw):
        raise PanelFileError(f"{path} needs the columns code and sector; it has {', '.join(map(str, raw))}.")
    starts = dict(zip(raw["code"].str.strip(), raw["sector"].str.strip(), strict=True))

    def find(code: str) -> str:
        for size in range(len(code), 0, -1):
            if code[:size] in starts:
                return starts[code[:size]]
        raise KeyError(code)

    return find
