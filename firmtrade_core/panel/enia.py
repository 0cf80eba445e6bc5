"""Chile's manufacturing survey (ENIA) as a firm panel: real plants, 1990 to 1996, in either published shape."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from firmtrade_core.labels import grouped
from firmtrade_core.panel.errors import PanelFileError
from firmtrade_core.panel.panel import FirmPanel, PanelMetadata

SOURCE = "Encuesta Nacional Industrial Anual, Instituto Nacional de Estadísticas de Chile"
MONEY = "thousand pesos, constant prices"

PLANTS = "plants_1990_1996.tsv"
WITH_CAPITAL = "plants_1990_1996_with_capital.tsv"
BALANCED = "plants_balanced_1992_1996.parquet"

#: Marks a plant that does not operate in the year.
NOT_ACTIVE = -1

#: Values at or below it are codes for what is missing (-1000 and alike).
MISSING_CODE = -999.0

_YEARLY = {
    "rY": "sales",
    "rexport": "exports",
    "rMi": "imports",
    "rM": "materials",
    "L": "employment",
    "rk": "capital",
}
_BALANCED = {
    "RGO": "sales",
    "RVA": "value_added",
    "RMV": "materials",
    "K": "capital",
    "L": "employment",
    "WL": "wages",
    "WLS": "wages_of_the_skilled",
    "INV": "investment",
    "adv": "advertises",
    "export": "exporter",
    "import": "importer",
}
_NUMBERS_BY_SKILL = ("RLS", "RLU")


def load_enia(path: str | Path) -> FirmPanel:
    """Read either shape of the survey; plants are identified by the survey's own anonymous numbers.

    Parameters
    ----------
    path
        ``plants_1990_1996.tsv``, the same ``_with_capital`` (plant, year, real output, exports, imported materials,
        employment, materials), or ``plants_balanced_1992_1996.parquet`` (skills, wages, capital, investment).

    Returns
    -------
    FirmPanel
        Active plants only; the metadata's notes count what was left out or read as missing. The balanced shape tells
        who exports but not how much: its column ``exporter`` is 0 or 1.

    Raises
    ------
    PanelFileError
        Naming the file or the column that is missing.
    """
    path = Path(path)
    try:
        raw = pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path, sep="\t")
    except FileNotFoundError:
        raise PanelFileError(
            f"{path} is missing. Fill FIRMTRADE_DATA as the README says; the survey lies in chile-enia."
        ) from None
    except (OSError, ValueError) as error:
        raise PanelFileError(f"{path} cannot be read: {error}.") from error
    if {"padron", "d_e"} <= set(raw):
        return _yearly(raw, path)
    if {"id", "RGO"} <= set(raw):
        return _balanced(raw, path)
    raise PanelFileError(
        f"{path} is no shape of the survey: expected columns padron, year, ciiu, d_e, rY ... or id, year, ciiu_3d, RGO ... "
        "Other records of firms are made a panel first: harmonise FOLDER -o OUT, and give OUT/panel here."
    )


def _yearly(raw: pd.DataFrame, path: Path) -> FirmPanel:
    _need(raw, ("padron", "year", "ciiu", "d_e", "rY", "rexport", "rMi", "L", "rM"), path)
    active = raw[raw["d_e"] != NOT_ACTIVE]
    numbers = active[[name for name in _YEARLY if name in active]].rename(columns=_YEARLY).astype(float)
    table = pd.concat(
        [
            pd.DataFrame(
                {
                    "firm": active["padron"].astype(str).astype("string"),
                    "year": 1900 + active["year"].astype(int),
                    "sector": active["ciiu"].astype(int).astype(str).astype("string"),
                }
            ),
            numbers,
        ],
        axis=1,
    )
    table["value_added"] = table["sales"] - table["materials"]
    materials = table["materials"].where(table["materials"] > 0)
    table["imported_input_share"] = (table["imports"] / materials).clip(0, 1)
    notes = [
        f"{grouped(len(raw) - len(active))} plant-years in which the plant did not operate are left out."
    ]
    if "capital" in table:
        absent = table["capital"] <= 0
        table["capital"] = table["capital"].mask(absent)
        notes.append(
            f"Capital of {grouped(int(absent.sum()))} plant-years is zero and read as missing; half of 1992 is absent."
        )
    return _panel(table, notes, path)


def _balanced(raw: pd.DataFrame, path: Path) -> FirmPanel:
    _need(raw, ("id", "year", "ciiu_3d", *_BALANCED, *_NUMBERS_BY_SKILL), path)
    numbers = raw[[*_BALANCED, *_NUMBERS_BY_SKILL]].astype(float)
    coded = numbers <= MISSING_CODE
    numbers = numbers.mask(coded).rename(columns=_BALANCED)
    skilled, unskilled = (numbers.pop(name) for name in _NUMBERS_BY_SKILL)
    table = pd.concat(
        [
            pd.DataFrame(
                {
                    "firm": raw["id"].astype(int).astype(str).astype("string"),
                    "year": raw["year"].astype(int),
                    "sector": raw["ciiu_3d"].astype(int).astype(str).astype("string"),
                }
            ),
            numbers,
        ],
        axis=1,
    )
    workers = skilled + unskilled
    table["skill_share"] = skilled / workers.where(workers > 0)
    table["capital"] = table["capital"].where(table["capital"] > 0)
    notes = [
        f"{grouped(int(coded.to_numpy().sum()))} values coded {MISSING_CODE - 1:.0f} are read as missing."
    ]
    return _panel(table, notes, path)


def _need(raw: pd.DataFrame, columns: tuple[str, ...], path: Path) -> None:
    missing = [name for name in columns if name not in raw]
    if missing:
        raise PanelFileError(f"{path} lacks {', '.join(missing)}.")


def _panel(table: pd.DataFrame, notes: list[str], path: Path) -> FirmPanel:
    clean = table.replace([np.inf, -np.inf], np.nan).reset_index(drop=True)
    metadata = PanelMetadata(
        name="Plants of Chile (ENIA)",
        home="CHL",
        money=MONEY,
        source=f"{SOURCE}; {path.name}",
        licence="research use; not redistributed",
        notes=tuple(notes),
        units={"exporter": "0 or 1", "importer": "0 or 1", "advertises": "0 or 1", "investment": MONEY},
    )
    return FirmPanel.from_frames(clean, metadata=metadata)
