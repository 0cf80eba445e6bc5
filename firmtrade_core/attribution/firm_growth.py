"""Past growth of a country's exports and productivity, read from its firms (MODEL 8)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from firmtrade_core.attribution.panel import KINDS, margin_moves, margin_table, melitz_polanec
from firmtrade_core.attribution.result import AttributionError
from firmtrade_core.capability.sources import attribute_table, explaining_attributes
from firmtrade_core.codes.countries import country_name
from firmtrade_core.jobs import Checkpoints, Progress, silent
from firmtrade_core.labels import change as written
from firmtrade_core.labels import listed, money, shows
from firmtrade_core.labels.units import in_percent
from firmtrade_core.panel import FirmPanel, PanelError
from firmtrade_core.panel.confidentiality import FEWEST_FIRMS, TOP_SHARE, suppress
from firmtrade_core.panel.productivity import INPUTS, productivity_index
from firmtrade_core.panel.source import Source, files_of, panel_of

#: What firms and destinations did, in the order of the screen: label and what it is.
MARGINS: dict[str, tuple[str, str]] = {
    "incumbents": ("Same firms, same markets", "Firms that sold to the destination in both years."),
    "new_markets": ("New markets of exporters", "Firms that exported before, to a destination new to them."),
    "entrants": ("New exporters", "Firms that exported nowhere in the first year."),
    "left_markets": ("Markets given up", "Firms that still export, but no longer to the destination."),
    "exits": ("Firms that stopped", "Firms that export nowhere in the second year."),
}

#: What firms did on balance: in words, and the margins that it nets.
NET: dict[str, tuple[str, ...]] = {
    "same firms in the same markets": ("incumbents",),
    "exporters' new markets less those given up": ("new_markets", "left_markets"),
    "new exporters less those that stopped": ("entrants", "exits"),
}

#: Parts of aggregate productivity: label and what it is.
PARTS: dict[str, tuple[str, str]] = {
    "within": ("Within survivors", "The plain mean over firms there in both years."),
    "reallocation": ("Between survivors", "Size moving to the more productive of them: their covariance."),
    "entry": ("Entrants", "Their share times their distance from survivors in the second year."),
    "exit": ("Firms that closed", "Their share times survivors' distance from them in the first year."),
}

#: How productivity is measured: label, and the column by which firms count.
MEASURES: dict[str, tuple[str, str]] = {
    "labour": ("Value added per worker", "employment"),
    "total_factor": ("Total factor productivity", "sales"),
}

ELSEWHERE, ABROAD = "elsewhere", "abroad"

MILLION = 1e-6


@dataclass(frozen=True, eq=False)
class FirmHistory:
    """What growth is read from: sales by firm, destination and year, and productivity by firm and year.

    Parameters
    ----------
    flows : DataFrame
        ``firm, destination, year, exports``, in the panel's money, weighted.
    firms : DataFrame
        ``firm, year, weight``, and by measure its log productivity and its size, as far as the panel tells.
    label, home, money, source
        Of the panel.
    synthetic
        Synthetic firms are nobody's secret.
    attributes : DataFrame, optional
        ``firm, year, weight`` and what may explain exports, amounts in logs; None where the panel has no attributes.
    """

    flows: pd.DataFrame
    firms: pd.DataFrame
    label: str
    home: str
    money: str
    source: str
    synthetic: bool
    attributes: pd.DataFrame | None = None

    @property
    def years(self) -> tuple[int, ...]:
        """Years with exports."""
        return tuple(sorted(int(year) for year in self.flows["year"].unique()))

    @property
    def unit(self) -> tuple[str, float]:
        """How amounts are written, and its size in millions of the panel's money: billions of dollars, else millions."""
        return ("bn USD", 1e3) if self.money == "USD" else (money(self.money, "m"), 1.0)

    @property
    def measures(self) -> tuple[str, ...]:
        """Measures of productivity that the panel allows."""
        return tuple(name for name in MEASURES if name in self.firms)


def read_history(panel: FirmPanel) -> FirmHistory:
    """What growth is read from, out of a firm panel; without destinations, "abroad" is the one.

    Raises
    ------
    AttributionError
        If the panel does not say who exports how much.
    """
    table = panel.firms
    weight = table["weight"].astype(float) if "weight" in table else pd.Series(1.0, index=table.index)
    if "trade" in panel.tables:
        sold = panel.exports("firm", "year", "country").rename(
            columns={"country": "destination", "value": "exports"}
        )
    elif "exports" in table:
        sold = table[["firm", "year", "exports"]].assign(destination=ABROAD)
    else:
        raise AttributionError(
            f"{panel.metadata.label} does not say how much firms export: add a trade table or a column exports."
        )
    sold = sold[sold["exports"] > 0].merge(
        table[["firm", "year"]].assign(weight=weight), on=["firm", "year"], how="left"
    )
    sold["exports"] = sold["exports"].astype(float) * sold.pop("weight").fillna(1.0).astype(float)
    if sold.empty:
        raise AttributionError(f"No firm of {panel.metadata.label} exports anything.")
    meta = panel.metadata
    return FirmHistory(
        sold[["firm", "destination", "year", "exports"]].astype({"destination": str, "year": int}),
        _productivity(panel, weight),
        meta.label,
        meta.home,
        meta.money,
        meta.source,
        meta.synthetic,
        _attributes(panel, weight),
    )


def _attributes(panel: FirmPanel, weight: pd.Series) -> pd.DataFrame | None:
    names = explaining_attributes(panel)
    if not names:
        return None
    table = panel.firms.reset_index(drop=True)
    known = attribute_table(table, names)
    return table[["firm", "year"]].assign(weight=weight.to_numpy(float)).join(known)


def _productivity(panel: FirmPanel, weight: pd.Series) -> pd.DataFrame:
    table = panel.firms
    found = table[["firm", "year"]].assign(weight=weight)
    if {"value_added", "employment"} <= set(table):
        per_worker = table["value_added"].astype(float) / table["employment"].astype(float)
        found["labour"] = np.log(per_worker.where(per_worker > 0))
        found["value_added"] = table["value_added"].astype(float)
    if {"sales", "wages", *INPUTS} <= set(table):
        found["total_factor"] = productivity_index(panel)
    for name in {size for _, size in MEASURES.values()} & set(table):
        found[name] = table[name].astype(float)
    return found


@dataclass(frozen=True, eq=False)
class FirmGrowth:
    """Growth of exports between two years by what firms and destinations did; million of the panel's money.

    Attributes
    ----------
    history : FirmHistory
    first, second : int
    table : DataFrame
        One row per destination, largest change first: ``destination, name``, each of `MARGINS`, ``before, after,
        change``. Cells that would reveal a firm are NaN, small destinations of real firms stand together.
    totals : Series
        By margin, with ``before, after, change``.
    firms : Series
        Firms by margin, NaN where withheld.
    """

    history: FirmHistory
    first: int
    second: int
    table: pd.DataFrame
    totals: pd.Series
    firms: pd.Series

    @property
    def percent(self) -> float:
        """Growth of all exports."""
        return float(100 * self.totals["change"] / self.totals["before"])

    @property
    def withheld(self) -> int:
        """Cells withheld."""
        return int(self.table[list(MARGINS)].isna().sum().sum())

    def steps(self) -> pd.DataFrame:
        """One row per margin that is not withheld: margin, label, explanation, change, percent of exports before, firms.

        Withheld margins stand together as one row, so that the changes always add up.
        """
        keys = list(MARGINS)
        steps = pd.DataFrame(
            {
                "margin": keys,
                "label": [MARGINS[key][0] for key in keys],
                "explanation": [MARGINS[key][1] for key in keys],
                "change": self.totals[keys].to_numpy(float),
                "firms": self.firms[keys].to_numpy(float),
            }
        )
        hidden = steps["change"].isna()
        if hidden.any():
            names = listed([name.lower() for name in steps["label"][hidden]], most=5)
            rest = float(self.totals["change"] - steps["change"].sum())
            joint = {
                "margin": "withheld",
                "label": "Withheld parts, together",
                "explanation": f"Too few firms to show apart: {names}.",
                "change": rest,
                "firms": np.nan,
            }
            steps = pd.concat([steps[~hidden], pd.DataFrame([joint])], ignore_index=True)
        steps["percent"] = 100 * steps["change"] / float(self.totals["before"])
        return steps

    def sentence(self) -> str:
        """The finding in words, built from the numbers."""
        who = country_name(self.history.home) if self.history.home.isupper() else self.history.label
        percent = self.percent
        moved = "rose by" if percent >= 0 else "fell by"
        by = f"{moved} {written(abs(percent)).lstrip('+')}" if shows(percent) else "stayed as they were"
        text = f"Exports of {who} {by} from {self.first} to {self.second}"
        net = self.net()
        if any(not np.isfinite(value) for value in net.values()):
            return f"{text}."
        pushing = sorted((v for v in net.values() if v * percent > 0), key=abs, reverse=True)
        told = sorted(net.items(), key=lambda item: -item[1] * np.sign(percent))
        words = ", ".join(f"{name} {written(value)}" for name, value in told)
        leads = bool(pushing) and shows(percent) and abs(pushing[0]) > abs(sum(pushing[1:]))
        lead = "above all by " if leads else ""
        return f"{text}{', ' if lead else ': '}{lead}{words}."

    def net(self) -> dict[str, float]:
        """Percent of exports before by what firms did on balance: gains of one kind less the losses of its opposite.

        Gross margins must not lead a sentence: new exporters bring much where as many stop. NaN where a part is withheld.
        """
        share = 100 * self.totals / float(self.totals["before"])
        return {words: float(sum(share[key] for key in keys)) for words, keys in NET.items()}


def attribute_firms(history: FirmHistory, first: int, second: int) -> FirmGrowth:
    """Split the growth of exports between two years into incumbents, entrants and exits, by destination.

    Parts add up exactly: by destination, by margin and in all. Of real firms, destinations that too few firms serve
    in either year (`FEWEST_FIRMS`, `TOP_SHARE`) stand together as ``elsewhere``, and cells that would still reveal a
    firm are withheld.

    Raises
    ------
    AttributionError
        If a year is missing, or the firms are too few to show anything.
    """
    if first >= second:
        raise AttributionError(
            f"Growth runs from an earlier year to a later one; {first} is not before {second}."
        )
    moves = margin_moves(history.flows, first, second)
    if not history.synthetic:
        moves["destination"] = _safe_destinations(moves)
    cells = margin_table(moves)
    columns = [*KINDS, "before", "after", "change"]
    totals = cells[columns].sum()
    firms = moves.groupby("margin")["firm"].nunique().reindex(KINDS).fillna(0).astype(float)
    if not history.synthetic:
        hidden = _hidden_margins(moves)
        cells = _withhold(cells, moves, hidden)
        totals[hidden], firms[hidden] = np.nan, np.nan
    cells[columns] *= MILLION
    cells.insert(1, "name", [_name(code) for code in cells["destination"]])
    order = cells["change"].abs().sort_values(ascending=False, kind="stable").index
    table = cells.loc[order].reset_index(drop=True)
    return FirmGrowth(history, first, second, table, totals * MILLION, firms)


def _name(code: str) -> str:
    return {ELSEWHERE: "All other destinations", ABROAD: "Abroad"}.get(code) or country_name(code)


def _safe_destinations(moves: pd.DataFrame) -> pd.Series:
    """Destination of each row, small ones put together until no level of either year reveals a firm.

    Raises
    ------
    AttributionError
        If not even all destinations together are safe.
    """

    def revealing(labels: pd.Series) -> set[str]:
        sums = moves[["before", "after"]].groupby([labels, moves["firm"]]).sum()
        by = sums.groupby(level=0)
        # A year without sales shows a zero, which tells nothing of anyone.
        sellers = (sums > 0).groupby(level=0).sum()
        wrong = (sellers.lt(FEWEST_FIRMS) & sellers.gt(0)) | (by.max() > TOP_SHARE * by.sum())
        return set(wrong.index[wrong.any(axis=1)])

    labels = moves["destination"].copy()
    labels[labels.isin(revealing(labels))] = ELSEWHERE
    size = moves.groupby("destination")[["before", "after"]].sum().sum(axis=1).sort_values(kind="stable")
    waiting = [name for name in size.index if name in set(labels) - {ELSEWHERE}]
    while ELSEWHERE in revealing(labels) and waiting:
        labels[labels == waiting.pop(0)] = ELSEWHERE
    if revealing(labels):
        raise AttributionError(
            f"Too few firms export, or one of them exports over {in_percent(TOP_SHARE)} of the total: nothing can be shown."
        )
    return labels


def _hidden_margins(moves: pd.DataFrame) -> list[str]:
    """Margins whose totals would reveal a firm, or let one be told by subtraction."""
    found = suppress(moves, ["margin"], "change").set_index("margin")["suppressed"]
    return [str(name) for name in found.index[found != ""]]


def _withhold(cells: pd.DataFrame, moves: pd.DataFrame, hidden: list[str]) -> pd.DataFrame:
    """Cells by destination and margin without those that would reveal a firm."""
    found = suppress(moves, ["destination", "margin"], "change")
    shut = found[(found["suppressed"] != "") | found["margin"].isin(hidden)]
    table = cells.set_index("destination")
    for destination, margin in zip(shut["destination"], shut["margin"], strict=True):
        table.loc[destination, margin] = np.nan
    return table.reset_index()


# Productivity -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class ProductivityGrowth:
    """Change of the weighted mean of firms' log productivity by its sources, log points (Melitz and Polanec 2015).

    Parameters
    ----------
    measure
        Of `MEASURES`.
    parts
        By `PARTS`; they add up to ``total``.
    total
        Change of the mean of logs, weighted by the size in `MEASURES`: not the growth of the aggregate itself.
    firms
        Firms behind: ``survivors``, ``entrants``, ``exits``; and ``left_out``, those there in both years but measured
        in one, which would pass for entrants or exits.
    aggregate
        Growth of the ratio of sums over all firms, percent; NaN of a measure that is no ratio of sums.
    """

    measure: str
    parts: Mapping[str, float]
    total: float
    firms: Mapping[str, int]
    aggregate: float = math.nan

    def steps(self) -> pd.DataFrame:
        """One row per part: part, label, explanation, change (log points)."""
        return pd.DataFrame(
            [
                {"part": key, "label": label, "explanation": words, "change": self.parts[key]}
                for key, (label, words) in PARTS.items()
            ]
        )

    def sentence(self) -> str:
        """The finding in words."""
        name, size = MEASURES[self.measure]
        sign = 1.0 if self.total >= 0 else -1.0
        largest = max(PARTS, key=lambda key: sign * self.parts[key])
        mean = f"the mean of firms' logs, weighted by {size}, {_moved(self.total, 'log points')}"
        label = PARTS[largest][0]
        most = (
            f"; {label[:1].lower()}{label[1:]} did most ({written(self.parts[largest], 'log points')})"
            if sign * self.parts[largest] > 0 and shows(self.parts[largest], "log points")
            else ""
        )
        if math.isfinite(self.aggregate):
            return f"{name} of all firms {_moved(self.aggregate, '%')}; {mean}{most}."
        return f"{name}: {mean}{most}."


def _moved(value: float, unit: str) -> str:
    if not shows(value, unit):
        return "stayed as it was"
    return f"{'grew' if value >= 0 else 'fell'} by {written(abs(value), unit).lstrip('+')}"


def attribute_productivity(
    history: FirmHistory, first: int, second: int, measure: str = "labour"
) -> ProductivityGrowth:
    """Change of aggregate productivity between two years: within and between survivors, entrants, exits.

    Dynamic Olley-Pakes decomposition with entry and exit, Melitz and Polanec (2015), "Dynamic Olley-Pakes productivity
    decomposition with entry and exit", RAND Journal of Economics 46(2), 362-375. Firms whose productivity or size is not
    known in a year in which they are there are left out. Money is of each year: prices are part of it.

    Raises
    ------
    AttributionError
        If the panel does not allow the measure, a year is missing, or groups are so small that parts would reveal
        a firm.
    """
    if measure not in history.measures:
        known = ", ".join(history.measures) or "none"
        raise AttributionError(
            f"{history.label} does not allow {measure} productivity; it allows: {known}. Labour productivity needs value "
            "added and employment; total factor productivity needs sales, wages, employment, capital and materials."
        )
    size = MEASURES[measure][1]
    there = history.firms[history.firms["year"].isin((first, second))]
    measured = there[measure].notna() & (there[size] > 0)
    odd = set(there.loc[~measured, "firm"])
    table = there[~there["firm"].isin(odd)]
    parts = melitz_polanec(table, first, second, productivity=measure, share=size, weight="weight")
    names = [set(table.loc[table["year"] == year, "firm"]) for year in (first, second)]
    firms = {
        "survivors": len(names[0] & names[1]),
        "entrants": len(names[1] - names[0]),
        "exits": len(names[0] - names[1]),
        "left_out": len(odd),
    }
    few = [name for name in ("survivors", "entrants", "exits") if 0 < firms[name] < FEWEST_FIRMS]
    if few and not history.synthetic:
        raise AttributionError(
            f"Fewer than {FEWEST_FIRMS} firms are {' or '.join(few)}: the parts would reveal them. Choose other years."
        )
    total = parts.pop("total")
    return ProductivityGrowth(measure, parts, total, firms, _aggregate(there, first, second, measure))


def _aggregate(firms: pd.DataFrame, first: int, second: int, measure: str) -> float:
    """Growth of value added per worker of all firms together, percent; NaN of total factor productivity."""
    if measure != "labour":
        return math.nan
    known = firms[firms["value_added"].notna() & (firms["employment"] > 0)]
    sums = known[["value_added", "employment"]].mul(known["weight"], axis=0).groupby(known["year"]).sum()
    per_worker = sums["value_added"] / sums["employment"]
    return float(100 * (per_worker[second] / per_worker[first] - 1)) if per_worker[first] > 0 else math.nan


# As a job ---------------------------------------------------------------------------------------


def read_source(
    source: Source,
    files: tuple[Path, ...] = (),
    *,
    progress: Progress = silent,
    checkpoints: Checkpoints | None = None,
) -> FirmHistory:
    """History of synthetic firms, or of a folder with a firm panel.

    Parameters
    ----------
    source
    files
        Of the folder, so that a changed panel is read anew.
    progress, checkpoints
        Of a job.

    Raises
    ------
    AttributionError
    """
    progress(0.05, "Reading the firms")
    try:
        panel = panel_of(source)
        progress(0.6, "Adding up sales and productivity")
        return read_history(panel)
    except PanelError as error:
        raise AttributionError(str(error)) from error


def source_arguments(source: Source) -> dict[str, Any]:
    """Arguments of `read_source`, with the files that its result depends on."""
    return {"source": source, "files": files_of(source)}
