"""What verbs do at their two ends: read what they are given, stop in words; and tables as JSON knows them."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import typer

if TYPE_CHECKING:
    import pandas as pd
    from rich.progress import ProgressColumn

    from firmtrade_core.scenarios import Scenario
    from firmtrade_core.world.world import World

FAILED, WRONG_INPUT, INTERRUPTED = 1, 2, 130


def read_scenario(path: Path | None, preset: str | None) -> Scenario:
    """The scenario of a file or a preset.

    Raises
    ------
    ScenarioError
        If it is no scenario, or not one of the two is given.
    OSError
        If the file cannot be read.
    """
    from firmtrade_core.scenarios import Scenario, ScenarioError, load_preset
    from firmtrade_core.scenarios.yaml_text import LONGEST

    if (path is None) == (preset is None):
        raise ScenarioError("Give a scenario file or --preset NAME, one of the two (--presets lists them).")
    if path is None:
        return load_preset(preset or "")
    with path.open("rb") as file:
        return Scenario.from_yaml(file.read(LONGEST + 1))


def read_world(path: Path | None) -> World:
    """The world of a file; the embedded one without.

    Raises
    ------
    WorldError
        If the file is no world.
    """
    from firmtrade_core.world.embedded import load_embedded_world
    from firmtrade_core.world.world import World

    return load_embedded_world() if path is None else World.load(path)


def stop(message: str, code: int, as_json: bool) -> NoReturn:
    """End the command with a message, on standard error or as JSON."""
    typer.echo(json.dumps({"error": message}) if as_json else message, err=not as_json)
    raise typer.Exit(code)


@contextmanager
def refusals(
    as_json: bool,
    codes: Mapping[type[Exception], int] | None = None,
    advised: Callable[[str], str] = str,
    interrupted: str = "",
) -> Iterator[None]:
    """Ends the command in words where the work inside is refused.

    Errors of the core say what to do: they exit by 2 as wrong input does, and so does a file that cannot be used. Any
    other error is a fault of the product, and shows where it lies.

    Parameters
    ----------
    codes
        Exit codes of other errors; the first class that fits decides.
    advised
        A message in the words of this verb's options.
    interrupted
        What to say to those who stop it by hand; unless given, that shows as any fault does.
    """
    try:
        yield
    except KeyboardInterrupt:
        if not interrupted:
            raise
        stop(interrupted, INTERRUPTED, as_json)
    except Exception as error:
        told = (code for kind, code in (codes or {}).items() if isinstance(error, kind))
        ours = isinstance(error, ValueError) and type(error).__module__.startswith("firmtrade_core.")
        code = next(told, WRONG_INPUT if ours or isinstance(error, OSError) else None)
        if code is None:
            raise
        message = str(error)
        if isinstance(error, OSError) and error.strerror:
            message = f"{error.filename or 'A file'} cannot be read or written: {error.strerror}."
        stop(advised(message), code, as_json)


def refuse(error: Exception, as_json: bool, code: int, advised: Callable[[str], str] = str) -> NoReturn:
    """End the command where what was given is of no use: the message, as JSON with the kind of error."""
    message = advised(str(error))
    told = {"usable": False, "error": type(error).__name__, "message": message}
    typer.echo(json.dumps(told) if as_json else message, err=not as_json)
    raise typer.Exit(code)


@contextmanager
def progress_bar(
    quiet: bool,
    words: str = "Starting",
    columns: tuple[ProgressColumn, ...] = (),
    total: float | None = 1.0,
    **how: Any,
) -> Iterator[Callable[..., None]]:
    """A bar on standard error; gives what moves it, by ``completed``, ``description`` and ``total``.

    Parameters
    ----------
    words
        What it says before it moves.
    columns
        What stands in its line; a bar, the words and the time unless given.
    total
        What it runs to; None where that is told later.
    **how
        Of `rich.progress.Progress`.
    """
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    shown = columns or (BarColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*shown, console=Console(stderr=True), disable=quiet, **how) as bar:
        task = bar.add_task(words, total=total)
        yield lambda **changed: bar.update(task, **changed)


@contextmanager
def share_bar(quiet: bool) -> Iterator[Callable[[float, str], None]]:
    """A bar that is moved by the share done, 0 to 1, and words on what is being done."""
    with progress_bar(quiet) as move:
        yield lambda share, words: move(completed=share, description=words)


def records(table: pd.DataFrame) -> list[dict[Any, Any]]:
    """Rows for JSON, which knows no missing number: what is missing or withheld becomes null."""
    return table.astype(object).where(table.notna(), None).to_dict("records")


def finite(value: Any) -> Any:
    """The same with numbers that JSON does not know, such as the end of an endless interval, as null."""
    if isinstance(value, dict):
        return {key: finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
