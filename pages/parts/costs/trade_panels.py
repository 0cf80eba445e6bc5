"""Which trade the Trade costs page estimates on: the session's world, a file named by FIRMTRADE_PANEL, or one uploaded."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import streamlit as st

from firmtrade_core.gravity.estimate import estimate
from firmtrade_core.gravity.estimated import GravityEstimate
from firmtrade_core.gravity.events import EventStudy, Window, study_policy, switched_policies
from firmtrade_core.gravity.geography import VARIABLES, panel_of_world
from firmtrade_core.gravity.machine_costs import CostComparison, compare_costs, estimated_shares
from firmtrade_core.gravity.panel import GravityPanel, TariffUnit
from firmtrade_core.gravity.panel_file import PanelFile, read_panel_file, read_uploaded_panel
from firmtrade_core.gravity.specification import GravitySpecification
from firmtrade_core.labels import grouped
from firmtrade_core.world.uploads import Upload, apart_or_here
from firmtrade_core.world.world import World
from pages.parts.frame.uploads import reading_line

UPLOADED, _KEY = "uploaded_panel", "trade_costs"

GEOGRAPHY_TERMS = ("log(dist)", "contiguity", "language", "border")

#: Rows above which an estimate is asked for rather than made at once.
QUICK_ROWS = 60_000

ALL_GOODS = "all goods"


@dataclass
class Choices:
    """What the page estimates; widgets are seeded from it."""

    source: str = "world"
    sector: str = ALL_GOODS
    estimator: str = "ppml"
    regressors: tuple[str, ...] = GEOGRAPHY_TERMS
    pair_effects: bool = False
    domestic: bool = True
    clusters: str = "pair"
    interval: int = 1
    borders_by_year: bool = False
    elasticities: str = "GRAV"
    term: str = "log(dist)"
    shown: str = "residuals"
    policy: str = ""
    members: tuple[str, ...] = ()
    switch: str = "off"
    event: str = ""
    leads: int | None = None
    lags: int | None = None
    asked: set[str] = field(default_factory=set)


def choices() -> Choices:
    """The session's choices."""
    found: Choices = st.session_state.setdefault(_KEY, Choices())
    return found


def named_panel() -> Path | None:
    """The file that FIRMTRADE_PANEL names, if it names one."""
    name = os.environ.get("FIRMTRADE_PANEL", "").strip()
    return Path(name).expanduser() if name else None


@st.cache_resource(show_spinner="Reading the flows ...", max_entries=4)
def _world_panel(content_hash: str, pooled: bool, _world: World) -> GravityPanel:
    return panel_of_world(_world, pooled=pooled)


@st.cache_resource(show_spinner="Reading the flows ...", max_entries=2)
def _named(path: str, modified: float) -> PanelFile:
    return read_panel_file(Path(path))


def read_upload(
    name: str,
    content: bytes,
    tariff_unit: TariffUnit = "check",
    currency: str = "",
    rates: tuple[str, bytes] | None = None,
) -> PanelFile:
    """A panel from an uploaded file, with a table of rates beside it, read where it can hold nobody up; kept in this session only.

    Raises
    ------
    ValueError
        One of the core's errors, in words for people.
    """
    upload, beside = Upload(name, content), None if rates is None else Upload(*rates)
    given = {"upload": upload, "tariff_unit": tariff_unit, "currency": currency, "rates": beside}
    with reading_line() as waiting:
        found: PanelFile = apart_or_here(
            read_uploaded_panel, [upload, *([beside] if beside is not None else [])], given, waiting
        )
    return found


def sources(world: World) -> dict[str, str]:
    """What can be estimated on, by key, with its name."""
    found = {"world": f"{world.name}, one year"}
    if (path := named_panel()) is not None:
        found["named"] = f"{path.name} (FIRMTRADE_PANEL)"
    uploaded: PanelFile | None = st.session_state.get(UPLOADED)
    if uploaded is not None:
        found["uploaded"] = f"{uploaded.name} (uploaded)"
    return found


def current_panel(world: World, chosen: Choices) -> PanelFile:
    """The panel chosen, all sectors of it, or pooled goods of the world.

    Raises
    ------
    ValueError, OSError
    """
    if chosen.source == "uploaded" and isinstance(found := st.session_state.get(UPLOADED), PanelFile):
        return found
    path = named_panel()
    if chosen.source == "named" and path is not None:
        return _named(str(path), path.stat().st_mtime)
    pooled = chosen.sector == ALL_GOODS
    return PanelFile(
        world.name, _world_panel(world.shown_hash, pooled, world), f"{world.shown_hash}{pooled}", "m USD",
        estimated=estimated_shares(world),
    )  # fmt: skip


def specification(panel: GravityPanel, chosen: Choices) -> GravitySpecification:
    """The equation chosen, within what the panel allows."""
    several = len(panel.years) > 1
    effects = ("exporter_year", "importer_year", *(["pair"] if chosen.pair_effects and several else []))
    clusters = {"pair": ("pair",), "symmetric": ("symmetric_pair",), "multiway": ("exporter", "importer")}
    return GravitySpecification(
        regressors=chosen.regressors,
        effects=effects,
        estimator="ols" if chosen.estimator == "ols" else "ppml",
        clusters=clusters[chosen.clusters],
        domestic=chosen.domestic and bool(panel.domestic.any()),
        years=panel.years[:: chosen.interval] if several and chosen.interval > 1 else None,
        borders_by_year=chosen.borders_by_year and several,
    )


@st.cache_resource(show_spinner="Estimating ...", max_entries=60)
def estimated(
    content_hash: str,
    sector: str | None,
    equation_hash: str,
    _panel: GravityPanel,
    _equation: GravitySpecification,
) -> GravityEstimate:
    """An estimate, once for all sessions; keyed by content."""
    return estimate(_panel.only(sectors=[sector]) if sector else _panel, _equation)


@st.cache_resource(show_spinner="Holding pairs out ...", max_entries=8)
def compared(
    content_hash: str,
    variables: tuple[str, ...],
    _panel: GravityPanel,
    _estimated: pd.DataFrame | None = None,
) -> CostComparison:
    """The log-linear form against boosting, once for all sessions."""
    return compare_costs(_panel, variables, estimated=_estimated)


@st.cache_resource(show_spinner=False, max_entries=8)
def policies(content_hash: str, _panel: GravityPanel) -> tuple[str, ...]:
    """What pairs switch over the panel's years, once for all sessions."""
    return switched_policies(_panel)


@st.cache_resource(show_spinner="Looking before and after ...", max_entries=20)
def studied(
    content_hash: str,
    sector: str | None,
    equation_hash: str,
    policy: str,
    window: Window,
    _panel: GravityPanel,
    _equation: GravitySpecification,
) -> EventStudy:
    """An event study, once for all sessions."""
    return study_policy(_panel.only(sectors=[sector]) if sector else _panel, policy, window, _equation)


def sector_of(file: PanelFile, chosen: Choices) -> str | None:
    """The sector chosen, where the panel has it; None for all."""
    return chosen.sector if chosen.sector != ALL_GOODS and chosen.sector in file.panel.sectors else None


def asked(panel: GravityPanel, sector: str | None, token: str, chosen: Choices, *, key: str) -> bool:
    """Whether to estimate now: large samples wait for a click, once for each question."""
    rows = len(panel.table) // (len(panel.sectors) if sector else 1)
    if rows <= QUICK_ROWS or token in chosen.asked:
        return True
    st.html(f'<p class="ft-empty">{grouped(rows)} observations: this takes a while.</p>')
    st.button("Estimate", type="primary", key=key, on_click=chosen.asked.add, args=(token,))
    return False


def regressors_of(panel: GravityPanel) -> list[str]:
    """What the panel can be explained with: geography, tariffs, and its own columns of numbers that vary."""
    known = ["log(dist)", "contiguity", "language", *(["border"] if panel.domestic.any() else [])]
    if "tariff" in panel.table:
        known.append("log1p(tariff)")
    used = {"exporter", "importer", "sector", "year", "trade", "tariff", *VARIABLES}
    numeric = panel.table.select_dtypes("number")
    own = [str(c) for c in numeric.columns if c not in used and _varies(numeric[c])]
    return [*known, *own[:40]]


def _varies(column: pd.Series) -> bool:
    return bool(column.notna().any()) and column.min() != column.max()
