"""The secret that firms' identifiers are hashed with: made once, kept by the user, apart from data."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from firmtrade_core.harmonise.errors import HarmoniseError
from firmtrade_core.paths import user_folder

_BYTES = 32


def usual_salt_path() -> Path:
    """Where the salt lies unless a person says otherwise: the user's own folder of settings."""
    return user_folder() / "salt"


def own_salt(path: Path | None = None) -> Path:
    """The path of the salt; one is made, readable by its owner only, where there is none.

    Raises
    ------
    HarmoniseError
        If it cannot be written.
    """
    path = path or usual_salt_path()
    if path.is_file():
        return path
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise HarmoniseError(
            f"The salt cannot be written to {path}: {error.strerror}. Name another file."
        ) from error
    with os.fdopen(handle, "wb") as file:
        file.write(secrets.token_bytes(_BYTES).hex().encode())
    return path
