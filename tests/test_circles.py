"""No file of the core waits for another that waits for it: rooms import one way, and files inside rooms do, too.

Imports inside functions and those for types alone count: they hide a circle, they do not open it.
"""

from __future__ import annotations

import ast
from pathlib import Path

PROJECT = Path(__file__).parents[1]

Graph = dict[str, set[str]]


def imports() -> Graph:
    """Files of the core by their dotted names below it, and what each imports of the others."""
    files = {}
    for path in sorted((PROJECT / "firmtrade_core").rglob("*.py")):
        name = ".".join(path.relative_to(PROJECT).with_suffix("").parts)
        files[name.removesuffix(".__init__")] = path
    graph: Graph = {}
    for name, path in files.items():
        found: set[str] = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module and not node.level:
                for alias in node.names:
                    whole = f"{node.module}.{alias.name}"
                    found.add(whole if whole in files else node.module)
            elif isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
        graph[name] = (found & set(files)) - {name}
    return graph


def reached(graph: Graph, start: str) -> set[str]:
    """Everything that a file needs, directly or not."""
    seen: set[str] = set()
    waiting = [start]
    while waiting:
        for other in graph[waiting.pop()] - seen:
            seen.add(other)
            waiting.append(other)
    return seen


def circles(graph: Graph) -> list[set[str]]:
    """Largest sets of files that all need each other."""
    needs = {name: reached(graph, name) for name in graph}
    found = {
        frozenset(other for other in needs[name] if name in needs[other])
        for name in graph
        if name in needs[name]
    }
    return [set(circle) for circle in found]


def test_a_circle_is_seen() -> None:
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) == [{"a", "b", "c"}]
    assert circles({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []


def test_no_circles() -> None:
    found = [sorted(circle) for circle in circles(imports())]
    assert found == [], "these files import each other: move what both need into a file of its own"
