"""Where the firms of a long piece of work come from: a folder of a panel, or a design of synthetic firms."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from firmtrade_core.harmonise.pipeline import IMPUTED
from firmtrade_core.panel.enia import load_enia
from firmtrade_core.panel.errors import PanelFileError
from firmtrade_core.panel.panel import FirmPanel
from firmtrade_core.panel.synthetic.country import make_country
from firmtrade_core.panel.synthetic.structure import SyntheticDesign
from firmtrade_core.panel.validation import require_possible_sizes

Source = SyntheticDesign | Path


def read_panel(path: Path) -> FirmPanel:
    """A panel from a folder of Parquet files, or from a file of Chile's survey: one reader for every command.

    Raises
    ------
    PanelError
        Naming what cannot be read.
    """
    survey = path.is_file() or (path.suffix in (".tsv", ".parquet") and not path.is_dir())
    return load_enia(path) if survey else FirmPanel.from_parquet(path)


def panel_of(source: Source) -> FirmPanel:
    """The panel that a source names.

    Raises
    ------
    PanelError
        If a folder holds no panel, or one whose money cannot be in the unit it is taken for.
    """
    if isinstance(source, Path):
        return require_possible_sizes(read_panel(source))
    return make_country(source).panel


def completed_panels(source: Source) -> tuple[FirmPanel, ...]:
    """The panel once for every way its gaps were filled; empty where none were (`harmonise` writes ``imputed``).

    Raises
    ------
    PanelError
        If a folder holds no panel, or a completed table cannot be read.
    PanelFileError
        If a completed table is no Parquet.
    """
    if not isinstance(source, Path) or not source.is_dir():
        return ()
    panel = FirmPanel.from_parquet(source)
    trade, links = (getattr(panel, name) if name in panel.tables else None for name in ("trade", "links"))
    made = []
    for path in sorted((source / IMPUTED).glob("firms_*.parquet")):
        try:
            firms = pd.read_parquet(path)
        except (OSError, ValueError) as error:
            raise PanelFileError(f"{path} cannot be read as Parquet: {error}") from error
        made.append(FirmPanel.from_frames(firms, trade, links, metadata=panel.metadata))
    return tuple(made)


def files_of(source: Source) -> tuple[Path, ...]:
    """The files a panel rests on, so that work on a changed one is done anew; none of synthetic firms."""
    if not isinstance(source, Path):
        return ()
    return tuple(sorted(source.rglob("*"))) if source.is_dir() else (source,)
