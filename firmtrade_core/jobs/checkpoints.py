"""Finished steps of long work, kept on disk under the hash of everything they depend on."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import pandas as pd

from firmtrade_core.jobs.kept import KeptError, keep, read

Result = TypeVar("Result")

_BLOCK = 1 << 20

#: Ending of files of results.
ENDING = ".kept"


def content_hash(*parts: object) -> str:
    """Sixteen hexadecimal digits that identify what the parts hold.

    Files (``Path``) count by their bytes, tables and arrays by their values and labels, mappings regardless of order.

    Raises
    ------
    TypeError
        If a part is of a kind whose content cannot be told, such as an open connection.
    """
    digest = hashlib.blake2b(digest_size=8)
    for item in parts:
        _feed(digest, item)
    return digest.hexdigest()


def _feed(digest: hashlib.blake2b, item: object) -> None:
    digest.update(f"<{type(item).__name__}>".encode())
    if isinstance(item, Path):
        _feed_file(digest, item)
    elif isinstance(item, pd.DataFrame | pd.Series):
        digest.update(repr(list(item.columns) if isinstance(item, pd.DataFrame) else item.name).encode())
        digest.update(pd.util.hash_pandas_object(item).to_numpy().tobytes())
    elif isinstance(item, np.ndarray):
        digest.update(repr((item.shape, item.dtype.str)).encode() + np.ascontiguousarray(item).tobytes())
    elif isinstance(item, Mapping):
        for key in sorted(item, key=repr):
            _feed(digest, key)
            _feed(digest, item[key])
    elif isinstance(item, set | frozenset):
        _feed(digest, sorted(item, key=repr))
    elif isinstance(item, list | tuple):
        for member in item:
            _feed(digest, member)
    elif is_dataclass(item) and not isinstance(item, type):
        for column in fields(item):
            _feed(digest, getattr(item, column.name))
    elif item is None or isinstance(item, str | bytes | int | float | np.generic):
        digest.update(repr(item).encode())
    elif callable(item) and hasattr(item, "__qualname__"):
        digest.update(f"{item.__module__}.{item.__qualname__}".encode())
    else:
        raise TypeError(
            f"{type(item).__name__} has no content hash; pass tables, arrays, paths or plain values."
        )
    digest.update(b"</>")


def _feed_file(digest: hashlib.blake2b, path: Path) -> None:
    if not path.is_file():
        digest.update(str(path).encode())
        return
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)


class Checkpoints:
    """A folder of finished steps.

    Files are readable by their owner only, named by step and hash, and written in one move, so that a step that was
    interrupted leaves nothing behind. They hold data and their hash, never code (`kept`): a folder that somebody else hands
    over can at worst hold other numbers, and what was altered is worked out again.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def step(self, name: str, depends_on: object, compute: Callable[[], Result]) -> Result:
        """The result of a step: read if it was finished before with equal inputs, else computed and kept."""
        path = self.file(name, depends_on)
        if path.is_file():
            try:
                kept: Result = read(path)
                return kept
            except KeptError:  # a damaged file is worth no more than a missing one
                path.unlink()
        result = compute()
        keep(path, result)
        return result

    def file(self, name: str, depends_on: object) -> Path:
        """Where a step's result lies, or will."""
        return self.folder / f"{name}-{content_hash(depends_on)}{ENDING}"
