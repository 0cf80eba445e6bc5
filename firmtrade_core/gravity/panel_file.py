"""A table of flows as people send it, made a panel for gravity: its money, its tariffs, what else explains trade, and geography."""

from __future__ import annotations

import hashlib
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from firmtrade_core.codes.heads import read_money_head
from firmtrade_core.gravity.geography import VARIABLES, with_geography
from firmtrade_core.gravity.panel import GravityPanel, TariffUnit
from firmtrade_core.world.columns import unused_columns
from firmtrade_core.world.money import BY_COLUMN, in_million_dollars, own_rates
from firmtrade_core.world.tables import read_table
from firmtrade_core.world.uploads import Upload, refuse_too_large

#: Of the flow, by which an uploaded table is recognised; the first includes the importer's tariff.
FLOWS = {"expenditure_musd": "consumer", "trade": "border"}


@dataclass(frozen=True)
class PanelFile:
    """A panel with its name, a hash of its content, the unit of its flows where the file tells it, the Python arguments that it was
    read with, and the share of each pair's trade that is estimated (None: all of it is observed)."""

    name: str
    panel: GravityPanel
    content_hash: str
    unit: str = "the file's own money"
    arguments: str = ""
    estimated: pd.DataFrame | None = None


def read_panel_file(
    path: Path,
    name: str = "",
    tariff_unit: TariffUnit = "check",
    currency: str = "",
    rates: Path | None = None,
    rates_name: str = "",
) -> PanelFile:
    """A table of flows (`FLOWS`) with whatever else it holds; geography is added where it has none and a place is known.

    Parameters
    ----------
    currency
        Of the flows, to be turned into US dollars at the mean rate of each year; `BY_COLUMN` where a column ``currency`` tells it.
        "" leaves them as they are.
    rates
        A table of one's own rates (date, currency, usd or per_usd), before the European Central Bank's.
    rates_name
        What that table is called, where its path does not tell.

    Raises
    ------
    ValueError
        One of the core's errors, in words for people.
    """
    read = read_table(path)
    table, unit = _in_whole_money(read)
    flow = next((f for f in FLOWS if f in table.columns), "trade")
    said: list[str] = []
    if not currency and "currency" in table and table["currency"].nunique() > 1:
        currency = BY_COLUMN
    if currency:
        own = own_rates(read_table(rates), rates_name or rates.name) if rates is not None else None
        table, words = in_million_dollars(table, flow, currency=currency, unit=1e6, rates=own)
        said, unit = (
            ([words] if words else []),
            unit.replace(PanelFile.unit, "USD") if unit == PanelFile.unit else unit,
        )
    panel = GravityPanel.from_table(
        table.drop(columns="currency") if currency == BY_COLUMN else table,
        flow=flow,
        flow_values="consumer" if FLOWS.get(flow) == "consumer" else "border",
        tariff="tariff" if "tariff" in table.columns else None,
        tariff_unit=tariff_unit,
        gaps="leave",
    )
    if not set(VARIABLES) <= set(panel.table.columns):
        panel = with_geography(panel, unknown="leave")
    taken = {flow, "tariff", "exporter", "importer", "sector", "year", *VARIABLES}
    taken |= {str(c) for c in table.select_dtypes("number").columns}
    taken |= {"currency"} if currency == BY_COLUMN else set()
    left = unused_columns([c for c in table.columns if str(c) not in taken], ())
    panel = replace(panel, notes=(*panel.notes, *said, *([left] if left else [])))
    choice = f"{tariff_unit}{currency}".encode() + (b"" if rates is None else rates.read_bytes())
    digest = hashlib.blake2b(path.read_bytes() + choice, digest_size=8).hexdigest()
    given = {"tariff_unit": tariff_unit if tariff_unit != "check" else "", "currency": currency}
    arguments = "".join(f", {key}={value!r}" for key, value in given.items() if value)
    arguments += f", rates=Path({rates_name or rates.name!r})" if rates is not None else ""
    return PanelFile(name or path.name, panel, digest, unit, arguments)


def _in_whole_money(table: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """Flows under their plain name where the head tells their money (`trade_thousand_usd`), and the unit it tells."""
    for column in map(str, table.columns):
        head = None if column in FLOWS else read_money_head(column)
        if (
            head is not None
            and head.name in ("trade", "value", "expenditure", "flow")
            and "trade" not in table
        ):
            whole = table.rename(columns={column: "trade"})
            whole["trade"] = pd.to_numeric(whole["trade"], errors="coerce") * head.size
            return whole, head.currency or PanelFile.unit
    return table, "m USD" if "expenditure_musd" in table else PanelFile.unit


def read_uploaded_panel(
    upload: Upload, tariff_unit: TariffUnit = "check", currency: str = "", rates: Upload | None = None
) -> PanelFile:
    """A panel from an uploaded file, with a table of rates beside it.

    Raises
    ------
    WorldFileError
        If one would unpack to more than the limits of a shared server.
    ValueError
        One of the core's errors, in words for people.
    """
    for one in (upload, *([rates] if rates is not None else [])):
        refuse_too_large(one)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"upload{Path(upload.name).suffix}"
        path.write_bytes(upload.content)
        beside = None
        if rates is not None:
            beside = Path(folder) / f"rates{Path(rates.name).suffix}"
            beside.write_bytes(rates.content)
        called = rates.name if rates is not None else ""
        return read_panel_file(path, upload.name, tariff_unit, currency, beside, called)
