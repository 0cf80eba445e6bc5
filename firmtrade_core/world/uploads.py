"""Files that come through a browser: held to limits of a shared server, read without trust, kept nowhere."""

from __future__ import annotations

import re
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd

from firmtrade_core.jobs import TooMuchError, apart
from firmtrade_core.labels import grouped
from firmtrade_core.world.errors import WorldFileError
from firmtrade_core.world.loaders import load
from firmtrade_core.world.tables import SUFFIXES, read_table
from firmtrade_core.world.world import World

#: What a file may unpack to: bytes, rows and columns. The widest published table has about 4,500 columns.
LARGEST_CONTENT, LARGEST_ROWS, LARGEST_COLUMNS = 2**30, 5_000_000, 20_000

#: What a workbook may unpack to: it takes many times that in memory.
LARGEST_WORKBOOK = 2**27

#: Longest head of a text table, bytes.
LONGEST_HEAD = 2**20

Result = TypeVar("Result")

#: Told the seconds passed while a file is read; what it raises stops the reading.
Waiting = Callable[[float], None]

_ELSEWHERE = "Read it from a folder instead: python -m firmtrade_core world load."


@dataclass(frozen=True)
class Upload:
    """A file as it was sent: its name, which is not to be trusted, and its bytes."""

    name: str
    content: bytes


def read_uploaded_table(upload: Upload) -> pd.DataFrame:
    """A table of any kind that `tables.read_table` reads.

    Raises
    ------
    WorldFileError
        If it is of another kind, empty, damaged, or too large to unpack.
    """
    with _written({"table": upload}) as paths:
        return read_table(paths["table"])


def read_uploaded_world(upload: Upload) -> World:
    """A world file; raises WorldFileError as `files.load_accounts`."""
    with _written({"world": upload}) as paths:
        return World.load(paths["world"])


def load_uploaded(
    loader: str, upload: Upload, tables: Mapping[str, Upload] | None = None, **options: Any
) -> World:
    """A published data set, with the tables that its loader wants beside it.

    Parameters
    ----------
    loader
        Of `loaders.LOADERS`.
    upload
        The file as published.
    tables
        ``output``, ``concordance``, ``tariffs`` and ``sectors`` (columns sector, group) as tables, ``country_codes`` as
        the file itself.
    options
        Others that the loader takes.

    Raises
    ------
    WorldError
        With what to mend.
    """
    with _written({"data": upload, **(tables or {})}) as paths:
        data = paths.pop("data")
        for name, path in paths.items():
            options[name] = path if name == "country_codes" else read_table(path)
        return load(loader, data, **options)


def refuse_too_large(upload: Upload) -> None:
    """Raises WorldFileError where a file is of no kind that is read, or would unpack to more than the limits."""
    with _written({"file": upload}):
        pass


#: Tables of text up to so many bytes are read at once; all else in a process of its own.
READ_AT_ONCE = 32 * 2**10


def apart_or_here(
    function: Callable[..., Result],
    uploads: Iterable[Upload],
    arguments: Mapping[str, Any],
    waiting: Waiting | None = None,
) -> Result:
    """What reading gives, in a process of its own with limits (`jobs.apart`), where files are more than a little text.

    Raises
    ------
    WorldFileError
        If reading needs more than the limits; whatever else the function raises.
    """
    given = list(uploads)
    plain = all(Path(u.name).suffix.lower() in (".csv", ".tsv") for u in given)
    if plain and sum(len(u.content) for u in given) <= READ_AT_ONCE:
        return function(**arguments)
    for upload in given:
        # By what it becomes, before anything is unpacked.
        refuse_too_large(upload)
    try:
        found: Result = apart(function, arguments, waiting=waiting)
    except TooMuchError as error:
        raise WorldFileError(f"{_safe_name(given[0].name)}: {error} {_ELSEWHERE}") from None
    return found


@contextmanager
def _written(uploads: Mapping[str, Upload]) -> Iterator[dict[str, Path]]:
    """The files in a folder of their own that is gone afterwards, each held to the limits."""
    with tempfile.TemporaryDirectory(prefix="firmtrade_") as folder:
        paths = {}
        for role, upload in uploads.items():
            path = Path(folder) / role / _safe_name(upload.name)
            path.parent.mkdir()
            path.write_bytes(upload.content)
            _hold_to_limits(path)
            paths[role] = path
        yield paths


def _safe_name(name: str) -> str:
    """The name without folders and odd characters; years and endings, which loaders read, stay."""
    last = re.split(r"[/\\]", name)[-1]
    return re.sub(r"[^\w.\-]+", "_", last, flags=re.ASCII).lstrip(".")[-80:] or "file"


def _hold_to_limits(path: Path) -> None:
    if path.stat().st_size == 0:
        raise WorldFileError(f"{path.name} is empty.")
    suffix = path.suffix.lower()
    if suffix == ".parquet":
        _limit_parquet(path)
    elif suffix in (".csv", ".tsv"):
        _limit_text(path)
    elif suffix in (".world", ".xlsx"):
        _limit_archive(path, LARGEST_WORKBOOK if suffix == ".xlsx" else LARGEST_CONTENT)
    elif suffix not in SUFFIXES:
        raise WorldFileError(f"{path.name}: files ending in .world, {', '.join(SUFFIXES)} are read.")


def _limit_parquet(path: Path) -> None:
    from pyarrow import ArrowException, parquet

    try:
        meta = parquet.read_metadata(path)
    except (ArrowException, OSError) as error:
        raise WorldFileError(f"{path.name} is not a readable parquet file.") from error
    content = sum(meta.row_group(g).total_byte_size for g in range(meta.num_row_groups))
    if meta.num_rows > LARGEST_ROWS or content > LARGEST_CONTENT or meta.num_columns > LARGEST_COLUMNS:
        raise WorldFileError(
            f"{path.name} would unpack to {grouped(meta.num_rows)} rows, {grouped(meta.num_columns)} columns and "
            f"{grouped(content / 2**20)} MB, and is refused. {_ELSEWHERE}"
        )


def _limit_text(path: Path) -> None:
    with path.open("rb") as file:
        head = file.readline(LONGEST_HEAD + 1)
    columns = max(head.count(sign) for sign in (b",", b";", b"\t")) + 1
    if len(head) > LONGEST_HEAD or columns > LARGEST_COLUMNS:
        raise WorldFileError(
            f"The first line of {path.name} is no head of a table: {grouped(columns)} columns in {grouped(len(head))} bytes or more."
        )


def _limit_archive(path: Path, largest: int) -> None:
    if not zipfile.is_zipfile(path):
        return
    try:
        with zipfile.ZipFile(path) as archive:
            content = sum(member.file_size for member in archive.infolist())
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError) as error:
        raise WorldFileError(
            f"{path.name} is cut short or damaged ({error}). Fetch or save it again."
        ) from error
    if content > largest:
        instead = (
            "Save it as CSV." if path.suffix.lower() == ".xlsx" else "Name it in FIRMTRADE_WORLD instead."
        )
        raise WorldFileError(
            f"{path.name} would unpack to {grouped(content / 2**20)} MB and is refused. {instead}"
        )
