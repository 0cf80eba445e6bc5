"""Where files lie, relative to the checkout."""

import os
import sys
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


def user_folder() -> Path:
    """Folder for what a user keeps, by the habit of the system. It need not exist."""
    home = Path.home()
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", home / "AppData" / "Local")) / "firmtrade"
    if sys.platform == "darwin":
        return home / "Library" / "Application Support" / "firmtrade"
    given = Path(os.environ.get("XDG_DATA_HOME", ""))
    return (given if given.is_absolute() else home / ".local" / "share") / "firmtrade"
