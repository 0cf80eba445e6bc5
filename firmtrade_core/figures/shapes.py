"""Outlines of the world's areas on paper: the shipped shapes in the Natural Earth projection, without a browser."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from firmtrade_core.figures.chart import DIVERGING, NO_DATA
from firmtrade_core.figures.world_map import WEST_EDGE
from firmtrade_core.paths import asset

Array = NDArray[np.float64]

#: Latitudes between which maps are shown.
SOUTH, NORTH = -56.0, 84.0


@dataclass(frozen=True, eq=False)
class Area:
    """An area: its code, and its rings in the plane, each (K, 2), x to the east and y to the north."""

    code: str
    rings: tuple[Array, ...]


def projected(longitude: Array, latitude: Array) -> Array:
    """Natural Earth projection (Šavrič, Jenny, Patterson, Petrovič, Hurni 2011) of points in degrees, (K, 2).

    The map's middle is half way round from where it is cut.
    """
    east, p = np.radians(longitude - (WEST_EDGE + 180)), np.radians(latitude)
    p2 = p * p
    p4 = p2 * p2
    x = east * (0.8707 - 0.131979 * p2 + p4 * (-0.013791 + p4 * (0.003971 * p2 - 0.001529 * p4)))
    y = p * (1.007226 + p2 * (0.015085 + p4 * (-0.044475 + 0.028874 * p2 - 0.005916 * p4)))
    return np.stack([x, y], axis=-1)


@cache
def areas() -> tuple[Area, ...]:
    """All areas of the shipped shapes but Antarctica."""
    topology = json.loads(asset("served/topojson/world_50m.json").read_text(encoding="utf-8"))
    scale, origin = (np.array(topology["transform"][key]) for key in ("scale", "translate"))
    arcs = [np.cumsum(np.array(arc, dtype=float), axis=0) * scale + origin for arc in topology["arcs"]]

    def ring(parts: list[int]) -> Array:
        lines = [arcs[k] if k >= 0 else arcs[~k][::-1] for k in parts]
        points = np.concatenate([line[int(i > 0) :] for i, line in enumerate(lines)])
        # An outline that crosses the date line goes on beyond it; then all of it lies where most of it belongs.
        longitude = np.degrees(np.unwrap(np.radians(points[:, 0])))
        mean = longitude.mean()
        turn = 360.0 if mean < WEST_EDGE else -360.0 if mean > WEST_EDGE + 360 else 0.0
        return projected(longitude + turn, points[:, 1])

    found = []
    for geometry in topology["objects"]["countries"]["geometries"]:
        if geometry["id"] == "ATA":
            continue
        polygons = [geometry["arcs"]] if geometry["type"] == "Polygon" else geometry["arcs"]
        rings = tuple(ring(part) for polygon in polygons for part in polygon)
        found.append(Area(geometry["id"], rings))
    return tuple(found)


@cache
def frame() -> tuple[float, float, float, float]:
    """Left, right, foot and top of the map in the plane."""
    right = float(projected(np.array([WEST_EDGE + 360]), np.array([0.0]))[0, 0])
    foot, top = (float(projected(np.array([0.0]), np.array([lat]))[0, 1]) for lat in (SOUTH, NORTH))
    return -right, right, foot, top


def colour(value: float | None, scale: float) -> str:
    """Of a change, on the product's diverging scale; grey where nothing is known."""
    if value is None or not np.isfinite(value):
        return NO_DATA
    place = float(np.clip(0.5 + value / (2 * scale), 0, 1)) * (len(DIVERGING) - 1)
    low = min(int(place), len(DIVERGING) - 2)
    ends = [[int(DIVERGING[i][k : k + 2], 16) for k in (1, 3, 5)] for i in (low, low + 1)]
    mixed = [round(a + (place - low) * (b - a)) for a, b in zip(*ends, strict=True)]
    return "#{:02x}{:02x}{:02x}".format(*mixed)
