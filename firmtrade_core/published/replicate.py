"""Published results against ours: the registry of replications, and the stored run."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from firmtrade_core.paths import asset, data_folder, write_whole
from firmtrade_core.published.destination_means import DESTINATION_MEANS
from firmtrade_core.published.gravity_tables import GUIDE_TABLE, LOG_OF_GRAVITY
from firmtrade_core.published.nafta import NAFTA
from firmtrade_core.published.replication import Replication, Report, Row
from firmtrade_core.published.trade_without_borders import TRADE_WITHOUT_BORDERS

STORED_RUN = "replication.json"


class MissingDataError(FileNotFoundError):
    """Data of a replication are missing. The message names the files and where the public finds them."""


class UnknownReplicationError(ValueError):
    """No replication has this name. The message lists those there are."""


def replications() -> Mapping[str, Replication]:
    """All replications by name, in the order in which they are shown."""
    return {r.name: r for r in (LOG_OF_GRAVITY, GUIDE_TABLE, TRADE_WITHOUT_BORDERS, NAFTA, DESTINATION_MEANS)}


def replicate(name: str, folder: Path | None = None) -> Report:
    """Compute a published result again and hold it against what was published.

    Parameters
    ----------
    name
        See `replications`.
    folder
        Data folder; `paths.data_folder()` unless given.

    Raises
    ------
    UnknownReplicationError, MissingDataError
    """
    known = replications()
    if name not in known:
        raise UnknownReplicationError(f"No replication is called {name!r}. There are: {', '.join(known)}.")
    replication, data = known[name], folder or data_folder()
    missing = [file for file in replication.files if not (data / file).is_file()]
    if missing:
        raise MissingDataError(
            f"{replication.title}: {', '.join(missing)} missing below {data} (FIRMTRADE_DATA). "
            f"Public origin: {replication.origin}"
        )
    return Report(
        name=name,
        title=replication.title,
        citation=replication.citation,
        notes=replication.notes,
        rows=tuple(replication.compute(data)),
        run_on=datetime.now(UTC).date().isoformat(),
    )


def replicate_or_recall(name: str, folder: Path | None = None) -> Report:
    """As `replicate`, or the stored run where the data are missing."""
    try:
        return replicate(name, folder)
    except MissingDataError:
        return stored_run()[name]


def store(reports: Sequence[Report]) -> Path:
    """Keep the reports as the stored run, beside those already there; returns where."""
    path = asset(STORED_RUN)
    kept = stored_run() if path.is_file() else {}
    kept |= {report.name: report for report in reports}
    write_whole(path, json.dumps({"reports": [as_record(r) for r in kept.values()]}, indent=1) + "\n")
    return path


def stored_run() -> dict[str, Report]:
    """The run shipped with the product, by name."""
    records = json.loads(asset(STORED_RUN).read_text())["reports"]
    return {record["name"]: _from_record(record) for record in records}


def as_record(report: Report) -> dict[str, Any]:
    """A report as plain data, with the verdict of each row and of all."""
    record = asdict(report)
    record["rows"] = [asdict(row) | {"verdict": row.verdict} for row in report.rows]
    return record | {"holds": report.holds}


def _from_record(record: Mapping[str, Any]) -> Report:
    rows = tuple(Row(**{f.name: row[f.name] for f in fields(Row)}) for row in record["rows"])
    kept = {f.name: record[f.name] for f in fields(Report)}
    return Report(**kept | {"rows": rows, "notes": tuple(record["notes"]), "rerun_here": False})
