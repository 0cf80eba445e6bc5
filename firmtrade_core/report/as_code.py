"""What was asked for as Python that asks for it again, leaving out what a default says already."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from typing import Any

#: Columns of a line of code.
_WIDTH = 100


def as_code(value: Any, indent: int = 0) -> str:
    """A value as an expression: of a dataclass the fields that differ from their defaults, of folders a ``Path``.

    Parameters
    ----------
    value
        Dataclasses, tuples, dicts, paths and whatever ``repr`` writes as code.
    indent
        Spaces before the line, for what must be broken.
    """
    if isinstance(value, Path):
        return f"Path({str(value)!r})"
    if is_dataclass(value) and not isinstance(value, type):
        return _called(type(value).__name__, given(value, indent + 4), indent)
    if isinstance(value, tuple) and any(is_dataclass(each) for each in value):
        return _called("", [as_code(each, indent + 4) for each in value], indent, trailing=len(value) == 1)
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{key!r}: {as_code(each, indent)}' for key, each in value.items())}}}"
    return repr(value)


def given(value: Any, indent: int = 0) -> list[str]:
    """A dataclass's fields as arguments: those without a default by place, the others by name where they differ."""
    words = []
    for each in fields(value):
        mine = getattr(value, each.name)
        if each.default is MISSING and each.default_factory is MISSING:
            words.append(as_code(mine, indent))
        elif mine != (each.default if each.default_factory is MISSING else each.default_factory()):
            words.append(f"{each.name}={as_code(mine, indent)}")
    return words


def imports(code: str, homes: Mapping[str, str]) -> str:
    """Lines that import what ``code`` calls, from ``homes``: module by name."""
    called = {name: home for name, home in homes.items() if re.search(rf"\b{name}\(", code)}
    modules = sorted({*called.values()}, key=lambda home: (home.startswith("firmtrade"), home))
    return "\n".join(
        f"from {home} import {', '.join(sorted(name for name in called if called[name] == home))}"
        for home in modules
    )


def _called(name: str, words: list[str], indent: int, *, trailing: bool = False) -> str:
    """On one line where it fits, else one argument a line."""
    line = f"{name}({', '.join(words)}{',' if trailing else ''})"
    if indent + len(line) <= _WIDTH and "\n" not in line:
        return line
    inner, outer = " " * (indent + 4), " " * indent
    return f"{name}(\n" + "".join(f"{inner}{word},\n" for word in words) + f"{outer})"
