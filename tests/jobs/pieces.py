"""Pieces of work that workers of a cluster import."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import numpy as np


def norm(scale: float, piece: np.ndarray) -> float:
    """A sum in a fixed order."""
    return float(scale * (piece @ piece))


def fatal_once(folder: str, piece: int) -> int:
    """The square; the worker that first meets 3 is killed in the middle of it."""
    mark = Path(folder) / "met"
    if piece == 3 and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return piece * piece


def wrong(piece: int) -> int:
    """An error of its own."""
    raise ValueError(f"piece {piece}")
