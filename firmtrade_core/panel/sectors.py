"""A panel's industry codes as sectors of a world: by revision of ISIC, or by a table of the user's own."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import pandas as pd

from firmtrade_core.codes.artefacts import unwrapped, whole_number
from firmtrade_core.codes.sectors import (
    broad_sector,
    broad_sector_of_revision_2,
    broad_sector_of_revision_3,
    finer_sector,
)
from firmtrade_core.labels import listed
from firmtrade_core.panel.errors import PanelError, PanelFileError
from firmtrade_core.panel.panel import FirmPanel

#: Readers of industry codes by the name of their classification.
REVISIONS: dict[str, Callable[[str], str]] = {
    "isic2": broad_sector_of_revision_2,
    "isic3": broad_sector_of_revision_3,
    "isic4": broad_sector,
    "isic2-finer": partial(finer_sector, revision=2),
    "isic3-finer": partial(finer_sector, revision=3),
    "isic4-finer": partial(finer_sector, revision=4),
}


def sector_table(given: str, codes: pd.Series) -> dict[str, str]:
    """The sector of each industry code that occurs.

    Parameters
    ----------
    given
        ``isic2``, ``isic3`` or ``isic4``: the ten broad sectors of the embedded world. With ``-finer`` behind it, the 28
        sectors that inter-country tables tell apart, which a world of ten gathers again. Or a CSV file with the columns
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
    find = REVISIONS[given] if given in REVISIONS else _own(Path(given), occurring)
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


def _own(path: Path, occurring: Sequence[str]) -> Callable[[str], str]:
    try:
        # As text: a code keeps the zero before it.
        raw = pd.read_csv(
            path, dtype=str, sep=None, engine="python", keep_default_na=False, encoding="utf-8-sig"
        )
    except (OSError, ValueError, csv.Error) as error:
        raise PanelFileError(
            f"{path} cannot be read: {error} Give {', '.join(REVISIONS)}, or a CSV file of codes."
        ) from error
    if not {"code", "sector"} <= set(raw):
        raise PanelFileError(f"{path} needs the columns code and sector; it has {', '.join(map(str, raw))}.")
    codes = [whole_number(unwrapped(text))[0] for text in raw["code"]]
    # Codes of two or four digits that a spreadsheet had lost the zero before: 1 is 01 where none begins with 0 and codes do.
    lost = any(code[:1] == "0" for code in occurring) and not any(code[:1] == "0" for code in codes)
    size = max(map(len, codes), default=0)
    if lost and all(code.isdigit() and len(code) in (size, size - 1) for code in codes if code):
        codes = [code.zfill(size) if code else code for code in codes]
    starts: dict[str, str] = {}
    for code, sector in zip(codes, raw["sector"].str.strip(), strict=True):
        if not code and not sector:
            continue
        if not code or not sector:
            raise PanelFileError(
                f"{path.name} has a row with {code or sector} and no {'sector' if code else 'code'}: fill it in."
            )
        if starts.setdefault(code, sector) != sector:
            raise PanelFileError(
                f"{path.name} has two sectors for {code}: {starts[code]} and {sector}. Keep one."
            )

    def find(code: str) -> str:
        for size in range(len(code), 0, -1):
            if code[:size] in starts:
                return starts[code[:size]]
        raise KeyError(code)

    return find
