"""Scenarios as YAML text, read as if it came from a stranger.

Only plain mappings, lists, texts and numbers are read. Tags, anchors, aliases, repeated keys, deep
nesting and long files are refused before anything is built from them.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import yaml

from firmtrade_core.labels import grouped
from firmtrade_core.scenarios.errors import ScenarioError

LONGEST = 200_000
DEEPEST = 12


class _PlainLoader(yaml.SafeLoader):
    """Reads yes, no, on and off as texts (NO is Norway), and refuses repeated keys."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        if not all(isinstance(key, str) for key in keys):
            raise ScenarioError(f"Line {node.start_mark.line + 1}: names of fields must be texts.")
        repeated = {key for key in keys if keys.count(key) > 1}
        if repeated:
            raise ScenarioError(f"Line {node.start_mark.line + 1}: {repeated.pop()[:40]!r} appears twice.")
        return super().construct_mapping(node, deep)


_PLAIN_TAGS = ("null", "bool", "int", "float")

_PlainLoader.yaml_implicit_resolvers = {
    first: [
        (tag, pattern)
        for tag, pattern in resolvers
        if tag.rsplit(":", 1)[-1] in _PLAIN_TAGS and (not tag.endswith("bool") or first in "tTfF")
    ]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def read(text: str | bytes) -> Any:
    """Plain data from YAML.

    Raises
    ------
    ScenarioError
        With the line where reading stopped.
    """
    if len(text) > LONGEST:
        raise ScenarioError(
            f"The file has {grouped(len(text))} characters; a scenario has at most {grouped(LONGEST)}."
        )
    try:
        decoded = text.decode("utf-8-sig") if isinstance(text, bytes) else text
        _refuse_tricks(decoded)
        return yaml.load(decoded, Loader=_PlainLoader)
    except UnicodeDecodeError:
        raise ScenarioError("The file is not text in UTF-8.") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" at line {mark.line + 1}" if mark else ""
        raise ScenarioError(
            f"This is not YAML{where}: {getattr(error, 'problem', None) or 'unreadable'}."
        ) from None
    except (ValueError, RecursionError) as error:
        if isinstance(error, ScenarioError):
            raise
        raise ScenarioError("A value in the file cannot be read.") from None


def _refuse_tricks(text: str) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=_PlainLoader):
        line = event.start_mark.line + 1 if event.start_mark else 0
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise ScenarioError(
                f"Line {line}: anchors and aliases (& and *) are not read; write the value out."
            )
        if getattr(event, "tag", None):
            raise ScenarioError(f"Line {line}: tags (!) are not read; use plain texts, numbers and lists.")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            raise ScenarioError(f"Line {line}: the file is nested more than {DEEPEST} deep.")


def write(content: dict[str, Any]) -> str:
    """YAML of plain data, short lists on one line, fields in order."""
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, default_flow_style=None, width=100)
