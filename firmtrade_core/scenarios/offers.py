"""Tariff-line offers: base and final rates by line with staging, aggregated to sectors by the trade they fall on.

Of an exporter e, in sector s, k years after entry into force,

    change = Σ_l m_el [t_l(k) - t_l(base)] / M_es,   t_l(k) = base + (final - base) min(1, k / n)

with m the importer's trade in the lines offered, M its trade in the whole sector, and n the equal yearly cuts, the first on entry
into force. Lines that are not offered stay as they are. Where an exporter sells nothing in a sector, the simple mean over the
sector's subheadings stands in. Specific rates become ad valorem equivalents: rate x quantity / value.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal

import numpy as np
import pandas as pd

from firmtrade_core.codes.artefacts import unwrapped, whole_number
from firmtrade_core.codes.chapters import broad_sector_of_product, subheadings
from firmtrade_core.codes.countries import country_name
from firmtrade_core.codes.groups import group_members, group_names
from firmtrade_core.codes.place_lists import na_in_doubt, na_is_namibia, other_list
from firmtrade_core.codes.places import read_place
from firmtrade_core.codes.products import read_products
from firmtrade_core.codes.word_lists import known_as
from firmtrade_core.codes.written_numbers import read_numbers
from firmtrade_core.labels import grouped
from firmtrade_core.scenarios.errors import ScenarioError
from firmtrade_core.scenarios.rates import look_like_percent
from firmtrade_core.scenarios.schema import ScheduleRow

#: What columns of a schedule of lines, and of a table of trade, may be called.
_LINES, _TRADE = known_as("tariff_lines"), known_as("trade_of_lines")

#: Exporters of a line where the schedule names none: all.
EVERYBODY = "all"

#: Most rows that a schedule card holds.
MOST_ROWS = 5000

Weights = Literal["trade", "simple"]


@dataclass(frozen=True, eq=False)
class Offer:
    """A schedule of lines, read, weighted and summed.

    Parameters
    ----------
    table
        By exporter and sector: ``base`` and ``final`` (means of the lines offered by trade, fractions), ``simple_base`` and
        ``simple_final`` (over lines), ``change`` (on the whole sector, when all is phased in), ``coverage`` (share of the sector's trade in
        lines offered, 0 to 1; NaN without trade), ``trade`` (of the whole sector), ``lines``, ``weights`` (`Weights`).
    lines
        Line by line and exporter: hs, exporter, sector, base, final, cuts, trade, change (final less base), ``pull`` (its part in the
        exporter's change, trade times change), largest first.
    notes
        What was left out, repaired or assumed, with counts.
    """

    table: pd.DataFrame
    lines: pd.DataFrame
    notes: tuple[str, ...]
    staged: Mapping[int, pd.DataFrame] = field(default_factory=dict)

    @property
    def cuts(self) -> int:
        """Yearly cuts until everything is phased in."""
        return max(self.staged)

    def change(self, year: int | None = None) -> pd.DataFrame:
        """Change of tariffs by exporter and sector (columns) in a year, 1 being that of entry into force; the last unless given."""
        wanted = self.cuts if year is None else min(max(year, 1), self.cuts)
        return self.staged[wanted]

    def rows(self, start: date | None = None, year: int | None = None) -> tuple[ScheduleRow, ...]:
        """Rows of a schedule card that adds to today's tariffs: of one year, or dated ones for each yearly cut.

        Parameters
        ----------
        start
            Day of entry into force: then every cut has its own rows, from the same day of later years.
        year
            Which cut, 1 being the first, where no day is given; the last unless given.

        Raises
        ------
        ScenarioError
            If there would be more than a card holds.
        """
        stages = [self.cuts if year is None else year] if start is None else sorted(self.staged)
        found: list[ScheduleRow] = []
        for stage in stages:
            change = self.change(stage).round(6)
            before = (
                pd.DataFrame(0.0, index=change.index, columns=change.columns)
                if stage == stages[0]
                else self.change(stage - 1).round(6)
            )
            moved = change != before
            # Later rows replace earlier ones: where a row for many moves, those of single countries stand behind it again.
            many = [code for code in change.index if code == EVERYBODY or code in group_names()]
            moved |= moved.loc[many].any()
            for exporter in sorted(change.index, key=_narrowness):
                for sector in change.columns[moved.loc[exporter]]:
                    found.append(
                        ScheduleRow(
                            exporter=exporter,
                            sector=str(sector),
                            rate=float(np.asarray(change.at[exporter, sector])),
                            effective=None if start is None else _later(start, stage - 1),
                            basis="tariff lines",
                        )
                    )
        if len(found) > MOST_ROWS:
            raise ScenarioError(
                f"The offer makes {grouped(len(found))} rows; a card holds {grouped(MOST_ROWS)}. Choose one year, or fewer exporters."
            )
        if not found:
            raise ScenarioError("The offer changes no tariff: final rates are the base rates.")
        return tuple(found)


def _narrowness(exporter: str) -> tuple[int, str]:
    """Order in which rows replace each other: all, then groups, then countries."""
    return (0 if exporter == EVERYBODY else 1 if exporter in group_names() else 2, exporter)


def _later(start: date, years: int) -> date:
    try:
        return start.replace(year=start.year + years)
    except ValueError:  # 29 February
        return start.replace(year=start.year + years, day=28)


def is_by_lines(table: pd.DataFrame) -> bool:
    """Whether a table is a schedule of tariff lines: it names products."""
    names = {_plain_name(c) for c in table.columns}
    return bool(names & set(_LINES["hs"]) - {"code", "line"}) and "sector" not in names


def read_offer(
    table: pd.DataFrame,
    trade: pd.DataFrame | None = None,
    *,
    importer: str = "",
    sector_of: Callable[[str], str | None] = broad_sector_of_product,
) -> Offer:
    """A user's schedule of lines as changes of tariffs by exporter and sector.

    Parameters
    ----------
    table
        Columns hs (two to ten digits) and final (or rate: points added, with a base of zero); base, staging (years, or B5, EIF),
        exporter; trade beside each line; base_specific, final_specific with value and quantity. Rates are fractions, texts with a
        percent sign, or percent where the column's name ends in _percent.
    trade
        The importer's trade by line and exporter: columns hs, exporter, trade and, for several importers, importer; or BACI's t, i,
        j, k, v, q. It weighs lines and tells coverage; without it, and without a column trade, lines count the same.
    importer
        Whose trade counts where the table of trade holds several.
    sector_of
        Broad sector of a six-digit code; None for none.

    Raises
    ------
    ScenarioError
        Naming the row or column and what is wrong with it.
    """
    notes: list[str] = []
    lines = _read_lines(table, notes, sector_of)
    flows = None if trade is None else _read_trade(trade, importer, notes, sector_of)
    if flows is None and lines["trade"].notna().any():
        flows = (
            lines[lines["trade"] > 0][["hs6", "exporter", "sector", "trade"]]
            .groupby(["hs6", "exporter", "sector"], as_index=False)
            .sum()
        )
        notes.append(
            "Lines are weighed by the trade beside them; what is not listed is taken as not traded, so coverage is whole by construction."
        )
    return _aggregated(lines, flows, notes)


# Reading -----------------------------------------------------------------------------------------


def _plain_name(name: object) -> str:
    return re.sub(r"[^a-z0-9]+", "_", str(name).strip().lower()).strip("_")


def _found(table: pd.DataFrame, known: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[Any, bool]]:
    """Columns by field, and whether they say that they are in percent."""
    plain: dict[str, tuple[Any, bool]] = {}
    for column in table.columns:
        name = _plain_name(column)
        bare = re.sub(r"_(percent|pct|fraction)$", "", name)
        percent = (bare != name and not name.endswith("_fraction")) or "%" in str(column)
        plain.setdefault(bare, (column, percent))
    return {key: next((plain[n] for n in names if n in plain), (None, False)) for key, names in known.items()}


def _read_lines(
    table: pd.DataFrame, notes: list[str], sector_of: Callable[[str], str | None]
) -> pd.DataFrame:
    found = _found(table, _LINES)
    if found["hs"][0] is None:
        raise ScenarioError(
            f"An offer by tariff lines needs a column hs; this table has {', '.join(map(str, table.columns[:12]))}."
        )
    final = found["final"] if found["final"][0] is not None else found["rate"]
    if final[0] is None and found["final_specific"][0] is None:
        raise ScenarioError("An offer needs a column final (the rate offered), or rate (points added).")
    texts = table[found["hs"][0]].map(_text)
    codes = _codes(texts)
    unread = texts[codes.isna() & (texts != "")]
    if len(unread):
        notes.append(f"{len(unread)} lines whose code cannot be read are left out: {_some(unread.tolist())}.")
    base_given = found["base"][0] is not None
    lines = pd.DataFrame(
        {
            "hs": texts,
            "hs6": codes,
            "base": _rates(table, *found["base"]) if base_given else 0.0,
            "final": _rates(table, *final) if final[0] is not None else 0.0,
            "cuts": _cuts(table, found["staging"][0]),
            "exporter": _exporters(table, found["exporter"][0]),
            "trade": _numbers(table, found["trade"][0]),
        }
    )
    _specific(table, lines, found, notes)
    lines = lines[lines["hs6"].notna()]
    known = np.isfinite(lines["base"].to_numpy(float)) & np.isfinite(lines["final"].to_numpy(float))
    if (~known).any():
        notes.append(
            f"{int((~known).sum())} lines without a base or final rate that can be used are left out: "
            f"{_some(lines.loc[~known, 'hs'].tolist())}."
        )
    lines = lines[known].copy()
    lines["sector"] = lines["hs6"].map(sector_of)
    if (none := lines["sector"].isna()).any():
        notes.append(
            f"{int(none.sum())} lines belong to no goods sector and are left out: {_some(lines.loc[none, 'hs'].tolist())}."
        )
        # A chapter that is more than one sector is none of these.
        lines = lines[~none]
    if lines.empty:
        raise ScenarioError("No line of the offer can be used: " + " ".join(notes))
    meant = any(str(c).strip().lower().endswith("fraction") for c in table.columns)
    if not meant and look_like_percent([*lines["base"], *lines["final"]]):
        highest = lines[["base", "final"]].to_numpy(float).max()
        raise ScenarioError(
            f"Rates as high as {grouped(100 * highest)} % look like percent given for fractions: call the columns base_percent and "
            "final_percent, or write percent signs; base_fraction and final_fraction where they are truly that high."
        )
    return lines.reset_index(drop=True)


def _text(value: object) -> str:
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return ""
    return f"{value:.0f}" if isinstance(value, float) and value.is_integer() else str(value).strip()


def _codes(texts: pd.Series) -> pd.Series:
    """Six digits, or the two or four of a chapter or heading, by line."""
    counts = texts[texts != ""].value_counts()
    read = read_products({str(k): int(v) for k, v in counts.items()})
    found = {text: each.code for text, each in read.items()}
    for text, each in read.items():
        digits = re.sub(r"[\s.\-]", "", text)
        if each.code is None and digits.isdigit() and len(digits) <= 4:
            found[text] = digits.zfill(2 if len(digits) <= 2 else 4)
    return texts.map(found)


def _rates(table: pd.DataFrame, column: Any, percent: bool) -> pd.Series:
    texts = table[column].map(_text)
    # Fractions may stand beside percent signs; 10 beside 5 % is no ten times over.
    signed, bare = texts.str.endswith("%"), read_numbers(texts).values >= 1
    if not percent and signed.any() and bare.any():
        raise ScenarioError(
            f"Column {column} holds {texts[signed].iloc[0]!r} and {texts[bare].iloc[0]!r}: write a percent sign behind every rate, "
            "or behind none."
        )

    def one(value: object) -> float:
        text = _text(value) if not isinstance(value, int | float) else value
        if isinstance(text, str):
            if text == "":
                return float("nan")
            bare = text.replace(",", ".").strip()
            try:
                return float(bare.rstrip("% ")) / (100 if bare.endswith("%") or percent else 1)
            except ValueError:
                return float("nan")
        return float(text) / (100 if percent else 1)

    return table[column].map(one)


def _numbers(table: pd.DataFrame, column: Any) -> pd.Series:
    if column is None:
        return pd.Series(np.nan, index=table.index)
    return pd.Series(read_numbers(table[column]).values, index=table.index)


def _cuts(table: pd.DataFrame, column: Any) -> pd.Series:
    if column is None:
        return pd.Series(1, index=table.index)

    def one(value: object) -> int:
        text = _text(value).upper()
        digits = re.search(r"\d+", text)
        if text in ("", "A", "EIF") or digits is None:
            return 1
        return min(max(int(digits[0]), 1), 30)

    return table[column].map(one)


def _exporters(table: pd.DataFrame, column: Any) -> pd.Series:
    if column is None:
        return pd.Series(EVERYBODY, index=table.index)

    texts = judged_partners(table[column])

    def one(text: str) -> str:
        if text == "" or text.lower() == EVERYBODY:
            return EVERYBODY
        if text.upper() in group_names():
            return text.upper()
        code = read_place(text).code
        if code is None:
            raise ScenarioError(f"The offer names the exporter {text!r}, which is no country or group.")
        return code

    return texts.map(one)


def judged_partners(column: pd.Series) -> pd.Series:
    """A column of partners as text without what software leaves, judged by all of its labels; "" where there is none.

    Parameters
    ----------
    column
        Codes, numbers, names or groups.

    Raises
    ------
    ScenarioError
        If the codes are of a list that is not ISO's, or ``NA`` may be Namibia or nothing.
    """
    texts = column.map(lambda label: whole_number(unwrapped(_text(label)))[0])
    told = [
        text
        for text in texts.unique()
        if text and text.lower() != EVERYBODY and text.upper() not in group_names()
    ]
    if (other := other_list(told)) is not None:
        raise ScenarioError(other.sentence.partition(" The whole column")[0] + " Write ISO codes.")
    if doubt := na_in_doubt(told):
        raise ScenarioError(doubt)
    return texts


def _specific(
    table: pd.DataFrame, lines: pd.DataFrame, found: Mapping[str, tuple[Any, bool]], notes: list[str]
) -> None:
    """Specific rates added as ad valorem equivalents where value and quantity are given, else the line is left out."""
    value, quantity = (_numbers(table, found[name][0]) for name in ("value", "quantity"))
    unit = (quantity / value).where((value > 0) & (quantity > 0))
    for name in ("base", "final"):
        column = found[f"{name}_specific"][0]
        if column is None:
            continue
        specific = _numbers(table, column).fillna(0.0)
        told = specific != 0
        equivalent = specific * unit
        lines[name] = lines[name].fillna(0.0) + equivalent.where(told, 0.0)
        if told.any():
            usable = told & equivalent.notna()
            notes.append(
                f"{int(usable.sum())} specific {name} rates are ad valorem equivalents at the unit values given"
                + (
                    f"; {int((told & ~usable).sum())} lines lack value or quantity"
                    if (told & ~usable).any()
                    else ""
                )
                + "."
            )


def _read_trade(
    trade: pd.DataFrame, importer: str, notes: list[str], sector_of: Callable[[str], str | None]
) -> pd.DataFrame:
    found = {name: column for name, (column, _) in _found(trade, _TRADE).items()}
    missing = [name for name in ("hs", "exporter", "trade") if found[name] is None]
    if missing:
        raise ScenarioError(
            f"The table of trade lacks {', '.join(missing)}; it has {', '.join(map(str, trade.columns[:12]))}. Columns are hs, exporter, "
            "trade (importer where there are several), or BACI's i, j, k, v."
        )
    flows = pd.DataFrame(
        {
            "hs6": _codes(trade[found["hs"]].map(_text)),
            "exporter": _places(trade[found["exporter"]]),
            "trade": _numbers(trade, found["trade"]),
        }
    )
    if found["importer"] is not None:
        importers = _places(trade[found["importer"]])
        members = {importer} | set(group_members(importer) if importer in group_names() else ())
        if not importer and importers.nunique() > 1:
            raise ScenarioError("The table of trade holds several importers: say whose schedule this is.")
        kept = importers.isin(members) if importer else pd.Series(True, index=flows.index)
        if not kept.any():
            raise ScenarioError(f"The table of trade holds no imports of {country_name(importer)}.")
        flows = flows[kept & ~flows["exporter"].isin(members)]
    bad = flows["hs6"].isna() | flows["exporter"].isna() | ~(flows["trade"] > 0)
    if bad.any():
        notes.append(
            f"{int(bad.sum())} rows of trade without a readable product, country or value are left out."
        )
    flows = flows[~bad].assign(sector=lambda f: f["hs6"].map(sector_of))
    flows = flows[flows["sector"].notna()]
    if flows.empty:
        raise ScenarioError("No row of the table of trade can be used.")
    return flows.groupby(["hs6", "exporter", "sector"])["trade"].sum().reset_index()


def _places(column: pd.Series) -> pd.Series:
    """Codes of a column of countries, judged by all of it; None for what is none.

    Raises
    ------
    ScenarioError
        If its codes are of a list that is not ISO's.
    """
    texts = {label: whole_number(unwrapped(_text(label)))[0] for label in column.unique()}
    if (other := other_list(texts.values())) is not None:
        raise ScenarioError(other.sentence.partition(" Name the list")[0] + " Write ISO codes.")
    namibia = na_is_namibia(texts.values())
    return column.map(
        {
            label: None if text.upper() == "NA" and not namibia else read_place(text).code
            for label, text in texts.items()
        }
    )


# Adding up ----------------------------------------------------------------------------------------


def _aggregated(lines: pd.DataFrame, flows: pd.DataFrame | None, notes: list[str]) -> Offer:
    exporters = sorted(set(lines["exporter"]))
    if flows is not None and EVERYBODY in exporters:
        exporters = [*sorted({*flows["exporter"], *exporters} - {EVERYBODY}), EVERYBODY]
    cuts = sorted({1, *lines["cuts"].tolist()})
    stages = range(1, max(cuts) + 1)
    sectors = sorted(set(lines["sector"]))
    rows, parts = [], []
    staged = {k: pd.DataFrame(0.0, index=exporters, columns=sectors) for k in stages}
    silent: list[str] = []
    for exporter in exporters:
        own = _lines_of(lines, exporter)
        sold = None if flows is None else _sold(flows, exporter)
        for sector, group in own.groupby("sector", sort=True):
            row, weighed, total = _summed(group, sold, str(sector))
            if row["weights"] == "simple" and flows is not None and exporter != EVERYBODY:
                silent.append(f"{country_name(exporter)} {sector}")
            rows.append({"exporter": exporter, "sector": sector} | row)
            change = (weighed["final"] - weighed["base"]).to_numpy(float)
            for k in stages:
                phased = np.minimum(1.0, k / weighed["cuts"].to_numpy(float))
                staged[k].loc[exporter, str(sector)] = float(
                    (weighed["weight"].to_numpy(float) * change * phased).sum() / total
                )
            parts.append(
                weighed.assign(
                    exporter=exporter, change=change, pull=weighed["weight"].to_numpy(float) * change / total
                )
            )
    if silent:
        notes.append(
            f"No trade weighs {len(silent)} pairs of exporter and sector ({_some(silent)}): the simple mean over the sector's subheadings stands in."
        )
    if flows is None:
        notes.append(
            "No trade is given: every subheading counts the same, which overstates tariffs that keep trade out. Give a table of trade."
        )
    listed = pd.concat(parts, ignore_index=True)
    listed = listed.sort_values("pull", key=np.abs, ascending=False, kind="stable", ignore_index=True)
    columns = ["hs", "exporter", "sector", "base", "final", "cuts", "trade", "change", "pull"]
    return Offer(pd.DataFrame(rows), listed[columns], tuple(notes), staged)


def _lines_of(lines: pd.DataFrame, exporter: str) -> pd.DataFrame:
    """The lines that an exporter meets: its own where named, its group's, else everybody's."""
    groups = [g for g in set(lines["exporter"]) if g in group_names() and exporter in group_members(g)]
    for name in (exporter, *groups, EVERYBODY):
        own = lines[lines["exporter"] == name]
        if len(own):
            rest = lines[(lines["exporter"] == EVERYBODY) & ~lines["hs6"].isin(own["hs6"])]
            return own if name == EVERYBODY else pd.concat([own, rest])
    return lines.iloc[:0]


def _sold(flows: pd.DataFrame, exporter: str) -> pd.DataFrame:
    if exporter == EVERYBODY:
        return flows.groupby(["hs6", "sector"])["trade"].sum().reset_index()
    members = set(group_members(exporter)) if exporter in group_names() else {exporter}
    own = flows[flows["exporter"].isin(members | {exporter})]
    return own.groupby(["hs6", "sector"])["trade"].sum().reset_index()


def _summed(
    group: pd.DataFrame, sold: pd.DataFrame | None, sector: str
) -> tuple[dict[str, Any], pd.DataFrame, float]:
    """One exporter's lines of one sector: their means, the lines with weights, and what the weights are shares of."""
    simple = _simple_weights(group)
    total = 0.0 if sold is None else float(sold.loc[sold["sector"] == sector, "trade"].sum())
    kind: Weights = "trade" if total > 0 else "simple"
    if kind == "trade":
        assert sold is not None
        weight = _trade_weights(group, sold[sold["sector"] == sector])
        shown = weight
    else:
        weight, total = simple, float(sum(by.get(sector, 0) for by in subheadings().values()))
        shown = np.full(len(group), np.nan)
    covered = float(weight.sum())
    base, final = group["base"].to_numpy(float), group["final"].to_numpy(float)
    by = weight if covered > 0 else np.ones(len(group))
    row = {
        "base": float(np.average(base, weights=by)),
        "final": float(np.average(final, weights=by)),
        "simple_base": float(np.average(base, weights=simple)),
        "simple_final": float(np.average(final, weights=simple)),
        "change": float((weight * (final - base)).sum() / total),
        "coverage": min(covered / total, 1.0) if kind == "trade" else float("nan"),
        "trade": total if kind == "trade" else float("nan"),
        "lines": len(group),
        "weights": kind,
    }
    return row, group.assign(weight=weight, trade=shown), total


def _simple_weights(group: pd.DataFrame) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Subheadings that each line stands for: parts of one where several national lines share it, a chapter's where it is one."""
    size = np.ones(len(group))
    for at, (code, sector) in enumerate(zip(group["hs6"], group["sector"], strict=True)):
        if len(code) < 6:
            chapter = subheadings().get(code[:2], {}).get(str(sector), 0)
            # Headings have about four subheadings each.
            size[at] = max(chapter if len(code) == 2 else min(4, chapter), 1)
    repeated = group.groupby("hs6")["hs6"].transform("size").to_numpy(float)
    return size / repeated


def _trade_weights(group: pd.DataFrame, sold: pd.DataFrame) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Trade that falls on each line: that of its subheading shared by its national lines, or what of a chapter no finer line names."""
    by_code = sold.set_index("hs6")["trade"]
    named = set(group["hs6"])
    weight = np.zeros(len(group))
    for at, code in enumerate(group["hs6"]):
        if len(code) == 6:
            weight[at] = by_code.get(code, 0.0)
        else:
            inside = [
                k
                for k in by_code.index
                if k.startswith(code) and k not in named and not (len(code) == 2 and k[:4] in named)
            ]
            weight[at] = float(by_code.loc[inside].sum())
    repeated = group.groupby("hs6")["hs6"].transform("size").to_numpy(float)
    return weight / repeated


def _some(names: list[str]) -> str:
    shown = ", ".join(map(str, names[:5]))
    return shown if len(names) <= 5 else f"{shown} and {grouped(len(names) - 5)} more"
