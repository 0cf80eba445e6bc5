"""Where files lie, in a checkout or in an installed package, and how they are written: whole or not at all."""

import csv
import os
import secrets
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

#: The package, and the folder that holds it: the checkout's root, or where packages are installed.
PACKAGE = Path(__file__).resolve().parent
PROJECT = PACKAGE.parent

#: Where shipped files lie: inside the package where a wheel was installed, beside it in a checkout.
SHIPPED = PACKAGE if (PACKAGE / "assets").is_dir() else PROJECT


def asset(name: str) -> Path:
    """Path of a file the product ships, below ``assets/``: beside the package, or in it where it was installed from a wheel.

    A wheel carries what `pyproject.toml` names under ``force-include``; the dashboard's own files stay in the checkout.
    """
    return SHIPPED / "assets" / name


def read_rows(table: Path, separator: str = ";") -> list[dict[str, str]]:
    """Rows of a shipped table, texts by head; lines that begin with ``#`` are remarks."""
    with table.open(encoding="utf-8", newline="") as file:
        told = (line for line in file if not line.startswith("#"))
        return list(csv.DictReader(told, delimiter=separator))


def in_checkout() -> bool:
    """Whether the dashboard, its pages and the benchmarks lie beside the package."""
    return (PROJECT / "serve.py").is_file() and (PROJECT / "pages").is_dir()


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


#: Mark of a file that is being written, and the age, in seconds, from which one left by a stopped program is cleared away.
_PART, _STALE = ".part", 86_400.0


@contextmanager
def whole_file(path: str | Path, mode: int = 0o666, *, lasting: bool = True) -> Iterator[Path]:
    """A place to write a file's new content, which takes the file's own name in one move when the block ends well.

    Readers see the old content or the new, never a part. Where writing fails, or the program is stopped within the block,
    the old file stands as it was, and where there was none there is none. What is no plain file (a pipe, a device) is
    written as it stands.

    Parameters
    ----------
    path
        The file that is meant; a link is followed, so that it stays a link.
    mode
        Permissions of a new file, before the process's mask; a file that exists keeps its own.
    lasting
        Whether to wait until the disk has it, so that a power cut loses nothing either; progress notes need not.

    Raises
    ------
    OSError
        If the folder cannot be written.
    """
    target = Path(os.path.realpath(path))
    if target.exists() and not target.is_file():
        yield target
        return
    _clear_stale(target)
    part = target.with_name(f".{target.name[:80]}.{secrets.token_hex(4)}{_PART}")
    os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode))
    try:
        if target.exists():
            part.chmod(target.stat().st_mode & 0o7777)
        yield part
        if lasting:
            with part.open("rb") as written:
                os.fsync(written.fileno())
        os.replace(part, target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def write_whole(path: str | Path, content: bytes | str, mode: int = 0o666, *, lasting: bool = True) -> None:
    """Write a file in one move (`whole_file`); text as UTF-8, its line ends as they are."""
    with whole_file(path, mode, lasting=lasting) as part:
        part.write_bytes(content.encode() if isinstance(content, str) else content)


def _clear_stale(target: Path) -> None:
    """Remove what programs that were stopped while writing this file left beside it."""
    for left in target.parent.glob(f".{_literal(target.name[:80])}.????????{_PART}"):
        try:
            if time.time() - left.stat().st_mtime > _STALE:
                left.unlink()
        except OSError:
            continue


def _literal(name: str) -> str:
    """A name as a pattern that only it matches."""
    return "".join(f"[{sign}]" if sign in "*?[" else sign for sign in name)
