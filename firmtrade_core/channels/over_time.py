"""Exporting over time, as one job: sunk costs of entry, what exporting teaches, coming and going by market (MODEL 15)."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from firmtrade_core.capability import CapabilityError
from firmtrade_core.capability.state_dependence import StateDependence, state_dependence
from firmtrade_core.channels.errors import ChannelError
from firmtrade_core.channels.learning import Learning, learning_by_exporting
from firmtrade_core.jobs import Checkpoints, Progress, silent
from firmtrade_core.panel import FirmPanel, PanelError
from firmtrade_core.panel.confidentiality import FEWEST_FIRMS
from firmtrade_core.panel.productivity import INPUTS, productivity_index
from firmtrade_core.panel.source import Source, files_of, panel_of
from firmtrade_core.panel.spells import market_dynamics

#: Measures of what exporting may teach: columns in logs, and what they are.
OUTCOMES = {
    "productivity": "total factor productivity (index)",
    "labour_productivity": "value added per worker",
    "log_employment": "employment",
}

ABROAD = "abroad"


@dataclass(frozen=True, eq=False)
class OverTime:
    """What a panel tells of exporting over time.

    Attributes
    ----------
    label, source, money
        Of the panel.
    synthetic : bool
    years : tuple of int
    sunk : StateDependence or None
    learning : tuple of Learning
        By outcome that the panel has.
    markets : DataFrame or None
        See `market_dynamics`.
    refused : dict of str to str
        What cannot be told, and why.
    """

    label: str
    source: str
    money: str
    synthetic: bool
    years: tuple[int, ...]
    sunk: StateDependence | None
    learning: tuple[Learning, ...]
    markets: pd.DataFrame | None
    refused: dict[str, str] = field(default_factory=dict)

    def sentences(self) -> list[str]:
        """Findings in words."""
        return [
            *([self.sunk.sentence()] if self.sunk is not None else []),
            *(each.sentence() for each in self.learning),
        ]


def over_time(panel: FirmPanel, *, seed: int = 0, progress: Progress = silent) -> OverTime:
    """Everything that a panel tells of exporting over time; what it cannot tell is said in ``refused``.

    Parameters
    ----------
    panel
    seed
        Of the draws behind intervals.
    progress
        Of a job.

    Raises
    ------
    PanelError
        If the panel does not say who exports.
    """
    table, flows = _histories(panel)
    meta, refused = panel.metadata, {}
    progress(0.1, "Sunk costs of entry")
    sunk = None
    try:
        controls = [name for name in ("log_employment",) if table[name].notna().sum() > 0.5 * len(table)]
        sunk = state_dependence(table, controls, seed=seed)
        _few(sunk.switchers, meta.synthetic)
    except CapabilityError as error:
        refused["sunk costs"] = str(error)
    learned = []
    for number, outcome in enumerate(OUTCOMES):
        progress(0.3 + 0.2 * number, f"What follows the start of exporting: {OUTCOMES[outcome]}")
        if not table[outcome].notna().any():
            refused[OUTCOMES[outcome]] = f"{meta.label} does not tell it."
            continue
        try:
            learned.append(learning_by_exporting(table, outcome, OUTCOMES[outcome]))
        except ChannelError as error:
            refused[OUTCOMES[outcome]] = str(error)
    progress(0.9, "Coming and going by market")
    markets = None
    try:
        found = market_dynamics(flows, synthetic=meta.synthetic)
        markets = None if found.empty else found
        if found.empty:
            refused["markets"] = "So few firms come and go that numbers would reveal them."
    except PanelError as error:
        refused["markets"] = str(error)
    return OverTime(
        meta.label, meta.source, meta.money, meta.synthetic, tuple(panel.years), sunk, tuple(learned), markets, refused
    )  # fmt: skip


def _few(switchers: int, synthetic: bool) -> None:
    if not synthetic and switchers < FEWEST_FIRMS:
        raise CapabilityError("So few firms begin or stop that an estimate would reveal them.")


def _histories(panel: FirmPanel) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Firms by year with what they export and their logs; and flows by destination."""
    firms = panel.firms.copy()
    firms["firm"] = firms["firm"].astype(str)
    if "trade" in panel.tables:
        flows = panel.exports("firm", "year", "country").rename(columns={"country": "destination", "value": "exports"})  # fmt: skip
        flows["firm"] = flows["firm"].astype(str)
        total = flows.groupby(["firm", "year"])["exports"].sum()
        sold = total.reindex(pd.MultiIndex.from_frame(firms[["firm", "year"]])).fillna(0.0).to_numpy(float)
    elif "exports" in firms:
        sold = pd.to_numeric(firms["exports"], errors="coerce").to_numpy(float, na_value=np.nan)
        flows = firms[["firm", "year"]].assign(destination=ABROAD, exports=np.nan_to_num(sold))
    else:
        raise PanelError(
            f"{panel.metadata.label} does not say who exports: add a trade table or a column exports."
        )
    table = firms[["firm", "year"]].assign(exporting=np.where(np.isfinite(sold), (sold > 0).astype(float), np.nan))  # fmt: skip
    if "weight" in firms:
        table["weight"] = firms["weight"].astype(float)

    def logs(values: pd.Series) -> pd.Series:
        numbers = pd.to_numeric(values, errors="coerce").astype(float)
        return pd.Series(np.log(numbers.where(numbers > 0)))

    nothing = pd.Series(np.nan, index=firms.index)
    table["log_employment"] = logs(firms["employment"]) if "employment" in firms else nothing
    table["labour_productivity"] = (
        logs(firms["value_added"] / firms["employment"].where(firms["employment"] > 0))
        if {"value_added", "employment"} <= set(firms)
        else nothing
    )
    if {"sales", "wages", *INPUTS} <= set(firms):
        table["productivity"] = np.asarray(productivity_index(panel), dtype=float)
    else:
        table["productivity"] = nothing
    return table, flows


# As a job ---------------------------------------------------------------------------------------


def study_over_time(
    source: Source,
    files: tuple[Path, ...] = (),
    *,
    progress: Progress = silent,
    checkpoints: Checkpoints | None = None,
) -> OverTime:
    """The same for synthetic firms, or a folder with a firm panel.

    Parameters
    ----------
    source
    files
        Of the folder, so that a changed panel is read anew.
    progress, checkpoints
        Of a job.

    Raises
    ------
    ChannelError
        If the panel cannot be read.
    """
    progress(0.02, "Reading the firms")
    try:
        return over_time(panel_of(source), progress=progress)
    except PanelError as error:
        raise ChannelError(str(error)) from error


def over_time_arguments(source: Source) -> dict[str, Any]:
    """Arguments of `study_over_time`, with the files that its result depends on."""
    return {"source": source, "files": files_of(source)}
