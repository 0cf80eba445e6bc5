"""What a run of the pipeline leaves behind: its stages, what was found, and where the files are."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from firmtrade_core.channels import ChannelTable
from firmtrade_core.figures.outcomes import Headline
from firmtrade_core.harmonise import pipeline as harmonising
from firmtrade_core.report.export import About


@dataclass(frozen=True)
class Stage:
    """What became of one stage.

    Parameters
    ----------
    name
    reused
        Whether it was finished by an earlier run.
    seconds
    """

    name: str
    reused: bool
    seconds: float


@dataclass(frozen=True, eq=False)
class Findings:
    """What the briefing tells; tables hold no cell of fewer than five firms.

    Parameters
    ----------
    sentence
        The scenario in words.
    country
        Code of the home country.
    headlines
    exporting
        Home firms that export, and firm-market pairs, before and after.
    countries, sectors, destinations
        Changes: real income by country (%), home exports by sector (%, bn USD), home exports (million USD) and firms by
        destination.
    sources
        Waterfall of the change of home exports.
    programmes
        One row per programme card.
    about
        Provenance and certificate.
    note
        What was changed of the scenario so that firms are counted one by one; empty for nothing.
    """

    sentence: str
    country: str
    headlines: tuple[Headline, ...]
    exporting: dict[str, tuple[float, float]]
    countries: pd.DataFrame
    sectors: pd.DataFrame
    destinations: pd.DataFrame
    sources: pd.DataFrame
    programmes: pd.DataFrame
    about: About
    note: str = ""


@dataclass(frozen=True, eq=False)
class PipelineResult:
    """What a run leaves behind.

    Parameters
    ----------
    folder
        Holds ``briefing.html``, ``home.parquet``, ``effects.json``, ``results.parquet`` and ``harmonised``.
    stages
    outcome
        Of harmonising.
    capability
        Table of parameters, and what a reader should know before believing them.
    effects
    growth
        Sentences on past growth among the firms.
    firms
        By sector; those with fewer than five are left out.
    findings
    notes
    """

    folder: Path
    stages: tuple[Stage, ...]
    outcome: harmonising.Outcome
    capability: tuple[pd.DataFrame, tuple[str, ...]]
    effects: ChannelTable
    growth: tuple[str, ...]
    firms: pd.DataFrame
    findings: Findings
    notes: tuple[str, ...]

    @property
    def briefing(self) -> Path:
        """The file to open."""
        return self.folder / "briefing.html"

    def to_json(self) -> dict[str, Any]:
        """Plain data for machines."""
        found = self.findings
        return {
            "briefing": str(self.briefing),
            "folder": str(self.folder),
            "stages": [asdict(stage) for stage in self.stages],
            "scenario": found.sentence,
            "country": found.country,
            "headlines": [asdict(item) for item in found.headlines],
            "exporting": {name: list(pair) for name, pair in found.exporting.items()},
            "sources": found.sources.to_dict("records"),
            "effects": [asdict(effect) for effect in self.effects],
            "growth": list(self.growth),
            "notes": list(self.notes),
            "about": dict(found.about),
        }
