"""Where the firms of a long piece of work come from: a folder of a panel, or a design of synthetic firms."""

from __future__ import annotations

from pathlib import Path

from firmtrade_core.panel.panel import FirmPanel
from firmtrade_core.panel.synthetic.country import make_country
from firmtrade_core.panel.synthetic.structure import SyntheticDesign

Source = SyntheticDesign | Path


def panel_of(source: Source) -> FirmPanel:
    """The panel that a source names.

    Raises
    ------
    PanelError
        If a folder holds no panel.
    """
    return FirmPanel.from_parquet(source) if isinstance(source, Path) else make_country(source).panel


def files_of(source: Source) -> tuple[Path, ...]:
    """The files a panel rests on, so that work on a changed one is done anew; none of synthetic firms."""
    return tuple(sorted(source.rglob("*"))) if isinstance(source, Path) else ()
