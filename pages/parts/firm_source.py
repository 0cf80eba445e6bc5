"""Whose firms a session studies: the folder that the environment names, shared by the pages on firms."""

from __future__ import annotations

import os
from pathlib import Path

#: Names a folder of a firm panel in Parquet.
VARIABLE = "FIRMTRADE_FIRMS"


def named_folder() -> Path | None:
    """The folder that FIRMTRADE_FIRMS names, if it names one."""
    name = os.environ.get(VARIABLE, "").strip()
    return Path(name).expanduser() if name else None
