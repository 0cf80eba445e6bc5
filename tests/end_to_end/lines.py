"""Customs lines in number, made by the database: many firms, few dates, amounts of every size."""

from __future__ import annotations

from pathlib import Path

from firmtrade_core.harmonise.database import passing_database


def customs_lines(path: Path, count: int) -> Path:
    """Write so many lines, the same each time."""
    with passing_database() as connection:
        connection.execute(
            f"""
            COPY (SELECT i AS declaration, printf('F-%05d', hash(i * 29) % 20000) AS exporter_id,
                strftime(DATE '2018-01-01' + (hash(i) % 700)::INTEGER, '%Y-%m-%d') AS date, 'export' AS flow,
                ['DE', 'FR', 'US', 'CN', 'JP'][1 + (hash(i * 7) % 5)::INTEGER] AS country,
                ['020110', '220421', '870323'][1 + (hash(i * 13) % 3)::INTEGER] AS product,
                printf('%.2f', exp(2 + (hash(i * 17) % 997)::DOUBLE / 90)) AS value,
                ['USD', 'EUR', 'JPY'][1 + (hash(i * 19) % 3)::INTEGER] AS currency, hash(i * 23) % 900 AS weight
                FROM range({count}) t(i) ORDER BY i) TO '{path}' (FORMAT csv, HEADER)
            """
        )
    return path
