"""What an error advises, in the words of this door: options of the command line for arguments of the library."""

from __future__ import annotations

import re

import typer

#: Arguments of the library that the command line calls otherwise.
_RENAMED = {"output": "output-table", "gaps": "gaps", "layout": "column"}

_ARGUMENT = re.compile(r"\b([a-z][a-z_]*)=(\"[^\"]*\"|\d+|True\b)?(?![\w'])")


def for_the_command_line(message: str) -> str:
    """A message with its advice as options.

    Examples
    --------
    >>> for_the_command_line('Choose one with year=2019. Pass missing="zero" or country_codes=, or insist=True.')
    'Choose one with --year 2019. Pass --missing zero or --country-codes, or --insist.'
    """

    def option(found: re.Match[str]) -> str:
        name = found.group(1)
        value = (found.group(2) or "").strip('"').replace("True", "")
        text = f"--{_RENAMED.get(name, name.replace('_', '-'))} {value}"
        return text.rstrip()

    return _ARGUMENT.sub(option, message)


def pair(text: str) -> tuple[str, str]:
    """What stands before and behind the first ``=``.

    Raises
    ------
    typer.BadParameter
        If there is none.
    """
    before, sign, behind = text.partition("=")
    if not sign or not before.strip() or not behind.strip():
        raise typer.BadParameter(f"{text!r} should be two words with = between, such as exporter=origin.")
    return before.strip(), behind.strip()
