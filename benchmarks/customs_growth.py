"""How time and memory of customs lines grow: ``python -m benchmarks.customs_growth [--lines N ...] [--out FILE.svg] [--rows FILE.json]``.

Each size runs in a process of its own (`benchmarks.harmonise`, case customs); the picture shows seconds of processor time, seconds by the
clock and peak memory, all on logarithmic scales. ``--rows`` keeps the measurements, and only sizes that it lacks are run.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from math import log10
from pathlib import Path

from benchmarks.harmonise import measured as measure

LINES = (1_000_000, 3_000_000, 10_000_000, 30_000_000, 100_000_000)

WIDTH, HEIGHT, LEFT, TOP, SIDE = 860, 330, 62, 46, 330

#: What is drawn: field of a measurement, colour, and its name.
SERIES = (
    ("seconds", "#1f6f8b", "seconds by the clock"),
    ("cpu_seconds", "#b4532a", "seconds of processor time"),
)


def measured(lines: Sequence[int], kept: Path | None) -> dict[int, dict[str, float]]:
    """Measurements by number of lines; those that are kept already are not run again."""
    rows: dict[int, dict[str, float]] = {}
    if kept is not None and kept.exists():
        rows = {int(n): row for n, row in json.loads(kept.read_text()).items()}
    for n in lines:
        if n not in rows:
            rows[n] = asdict(measure("customs", n))
            if kept is not None:
                kept.write_text(json.dumps(rows, indent=1))
        print(
            f"{n:>12,} lines: {rows[n]['seconds']:9.1f} s, {rows[n]['cpu_seconds']:9.1f} s of processor, {rows[n]['peak_memory_mb']:7.0f} MB",
            flush=True,
        )
    return dict(sorted(rows.items()))


def drawn(rows: Mapping[int, Mapping[str, float]]) -> str:
    """The picture as SVG: time on the left, peak memory on the right."""
    sizes = list(rows)
    first, last = log10(min(sizes)), log10(max(sizes))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}" '
        'font-family="sans-serif" font-size="12" fill="#222"><rect width="100%" height="100%" fill="#fff"/>'
    ]

    def across(n: int, at: int) -> float:
        return at + SIDE * (log10(n) - first) / max(last - first, 1e-9)

    def panel(
        at: int, title: str, fields: Sequence[tuple[str, str, str]], low: float, high: float, unit: str
    ) -> None:
        height = HEIGHT - TOP - 52

        def up(value: float) -> float:
            return TOP + height * (1 - (log10(value) - log10(low)) / (log10(high) - log10(low)))

        parts.append(f'<text x="{at}" y="20" font-size="14" font-weight="bold">{title}</text>')
        step = 10 ** int(log10(low))
        while step <= high:
            for value in (step, 2 * step, 5 * step):
                if low <= value <= high:
                    y = up(value)
                    parts.append(
                        f'<line x1="{at}" x2="{at + SIDE}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ddd"/>'
                    )
                    parts.append(f'<text x="{at - 6}" y="{y + 4:.1f}" text-anchor="end">{value:,.0f}</text>')
            step *= 10
        for n in sizes:
            parts.append(
                f'<text x="{across(n, at):.1f}" y="{HEIGHT - 34}" text-anchor="middle">{n // 1_000_000} m</text>'
            )
        parts.append(
            f'<text x="{at + SIDE / 2}" y="{HEIGHT - 14}" text-anchor="middle">lines ({unit})</text>'
        )
        for position, (name, colour, label) in enumerate(fields):
            points = [(across(n, at), up(float(row[name]))) for n, row in rows.items()]
            path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
            parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
            parts.extend(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>' for x, y in points)
            if label:
                parts.append(
                    f'<text x="{at + 10}" y="{TOP + 14 + 16 * position}" fill="{colour}">{label}</text>'
                )

    times = [float(row[name]) for row in rows.values() for name, *_ in SERIES]
    panel(LEFT, "Time", SERIES, min(times) / 1.5, max(times) * 1.5, "millions; seconds")
    memory = [float(row["peak_memory_mb"]) for row in rows.values()]
    series = (("peak_memory_mb", "#4a7c3a", ""),)
    panel(
        LEFT + SIDE + 90,
        "Peak memory",
        series,
        min(500.0, min(memory) / 1.2),
        max(4000.0, max(memory) * 1.2),
        "millions; MB",
    )
    return "".join([*parts, "</svg>\n"])


def main() -> None:
    """Measure, print and draw."""
    parser = argparse.ArgumentParser(description="Growth of time and memory with customs lines.")
    parser.add_argument("--lines", type=int, nargs="*", default=list(LINES))
    parser.add_argument("--out", type=Path, default=Path("assets/pictures/customs_growth.svg"))
    parser.add_argument("--rows", type=Path, help="Measurements kept as JSON.")
    arguments = parser.parse_args()
    arguments.out.write_text(drawn(measured(arguments.lines, arguments.rows)), encoding="utf-8")


if __name__ == "__main__":
    main()
