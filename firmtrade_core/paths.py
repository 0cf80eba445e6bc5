"""Where files lie, relative to the checkout."""

import os
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent


def asset(name: str) -> Path:
    """Path of a file the product ships, below ``assets/``."""
    return PROJECT / "assets" / name


def data_folder() -> Path:
    """Folder of real data for tests, replication and benchmarks.

    ``FIRMTRADE_DATA``, by default ``../shared/data`` beside the project. It need not exist.
    """
    return Path(os.environ.get("FIRMTRADE_DATA", PROJECT.parent / "shared" / "data"))


def figures_folder() -> Path:
    """Folder of the national figures that the embedded world is built from (``../shared/figures``)."""
    return Path(os.environ.get("FIRMTRADE_FIGURES", PROJECT.parent / "shared" / "figures"))
